"""Scoring by every format beside its bare runtime, and what the arrival of large models costs."""
