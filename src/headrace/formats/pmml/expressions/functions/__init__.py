"""The built-in functions of the standard, one family a file."""
