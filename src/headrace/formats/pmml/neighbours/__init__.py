"""The parts of a NearestNeighborModel: its training instances, and how neighbours' targets become a prediction."""
