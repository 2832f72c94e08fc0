import msgspec
import numpy as np
import pytest

from headrace.abc.model import Prepared
from headrace.errors import ModelFormatError
from headrace.formats.pmml.document import pack, unpack
from headrace.formats.pmml.xml import Element


def tree() -> Element:
    root = Element("PMML", {"version": "4.4"}, 1)
    for line in (2, 3):
        child = Element("Array", {}, line)
        child.table = {"a": np.arange(line, dtype=np.int32), "b": np.full((2, line), 0.5), "c": ["x", str(line)]}
        child.text = "text"
        root.children.append(child)
    return root


def test_a_packed_tree_is_restored_whole() -> None:
    restored = unpack(pack(tree()))
    assert [(child.tag, child.line, child.text) for child in tree()] == [(c.tag, c.line, c.text) for c in restored]
    for expected, actual in zip(tree(), restored, strict=True):
        assert expected.table is not None
        assert actual.table is not None
        assert {name: np.asarray(value).tolist() for name, value in expected.table.items()} == {
            name: np.asarray(value).tolist() for name, value in actual.table.items()
        }


def test_the_plan_is_json_and_there_is_one_array_a_type() -> None:
    prepared = pack(tree())
    assert prepared.plan == msgspec.json.decode(msgspec.json.encode(prepared.plan))
    assert {"<i4", "<f8"} == set(prepared.arrays)


@pytest.mark.parametrize(
    "plan", [{}, {"format": "pmml", "version": 0}, {"format": "pmml", "version": 1, "tree": ["PMML"]}]
)
def test_a_damaged_plan_is_refused(plan: dict[str, object]) -> None:
    with pytest.raises(ModelFormatError, match="prepared model"):
        unpack(Prepared(plan))
