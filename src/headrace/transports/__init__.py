"""Where records and model messages come from, and where results go."""
