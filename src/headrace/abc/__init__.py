"""Interfaces only: what a format, codec, source, sink and store must offer."""
