"""Bytes to values and back, without I/O: model messages, records, results."""
