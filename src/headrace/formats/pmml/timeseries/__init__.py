"""The parts of a TimeSeriesModel: the series that it carries, and how each algorithm forecasts."""
