"""Models of a few bytes."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headrace.errors import ModelFormatError, RecordError
from headrace.testing.toymodels import Recipe, ToyModel, read_recipe


def batch(*values: int) -> pa.RecordBatch:
    return pa.record_batch({"x": pa.array(values, pa.int64())})


def test_bytes_say_what_a_model_computes() -> None:
    recipe = read_recipe(b"picky:y:7")
    assert Recipe("picky", "y", 7) == recipe
    assert b"picky:y:7" == recipe.content
    assert [8, None] == [recipe.expect(x) for x in (1, 5)]


@pytest.mark.parametrize("content", [b"", b"corrupt", b"plain:y", b"other:y:7", b"plain:y:seven", b"\xff:y:7"])
def test_other_bytes_are_no_model(content: bytes) -> None:
    with pytest.raises(ModelFormatError, match="is no toy model"):
        read_recipe(content)


def test_each_kind_does_its_own_with_rows_that_it_refuses() -> None:
    assert [6, 10] == ToyModel(Recipe("plain", "y", 5)).score(batch(1, 5)).outputs.column(0).to_pylist()
    assert [1] == list(ToyModel(Recipe("picky", "y", 5)).score(batch(1, 5)).errors)
    assert 1 == ToyModel(Recipe("short", "y", 5)).score(batch(1, 5)).outputs.num_rows
    with pytest.raises(ValueError, match="1 of 2 rows"):
        ToyModel(Recipe("brittle", "y", 5)).score(batch(1, 5))


def test_one_record() -> None:
    model = ToyModel(Recipe("picky", "y", 5))
    assert {"y": 6} == model.score_one({"x": 1})
    with pytest.raises(RecordError, match="5 is refused"):
        model.score_one({"x": 5})


def test_misuse_is_noted() -> None:
    model = ToyModel(Recipe("plain", "y", 5))
    model.close()
    model.score(batch(1))
    model.close()
    assert ["scored after it was closed", "was closed twice"] == [told.split(") ")[1] for told in model.misuses]
