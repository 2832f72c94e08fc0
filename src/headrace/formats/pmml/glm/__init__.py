"""General regression: the design of parameters, link functions, baseline hazards."""
