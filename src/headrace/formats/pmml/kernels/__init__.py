"""Compiled inner loops. Signatures are explicit, so nothing is compiled while records are scored."""
