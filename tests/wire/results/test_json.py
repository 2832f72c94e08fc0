import datetime as dt
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigurationError
from headrace.wire.results import Selection, encode_json, encode_json_lines, select
from headrace.wire.results.json import write_column
from tests.wire.results.outcomes import OUTPUTS, results_of


def test_a_result_has_this_line() -> None:
    expected = (
        '{"id":"wine/2/10","key":"k","data_type":"wine","slot":"blue","model":"tree","version":"1",'
        f'"digest":"{"a" * 64}","position":7,"scored_at":1700000000000,"source":"wine","partition":2,"offset":10,'
        '"score_ns":100,"outputs":{"quality":5,"p(5)":0.5,"label":"good"}}'
    )

    assert expected == encode_json_lines(results_of()).decode().splitlines()[0]
    assert expected == encode_json(results_of())[0].as_py()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("offset", "outputs.quality"), '{"offset":10,"outputs":{"quality":5}}'),
        (("position", "outputs.label", "outputs.price"), '{"position":7,"outputs":{"label":"good"}}'),
        (("outputs.quality",), '{"outputs":{"quality":5}}'),
        (("model", "key"), '{"key":"k","model":"tree"}'),
        (("slot", "outputs.price"), '{"slot":"blue"}'),
        (("outputs.price",), "{}"),
    ],
)
def test_members_may_be_chosen(names: tuple[str, ...], expected: str) -> None:
    lines = encode_json(results_of(), Selection(frozenset(names)))
    assert 3 == len(lines)
    assert expected == lines[0].as_py()


def test_what_no_result_can_hold_is_not_chosen() -> None:
    assert select(["id", "outputs.y"]).takes("outputs.y")
    for name in ("price", "outputs.", "y"):
        with pytest.raises(ConfigurationError, match=f"'{name}' is no member of a result; there are id, key, .*NAME"):
            select(["id", name])


def test_what_all_rows_share_is_written_once_and_what_one_model_says_too() -> None:
    one = results_of(versions=results_of().versions[:1], version_of=np.zeros(3, np.int64), keys=None)
    lines = [json.loads(line) for line in encode_json(one).to_pylist()]
    assert [("tree", 7, None)] * 3 == [(line["model"], line["position"], line["key"]) for line in lines]


def test_lines_are_json_whatever_they_hold() -> None:
    def refuse(name: str) -> Any:
        raise AssertionError(name)

    lines = encode_json_lines(results_of()).decode().split("\n")
    second, third = (json.loads(line, parse_constant=refuse) for line in lines[1:3])

    assert lines[3:] == [""]
    assert second["outputs"] == {"quality": None, "p(5)": "NaN", "label": 'b"a\\d\n'}
    assert third["outputs"] == {"quality": 6, "p(5)": "-Infinity", "label": None}
    assert (second["key"], third["key"], third["model"]) == (None, "\\xff", 'for"est')


def test_a_model_without_outputs_and_a_batch_without_rows() -> None:
    empty = pa.RecordBatch.from_arrays([], schema=pa.schema([]))

    assert [{}, {}, {}] == [json.loads(line)["outputs"] for line in encode_json_lines(results_of(empty)).splitlines()]
    none = np.zeros(0, np.int64)
    assert encode_json_lines(results_of(OUTPUTS.slice(0, 0), rows=none, version_of=none, score_ns=none)) == b""


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1.0, -0.0, 1e20, 1e-7, 0.1, None], pa.float64(), ["1.0", "-0.0", "1e+20", "1e-7", "0.1", "null"]),
        ([math.nan, math.inf, -math.inf, 2.0], pa.float64(), ['"NaN"', '"Infinity"', '"-Infinity"', "2.0"]),
        ([0.1, None], pa.float32(), ["0.1", "null"]),
        ([True, False, None], pa.bool_(), ["true", "false", "null"]),
        ([2**64 - 1, 0], pa.uint64(), ["18446744073709551615", "0"]),
        ([None], pa.null(), ["null"]),
        (["é", "\x1f", "\u2028", None], pa.string(), ['"é"', r'"\u001f"', '"\u2028"', "null"]),
        ([b"\x00\x01"], pa.binary(), ['"AAE="']),
        ([[1.5, math.nan], None], pa.list_(pa.float64()), ['[1.5,"NaN"]', "null"]),
        ([dt.date(2020, 1, 2)], pa.date32(), ['"2020-01-02"']),
        ([0], pa.timestamp("ms"), ['"1970-01-01T00:00:00"']),
        (["a", "b"], pa.dictionary(pa.int8(), pa.string()), ['"a"', '"b"']),
    ],
)
def test_values_are_written(values: list[Any], kind: pa.DataType, expected: list[str]) -> None:
    assert expected == write_column(pa.array(values, kind)).to_pylist()


@given(st.lists(st.none() | st.floats(), min_size=1))
def test_floats_read_back_as_the_same(values: list[float | None]) -> None:
    names = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    texts = [json.loads(text) for text in write_column(pa.array(values, pa.float64())).to_pylist()]
    assert repr(values) == repr([names.get(text, text) if isinstance(text, str) else text for text in texts])


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=1))
def test_texts_read_back_as_the_same(values: list[str | None]) -> None:
    texts = write_column(pa.array(values, pa.string())).to_pylist()

    assert values == [json.loads(text) for text in texts]
    assert not any("\n" in text for text in texts)
