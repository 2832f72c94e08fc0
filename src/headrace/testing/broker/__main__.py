"""Fetch the broker's jars: exit status 2, and one message, where that cannot be."""

from __future__ import annotations

import sys

from headrace.errors import ConfigurationError
from headrace.testing.broker.artifacts import fetch_jars


def main() -> int:
    """Fetch the jars."""
    try:
        fetch_jars()
    except ConfigurationError as error:
        sys.stderr.write(f"headrace: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
