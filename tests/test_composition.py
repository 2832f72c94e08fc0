"""Models put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from headrace.abc.model import Scores
from headrace.composition import compose
from headrace.errors import RecordError, SignatureError
from headrace.records import Field, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.abc.model import Model


class Doubling:
    """Gives ``output`` = 2 * ``input``; refuses 13."""

    def __init__(self, source: str, output: str, kind: str = "double") -> None:
        self.source = source
        self.output = output
        self.signature = Signature((Field(source, kind),), (Field(output, "double"),))
        self.closed = False

    def score(self, batch: pa.RecordBatch) -> Scores:
        values = batch.column(self.source).to_numpy(zero_copy_only=False)
        errors = dict.fromkeys(np.flatnonzero(values == 13).tolist(), "13 is refused")
        outputs = pa.array(values * 2, mask=values == 13)
        return Scores(pa.RecordBatch.from_arrays([outputs], names=[self.output]), errors)

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        value = record[self.source]
        assert isinstance(value, int | float)
        if value == 13:
            raise RecordError("13 is refused")
        return {self.output: value * 2}

    def close(self) -> None:
        self.closed = True


def make_chain() -> Model:
    return compose(Doubling("x", "y"), Doubling("y", "z"))


def test_the_output_of_one_feeds_the_next() -> None:
    scores = make_chain().score(pa.RecordBatch.from_pydict({"x": [1.0, 2.0]}))
    assert scores.outputs.to_pydict() == {"z": [4.0, 8.0]}
    assert make_chain().score_one({"x": 1.0}) == {"z": 4.0}


def test_the_signature_asks_for_what_no_model_makes() -> None:
    assert make_chain().signature == Signature((Field("x", "double"),), (Field("z", "double"),))


def test_a_later_model_takes_further_inputs_from_the_record() -> None:
    chain = compose(Doubling("x", "y"), Doubling("w", "z"))
    assert [each.name for each in chain.signature.inputs] == ["x", "w"]
    assert chain.score(pa.RecordBatch.from_pydict({"x": [1.0], "w": [5.0]})).outputs.to_pydict() == {"z": [10.0]}


def test_a_row_that_one_model_refuses_is_refused_by_the_whole() -> None:
    scores = make_chain().score(pa.RecordBatch.from_pydict({"x": [13.0, 1.0]}))
    assert scores.errors[0] == "13 is refused"
    assert scores.outputs.column("z")[1].as_py() == 4.0
    with pytest.raises(RecordError):
        make_chain().score_one({"x": 13})


def test_closing_the_whole_closes_each() -> None:
    first, second = Doubling("x", "y"), Doubling("y", "z")
    compose(first, second).close()
    assert (first.closed, second.closed) == (True, True)


def test_one_name_of_two_types_is_an_error() -> None:
    with pytest.raises(SignatureError, match="input 'x' is double for one model and string for another"):
        compose(Doubling("x", "y"), Doubling("x", "z", kind="string"))


def test_nothing_to_compose_is_an_error() -> None:
    with pytest.raises(SignatureError, match="nothing to compose"):
        compose()
