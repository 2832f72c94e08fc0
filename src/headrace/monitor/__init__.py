"""What an operator sees: the statistics view, a REST interface, metrics, and a page."""
