"""Where state and model bytes are kept."""
