"""Rain, a sprinkler and wet grass: what is expected is counted out over all combinations."""

import math
from itertools import pairwise, product

import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import X, Y, document, load, schema, score

RAIN = {"yes": 0.2, "no": 0.8}
SPRINKLER = {"yes": {"on": 0.01, "off": 0.99}, "no": {"on": 0.4, "off": 0.6}}
WET = {("yes", "on"): 0.99, ("yes", "off"): 0.8, ("no", "on"): 0.9, ("no", "off"): 0.05}


def field(name: str, *values: str) -> str:
    listed = "".join(f'<Value value="{value}"/>' for value in values)
    return f'<DataField name="{name}" optype="categorical" dataType="string">{listed}</DataField>'


FIELDS = field("rain", "yes", "no") + field("sprinkler", "on", "off") + field("wet", "1", "0") + X + Y


def shares(values: dict[str, float]) -> str:
    return "".join(f'<ValueProbability value="{name}" probability="{value}"/>' for name, value in values.items())


def given(**parents: str) -> str:
    return "".join(f'<ParentValue parent="{name}" value="{value}"/>' for name, value in parents.items())


def condition(parents: str, values: dict[str, float]) -> str:
    return f"<DiscreteConditionalProbability>{parents}{shares(values)}</DiscreteConditionalProbability>"


def discrete(name: str, content: str) -> str:
    return f'<DiscreteNode name="{name}">{content}</DiscreteNode>'


def constant(value: float) -> str:
    return f'<Constant dataType="double">{value}</Constant>'


def distribution(kind: str, **parameters: float | str) -> str:
    inner = "".join(
        f"<{name}>{value if isinstance(value, str) else constant(value)}</{name}>" for name, value in parameters.items()
    )
    return f"<ContinuousDistribution><{kind}>{inner}</{kind}></ContinuousDistribution>"


def continuous(name: str, content: str) -> str:
    return f'<ContinuousNode name="{name}">{content}</ContinuousNode>'


def by_rain(yes: str, no: str) -> str:
    return "".join(
        f"<ContinuousConditionalProbability>{given(rain=value)}{part}</ContinuousConditionalProbability>"
        for value, part in (("yes", yes), ("no", no))
    )


NODES = (
    discrete("rain", shares(RAIN))
    + discrete("sprinkler", "".join(condition(given(rain=value), table) for value, table in SPRINKLER.items()))
    + discrete(
        "wet",
        "".join(
            condition(given(rain=rain, sprinkler=sprinkler), {"1": p, "0": 1 - p})
            for (rain, sprinkler), p in WET.items()
        ),
    )
)
GAUGE = continuous(
    "x",
    by_rain(
        distribution("NormalDistribution", Mean=5, Variance=4), distribution("UniformDistribution", Lower=0, Upper=8)
    ),
)


def model(nodes: str, target: str = "rain", function: str = "classification") -> bytes:
    others = [name for name in ("rain", "sprinkler", "wet", "x") if name != target]
    output = "" if target != "rain" else '<Output><OutputField name="p" feature="probability" value="yes"/></Output>'
    return document(
        f'<BayesianNetworkModel functionName="{function}">{schema(*others, target=target)}{output}'
        f"<BayesianNetworkNodes>{nodes}</BayesianNetworkNodes></BayesianNetworkModel>",
        FIELDS,
    )


def chance(rain: str, sprinkler: str, wet: str) -> float:
    p = WET[rain, sprinkler]
    return RAIN[rain] * SPRINKLER[rain][sprinkler] * (p if wet == "1" else 1 - p)


def posterior(sprinkler: str | None, wet: str | None, density: dict[str, float] | None = None) -> float:
    totals = dict.fromkeys(RAIN, 0.0)
    for rain, s, w in product(RAIN, ("on", "off"), ("1", "0")):
        if sprinkler in (None, s) and wet in (None, w):
            totals[rain] += chance(rain, s, w) * (density or {"yes": 1, "no": 1})[rain]
    return totals["yes"] / sum(totals.values())


@pytest.mark.parametrize(("sprinkler", "wet"), list(product(["on", "off", None, "broken"], ["1", "0", None])))
def test_a_class_s_probability_follows_from_what_is_known(sprinkler: str | None, wet: str | None) -> None:
    known = None if sprinkler == "broken" else sprinkler
    content = model(NODES).replace(b'<Value value="on"/><Value value="off"/>', b"")
    scored = score(content, sprinkler=[sprinkler, "on"], wet=[wet, "1"])
    expected = posterior(known, wet)
    assert [expected, posterior("on", "1")] == pytest.approx(scored["p"])
    assert ["yes" if expected > 0.5 else "no"] == scored["rain"][:1]


def test_a_record_that_says_nothing_leaves_the_prior() -> None:
    assert [0.2] == pytest.approx(score(model(NODES), wet=[None])["p"])


def test_a_number_weighs_by_its_density() -> None:
    scored = score(model(NODES + GAUGE), x=[6.0, 9.0, None], wet=["1", "1", "1"])["p"]
    normal = [math.exp(-((x - 5) ** 2) / 8) / math.sqrt(8 * math.pi) for x in (6.0, 9.0)]
    assert [
        posterior(None, "1", {"yes": normal[0], "no": 1 / 8}),
        posterior(None, "1", {"yes": normal[1], "no": 0.0}),
        posterior(None, "1"),
    ] == pytest.approx(scored)


def test_what_is_known_may_be_impossible() -> None:
    impossible = by_rain(*(distribution("UniformDistribution", Lower=0, Upper=1) for _ in "12"))
    assert [None] == score(model(NODES + continuous("x", impossible)), x=[2.0])["p"]


@pytest.mark.parametrize(
    ("part", "density"),
    [
        (distribution("TriangularDistribution", Mean=3, Lower=0, Upper=6), 2 / 6 * 2 / 3),
        (distribution("TriangularDistribution", Mean=2, Lower=0, Upper=6), 2 * (6 - 2) / (6 * 6)),
        (distribution("TriangularDistribution", Mean=5 / 3, Lower=0, Upper=4), 2 * (4 - 2) / (4 * (4 - 1))),
        (distribution("UniformDistribution", Lower=1, Upper=5), 1 / 4),
        (
            distribution("LognormalDistribution", Mean=1, Variance=0.25),
            math.exp(-((math.log(2) - 1) ** 2) / 0.5) / math.sqrt(0.5 * math.pi) / 2,
        ),
        (
            distribution("NormalDistribution", Mean='<FieldRef field="y"/>', Variance=1),
            math.exp(-0.5) / math.sqrt(2 * math.pi),
        ),
    ],
)  # fmt: skip
def test_densities(part: str, density: float) -> None:
    other = distribution("UniformDistribution", Lower=0, Upper=10)
    content = model(NODES + continuous("x", by_rain(part, other)))
    assert [posterior(None, None, {"yes": density, "no": 0.1})] == pytest.approx(score(content, x=[2.0], y=[3.0])["p"])


def test_a_number_that_a_known_node_depends_on_must_be_known() -> None:
    part = distribution("NormalDistribution", Mean='<FieldRef field="y"/>', Variance=1)
    content = model(NODES + continuous("x", part))
    assert [None, 0.2, 0.2] == pytest.approx(score(content, x=[2.0, None, 2.0], y=[None, None, 1.0])["p"])


def test_the_mean_of_a_number_follows_from_its_parents() -> None:
    scored = score(model(NODES + GAUGE, "x", "regression"), rain=["yes", "no", None, None], wet=[None, None, None, "1"])
    p = posterior(None, "1")
    assert [5.0, 4.0, 0.2 * 5 + 0.8 * 4, p * 5 + (1 - p) * 4] == pytest.approx(scored["x"])


@pytest.mark.parametrize(
    ("part", "mean"),
    [
        (distribution("TriangularDistribution", Mean=3, Lower=0, Upper=7), 3.0),
        (distribution("LognormalDistribution", Mean=1, Variance=0.5), math.exp(1.25)),
        (distribution("NormalDistribution", Mean='<FieldRef field="y"/>', Variance=1), 7.0),
    ],
)
def test_means(part: str, mean: float) -> None:
    assert [mean] == pytest.approx(score(model(NODES + continuous("x", part), "x", "regression"), y=[7.0])["x"])


def test_a_long_chain_is_summed_over_node_by_node() -> None:
    names = [f"n{number}" for number in range(60)]
    fields = "".join(field(name, "a", "b") for name in names)
    nodes = discrete("n0", shares({"a": 0.5, "b": 0.5})) + "".join(
        discrete(
            name,
            condition(given(**{before: "a"}), {"a": 0.9, "b": 0.1})
            + condition(given(**{before: "b"}), {"a": 0.1, "b": 0.9}),
        )
        for before, name in pairwise(names)
    )
    content = document(
        f'<BayesianNetworkModel functionName="classification">{schema(*names[1:], target="n0")}'
        '<Output><OutputField name="p" feature="probability" value="a"/></Output>'
        f"<BayesianNetworkNodes>{nodes}</BayesianNetworkNodes></BayesianNetworkModel>",
        fields,
    )
    assert [0.5 + 0.5 * 0.8**59] == pytest.approx(score(content, n59=["a"])["p"], rel=1e-12)


LOOP = discrete("rain", condition(given(wet="1"), RAIN)) + discrete("wet", condition(given(rain="yes"), {"1": 1.0}))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (model(discrete("rain", condition(given(wet="1"), RAIN))), "the parent 'wet' is no discrete node"),
        (model(NODES.replace('parent="rain" value="yes"', 'parent="rain" value="hail"')), "has no value 'hail'"),
        (model(NODES.replace('<ParentValue parent="rain" value="yes"/><ParentValue', "<ParentValue")),
         "it names no value of the parent 'rain'"),
        (model(NODES + discrete("rain", shares(RAIN))), "the node 'rain' is given twice"),
        (model(NODES + discrete("snow", "")), "the node 'snow' has no probabilities"),
        (model(NODES + discrete("snow", shares(RAIN))), "there is no field 'snow'"),
        (model(NODES.replace('"0.2"', '"-0.2"')), "the probability -0.2 is below 0"),
        (model(NODES, target="x"), "no node is the target 'x'"),
        (model(NODES, function="regression"), "does not fit the target's node"),
        (model(LOOP), "the nodes form a cycle: rain, wet"),
        (model(discrete("rain", condition(given(rain="yes"), RAIN))), "the nodes form a cycle"),
        (model(NODES + continuous("sprinkler", distribution("UniformDistribution", Lower=0, Upper=1))),
         "the field 'sprinkler' holds text"),
        (model(NODES + continuous("x", "<ContinuousDistribution/>")), "it holds no distribution"),
        (model(NODES + continuous("x", distribution("UniformDistribution", Lower=0))), "it holds no Upper"),
    ],
)  # fmt: skip
def test_broken_networks_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)


def test_what_would_need_sampling_is_not_supported() -> None:
    part = distribution("NormalDistribution", Mean='<FieldRef field="x"/>', Variance=1)
    with pytest.raises(UnsupportedError, match="depends on the target 'x'"):
        load(model(NODES + GAUGE + continuous("y", part), "x", "regression"))
    with pytest.raises(UnsupportedError, match="it holds 2 distributions"):
        load(model(NODES + continuous("x", distribution("UniformDistribution", Lower=0, Upper=1) * 2)))


def test_too_many_combinations_are_not_supported() -> None:
    parents = {f"n{number}": "a" for number in range(17)}
    fields = "".join(field(name, "a", "b") for name in parents)
    nodes = "".join(discrete(name, shares({"a": 0.5, "b": 0.5})) for name in parents)
    content = model(nodes + discrete("rain", condition(given(**parents), RAIN))).replace(
        X.encode(), X.encode() + fields.encode()
    )
    with pytest.raises(UnsupportedError, match="its 17 parents have too many combinations"):
        load(content)
