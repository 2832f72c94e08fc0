import csv
import io

import pyarrow as pa

from headrace.wire.results import encode_csv, make_csv_header, tabulate
from tests.wire.results.outcomes import results_of


def test_lines_and_header() -> None:
    results = results_of()
    text = (make_csv_header(results) + encode_csv(results)).decode()
    names, *rows = csv.reader(io.StringIO(text, newline=""))

    assert tabulate(results).schema.names == names
    assert ["wine/2/10", "k", "wine", "blue", "tree", "1", "a" * 64, "7"] == rows[0][:8]
    assert [["5", "0.5", "good"], ["", "NaN", 'b"a\\d\n'], ["6", "-Infinity", ""]] == [row[-3:] for row in rows]


def test_an_empty_text_is_not_a_missing_one() -> None:
    outputs = pa.record_batch({"x": pa.array(["", None, "a"])})
    lines = encode_csv(results_of(outputs)).decode().splitlines()

    assert ['""', "", '"a"'] == [line.rpartition(",")[2] for line in lines]


def test_lists_and_bytes_have_a_form() -> None:
    outputs = pa.record_batch({"x": pa.array([[1.0], None, []]), "y": pa.array([b"\x00", None, b""])})
    rows = list(csv.reader(io.StringIO(encode_csv(results_of(outputs)).decode())))

    assert [["[1.0]", "AA=="], ["", ""], ["[]", ""]] == [row[-2:] for row in rows]
