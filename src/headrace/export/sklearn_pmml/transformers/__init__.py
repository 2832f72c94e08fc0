"""Transformers, one family a file: each names its exporters by scikit-learn's class names in ``EXPORTERS``."""
