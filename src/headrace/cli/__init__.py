"""The command line."""

from __future__ import annotations


def main() -> int:
    """Run the command that the program's arguments name, and give its exit code."""
    from headrace.cli.program import program

    return program.run()
