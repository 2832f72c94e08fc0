"""Figures, each printed as one line: ``name: value, goal G, met`` or ``missed``. Run with ``make bench-NAME``."""
