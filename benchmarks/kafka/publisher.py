"""Publishes a model when it is told to: ``python -m benchmarks.kafka.publisher BOOTSTRAP TOPIC KIND NAME FILE``.

``KIND`` is engine or peers. A process of its own, so that whoever reads results does nothing else. Prints "ready",
waits for a line, and prints the moment at which it began, of the machine's monotonic clock.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from benchmarks.kafka.topics import publish, publish_to_peers


def main() -> None:
    """Publish."""
    bootstrap, topic, kind, name, file = sys.argv[1:]
    content = Path(file).read_bytes()
    print("ready", flush=True)
    sys.stdin.readline()
    print(time.monotonic(), flush=True)
    (publish if kind == "engine" else publish_to_peers)(bootstrap, topic, name, content)


if __name__ == "__main__":
    main()
