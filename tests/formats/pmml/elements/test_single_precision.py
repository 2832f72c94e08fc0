"""x-mathContext="float": sums of segments in single precision, in the order in which boosting libraries add."""

import pytest

from tests.formats.pmml.building import document, schema, score

LAST_WHOLE = 2.0**24  # in single precision the next number lies two above


def tree(value: str) -> str:
    """A tree of one leaf."""
    return (
        f'<TreeModel functionName="regression" x-mathContext="float">{schema("x")}'
        f'<Node score="{value}"><True/></Node></TreeModel>'
    )


def regression(value: str) -> str:
    """A regression of a constant."""
    return (
        f'<RegressionModel functionName="regression" x-mathContext="float">{schema("x")}'
        f'<RegressionTable intercept="{value}"/></RegressionModel>'
    )


def ensemble(segments: list[str], target: str, context: str = ' x-mathContext="float"', method: str = "sum") -> bytes:
    """A sum of segments, and what is done to it."""
    listed = "".join(f"<Segment><True/>{segment}</Segment>" for segment in segments)
    return document(
        f'<MiningModel functionName="regression"{context}>{schema("x", target="y")}'
        f'<Targets><Target field="y" {target}/></Targets>'
        f'<Segmentation multipleModelMethod="{method}">{listed}</Segmentation></MiningModel>'
    )


@pytest.mark.parametrize("segment", [tree, regression])
def test_a_sum_starts_from_the_targets_constant(segment: object) -> None:
    assert callable(segment)
    model = ensemble([segment("1"), segment("1")], f'rescaleConstant="{LAST_WHOLE}"')
    assert score(model, x=[0.0])["y"] == [LAST_WHOLE]


def test_the_constant_is_rounded_first() -> None:
    model = ensemble([tree(str(LAST_WHOLE))], 'rescaleConstant="1.00000001"')
    assert score(model, x=[0.0])["y"] == [LAST_WHOLE]


def test_a_double_sum_is_exact() -> None:
    model = ensemble([tree("1"), tree("1")], f'rescaleConstant="{LAST_WHOLE}"', context="")
    assert score(model, x=[0.0])["y"] == [LAST_WHOLE + 2]


@pytest.mark.parametrize("more", ['rescaleFactor="2"', 'min="0"', 'castInteger="round"'])
def test_a_target_that_does_more_comes_after_the_sum(more: str) -> None:
    model = ensemble([tree("1"), tree("1")], f'rescaleConstant="{LAST_WHOLE}" {more}')
    assert score(model, x=[0.0])["y"] == [LAST_WHOLE + (4 if "Factor" in more else 2)]


def test_a_mean_does_not_start_from_the_constant() -> None:
    model = ensemble([tree("1"), tree("3")], 'rescaleConstant="10"', method="average")
    assert score(model, x=[0.0])["y"] == [12.0]
