"""Sends wines at a steady rate: ``python -m benchmarks.kafka.load BOOTSTRAP TOPIC RATE MOST``.

Prints "ready", and reads the moment at which it is to begin, of the machine's monotonic clock. A record's key is its
number; it is due at that moment plus its number by the rate, whatever became of those before it. Sends up to ``MOST``
records or until its standard input ends; then prints how many it sent, and by how many milliseconds the latest of them
was late.
"""

from __future__ import annotations

import select
import sys
import time

from confluent_kafka import Producer

from benchmarks.embedded.models import write_wines

TICK = 0.0005


def main() -> None:
    """Send."""
    bootstrap, topic, *numbers = sys.argv[1:]
    rate, most = float(numbers[0]), int(numbers[1])
    values = write_wines(1_599).to_pylist()
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "acks": "1"})
    producer.list_topics(topic)
    print("ready", flush=True)
    began = float(sys.stdin.readline())
    number, latest = 0, 0.0
    while number < most and not select.select([sys.stdin], [], [], 0)[0]:
        due = min(most, int((time.monotonic() - began) * rate) + 1)
        for each in range(number, due):
            latest = max(latest, time.monotonic() - began - each / rate)
            producer.produce(topic, values[each % len(values)], b"%d" % each, 0)
        number = max(number, due)
        producer.poll(0)
        time.sleep(TICK)
    producer.flush()
    print(number, latest * 1e3, flush=True)


if __name__ == "__main__":
    main()
