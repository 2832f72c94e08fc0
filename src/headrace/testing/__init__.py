"""For those who write engines, formats or stores: what to check them with."""
