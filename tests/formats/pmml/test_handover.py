import msgspec

from headrace.abc.model import Prepared
from headrace.formats.pmml import PmmlFormat
from tests.formats.pmml.building import X, Y, document, schema


def forest(count: int) -> bytes:
    """A forest of small trees of three leaves, each with other limits."""
    trees = "".join(
        f'<Segment><True/><TreeModel functionName="regression">{schema("x")}<Node><True/>'
        f'<Node score="{n}"><SimplePredicate field="x" operator="lessThan" value="{n}.5"/></Node>'
        f'<Node><SimplePredicate field="x" operator="greaterOrEqual" value="{n}.5"/>'
        f'<Node score="{n + 1}"><SimplePredicate field="x" operator="lessThan" value="{n + 1}.5"/></Node>'
        f'<Node score="{n + 2}"><SimplePredicate field="x" operator="greaterOrEqual" value="{n + 1}.5"/></Node>'
        "</Node></Node></TreeModel></Segment>"
        for n in range(count)
    )
    return document(
        f'<MiningModel functionName="regression">{schema("x", target="y")}'
        f'<Segmentation multipleModelMethod="sum">{trees}</Segmentation></MiningModel>',
        X + Y,
    )


def plan_size(prepared: Prepared) -> int:
    return len(msgspec.json.encode(prepared.plan))


def test_a_forest_is_handed_over_as_arrays_and_its_plan_does_not_grow_with_it() -> None:
    small, large = (PmmlFormat().prepare(forest(count)) for count in (2, 400))
    assert plan_size(large) - plan_size(small) < 100
    assert sum(array.nbytes for array in large.arrays.values()) > 400 * 5 * 8
    model = PmmlFormat().assemble(large)
    assert {"y": sum(n + min(max(21 - n, 0), 2) for n in range(400))} == model.score_one({"x": 20.5})
