"""Two instances, so that every inverse can be written out."""

import math

import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import COLOUR, X, Y, document, load, schema, score

Z = Y.replace('"y"', '"z"')
POINTS = ((1.0, 2.0, 10.0), (3.0, 1.0, -4.0))
ROWS = "".join(f"<row><a>{x}</a><b>{z}</b><c>{y}</c></row>" for x, z, y in POINTS)
INSTANCES = "".join(f'<InstanceField field="{field}" column="{column}"/>' for field, column in ("xa", "zb", "yc"))
ARD = '<{0} gamma="{1}" noiseVariance="0.5" {3}><Lambda><Array type="real">{2}</Array></Lambda></{0}>'


def model(kernel: str, function: str = "regression", rows: str = ROWS, instances: str = INSTANCES) -> bytes:
    return document(
        f'<GaussianProcessModel functionName="{function}">{schema("x", "z", target="y")}'
        '<Output><OutputField name="mean" feature="predictedValue"/>'
        f'<OutputField name="sd" feature="standardDeviation"/></Output>{kernel}'
        f"<TrainingInstances><InstanceFields>{instances}</InstanceFields><InlineTable>{rows}</InlineTable>"
        "</TrainingInstances></GaussianProcessModel>",
        X + Z + Y + COLOUR,
    )


def half_square(lengths: tuple[float, float], left: tuple[float, ...], right: tuple[float, ...]) -> float:
    return sum(((a - b) / length) ** 2 for a, b, length in zip(left, right, lengths, strict=False)) / 2


def power(lengths: tuple[float, float], degree: float, left: tuple[float, ...], right: tuple[float, ...]) -> float:
    return math.fsum((abs(a - b) / length) ** degree for a, b, length in zip(left, right, lengths, strict=False))


@pytest.mark.parametrize(
    ("kernel", "distance"),
    [
        (
            '<RadialBasisKernel gamma="2" noiseVariance="0.5" lambda="3"/>',
            lambda left, right: half_square((3, 3), left, right),
        ),
        (ARD.format("ARDSquaredExponentialKernel", 2, "2 4", ""), lambda left, right: half_square((2, 4), left, right)),
        (ARD.format("AbsoluteExponentialKernel", 2, "2 4", ""), lambda left, right: power((2, 4), 1, left, right)),
        (ARD.format("AbsoluteExponentialKernel", 2, "2", ""), lambda left, right: power((2, 2), 1, left, right)),
        (
            ARD.format("GeneralizedExponentialKernel", 2, "2 4", 'degree="1.5"'),
            lambda left, right: power((2, 4), 1.5, left, right),
        ),
    ],
)
def test_the_mean_and_the_deviation_follow_from_the_instances(kernel: str, distance: object) -> None:
    assert callable(distance)
    first, second, record = (1.0, 2.0), (3.0, 1.0), (2.0, 2.0)
    off = 2 * math.exp(-distance(first, second))
    k = [2 * math.exp(-distance(record, point)) for point in (first, second)]
    determinant = 2.5**2 - off**2
    weights = [(2.5 * 10 + off * 4) / determinant, (-off * 10 - 2.5 * 4) / determinant]
    explained = (k[0] * (2.5 * k[0] - off * k[1]) + k[1] * (2.5 * k[1] - off * k[0])) / determinant
    scored = score(model(kernel), x=[2.0, None], z=[2.0, 2.0])
    assert [k[0] * weights[0] + k[1] * weights[1]] == pytest.approx(scored["mean"][:1])
    assert [math.sqrt(2 - explained + 0.5)] == pytest.approx(scored["sd"][:1])
    assert [None, None] == [scored["mean"][1], scored["sd"][1]]


def test_many_records_are_scored_as_each_alone() -> None:
    content = model("<RadialBasisKernel/>")
    xs = [place / 9000 for place in range(20_000)]
    means = score(content, x=xs, z=[0.0] * len(xs))["mean"]
    picked = [0, 16_383, 16_384, 19_999]
    alone = [score(content, x=[xs[place]], z=[0.0])["mean"][0] for place in picked]
    assert alone == pytest.approx([means[place] for place in picked])


RADIAL = "<RadialBasisKernel/>"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (model(""), "it holds no kernel; those are RadialBasisKernel"),
        (model(RADIAL, rows=""), "no column 'a'"),
        (model(RADIAL, rows=ROWS.replace("10.0", "ten")), "a target of its instances is not a number"),
        (model(RADIAL, rows=ROWS.replace("<a>1.0</a>", "")), "an instance lacks a value"),
        (model(RADIAL, rows=ROWS.replace("10.0", "inf")), "or has an infinite one"),
        (model(RADIAL, instances=INSTANCES.replace('"x"', '"colour"')), "the field 'colour' holds text"),
        (model(RADIAL, instances=INSTANCES.replace('"x"', '"q"')), "there is no field 'q'"),
        (model('<RadialBasisKernel lambda="0"/>'), "must be above 0"),
        (model('<RadialBasisKernel noiseVariance="-1"/>'), "noiseVariance=-1.0 is below 0"),
        (model('<RadialBasisKernel noiseVariance="0"/>', rows=ROWS + ROWS), "is not positive definite"),
        (model(ARD.format("ARDSquaredExponentialKernel", 1, "1 2 3", "")), "its Lambda has 3 lengths for 2 fields"),
    ],
)
def test_broken_models_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)


def test_only_regressions_have_a_scoring() -> None:
    with pytest.raises(UnsupportedError, match="the scoring of a regression only"):
        load(model(RADIAL, function="classification"))
