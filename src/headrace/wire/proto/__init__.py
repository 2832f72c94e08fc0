"""Generated messages: see README.md beside this file."""
