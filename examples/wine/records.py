"""Write the red wines as JSON lines, with ids and event times: ``python -m examples.wine.records > wines.jsonl``.

With ``--labels`` it writes the quality that people gave to each wine, by record id.
"""

from __future__ import annotations

import argparse
import json

from headrace.app.wine import INTERVAL, read_labels, read_records


def main() -> None:
    """Write the records, or the labels, to standard output."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--labels", action="store_true", help="write the labels by record id")
    parser.add_argument("--interval", type=int, default=INTERVAL, help="milliseconds between event times")
    arguments = parser.parse_args()
    if arguments.labels:
        print(json.dumps(read_labels()))
        return
    for record in read_records(interval=arguments.interval):
        print(json.dumps(record))


if __name__ == "__main__":
    main()
