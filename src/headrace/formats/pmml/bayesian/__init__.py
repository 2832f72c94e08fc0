"""Bayesian networks: nodes as factors, distributions, elimination."""
