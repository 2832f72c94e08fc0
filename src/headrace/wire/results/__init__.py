"""Results as a table, and as bytes: JSON lines, CSV, protobuf."""

from headrace.wire.results.csv import encode_csv, make_csv_header
from headrace.wire.results.json import ALL, Selection, encode_json, encode_json_lines, select
from headrace.wire.results.protobuf import encode_protobuf
from headrace.wire.results.table import OUTPUT_PREFIX, tabulate

__all__ = [
    "ALL",
    "OUTPUT_PREFIX",
    "Selection",
    "encode_csv",
    "encode_json",
    "encode_json_lines",
    "encode_protobuf",
    "make_csv_header",
    "select",
    "tabulate",
]
