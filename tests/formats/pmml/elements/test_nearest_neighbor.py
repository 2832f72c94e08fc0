import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import LABEL, X, Y, document, load, schema, score

ROWS = (("p", 0, 10, "no"), ("q", 1, 20, "yes"), ("r", 2, 60, "yes"), ("s", 10, 100, "no"), ("t", 20, 200, "no"))
RANKED = (
    '<OutputField name="first" feature="entityId"/><OutputField name="third" feature="entityId" rank="3"/>'
    '<OutputField name="distance" feature="affinity" rank="3"/>'
    '<OutputField name="to_p" feature="entityAffinity" value="p"/>'
    '<OutputField name="all" feature="entityId" rank="2" isMultiValued="1"/>'
)


def instances(
    rows: tuple[tuple[object, ...], ...] = ROWS, attributes: str = "", columns: str = "name x y label"
) -> str:
    fields = "".join(f'<InstanceField field="{name}" column="c_{name}"/>' for name in columns.split())
    cells = "".join(
        "<row>"
        + "".join(
            f"<c_{name}>{value}</c_{name}>" for name, value in zip(columns.split(), row, strict=True) if value != ""
        )
        + "</row>"
        for row in rows
    )
    return (
        f"<TrainingInstances {attributes}><InstanceFields>{fields}</InstanceFields><InlineTable>{cells}</InlineTable>"
        "</TrainingInstances>"
    )


def neighbours(
    target: str = "y",
    attributes: str = 'numberOfNeighbors="3"',
    function: str = "regression",
    table: str = instances(),
    output: str = "",
    inputs: str = '<KNNInput field="x"/>',
    measure: str = '<ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure>',
    names: tuple[str, ...] = ("x",),
    fields: str = X + Y + LABEL,
    extra: str = "",
) -> bytes:
    return document(
        f'<NearestNeighborModel functionName="{function}" instanceIdVariable="name" {attributes}>'
        f"{schema(*names, target=target, extra=extra)}<Output>{output}</Output>"
        f"{table}{measure}<KNNInputs>{inputs}</KNNInputs></NearestNeighborModel>",
        fields,
    )


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("average", 30.0),
        ("median", 20.0),
        ("weightedAverage", (10 / 0.5 + 20 / 1.5 + 60 / 2.5) / (1 / 0.5 + 1 / 1.5 + 1 / 2.5)),
    ],
)
def test_numbers_are_averaged(method: str, value: float) -> None:
    # x = 0 lies 0, 1 and 2 from its neighbours; the threshold 0.5 is added to each
    attributes = f'numberOfNeighbors="3" threshold="0.5" continuousScoringMethod="{method}"'
    assert score(neighbours(attributes=attributes), x=[0.0])["y"] == pytest.approx([value])


@pytest.mark.parametrize(("method", "label"), [("majorityVote", "yes"), ("weightedMajorityVote", "no")])
def test_classes_are_voted_for(method: str, label: str) -> None:
    attributes = f'numberOfNeighbors="3" categoricalScoringMethod="{method}"'
    content = neighbours(
        "label",
        attributes,
        "classification",
        output='<OutputField name="p" feature="probability" value="yes"/>',
    )
    outputs = score(content, x=[0.0])
    near, further = 1 / 0.001, 1 / 1.001 + 1 / 2.001
    share = 2 / 3 if method == "majorityVote" else further / (near + further)
    assert [label] == outputs["label"]
    assert outputs["p"] == pytest.approx([share])


def test_of_equal_votes_the_class_with_more_instances_wins() -> None:
    content = neighbours("label", 'numberOfNeighbors="2"', "classification")
    assert ["no"] == score(content, x=[0.0])["label"]


def test_of_equally_frequent_classes_the_first_in_the_alphabet_wins() -> None:
    table = instances((("p", 0, 0, "yes"), ("q", 1, 0, "no")))
    content = neighbours("label", 'numberOfNeighbors="2"', "classification", table)
    assert ["no"] == score(content, x=[0.0])["label"]


def test_neighbours_are_ranked_the_first_instance_first_among_equals() -> None:
    outputs = score(neighbours(output=RANKED), x=[1.0, 15.0])
    assert ["q", "s"] == outputs["first"]
    assert ["r", "r"] == outputs["third"]
    assert [1.0, 13.0] == outputs["distance"]
    assert [1.0, 15.0] == outputs["to_p"]
    assert ["[q, p]", "[s, t]"] == outputs["all"]


def test_ranks_may_go_beyond_the_neighbours_that_vote() -> None:
    outputs = score(neighbours(attributes='numberOfNeighbors="1"', output=RANKED), x=[0.0])
    assert ([10.0], ["r"]) == (outputs["y"], outputs["third"])


def test_instances_without_an_id_are_numbered_from_one() -> None:
    content = neighbours(output=RANKED).replace(b'instanceIdVariable="name" ', b"").replace(b'value="p"', b'value="1"')
    outputs = score(content, x=[1.0])
    assert (["2"], [1.0]) == (outputs["first"], outputs["to_p"])


def test_similar_instances_are_near() -> None:
    measure = '<ComparisonMeasure kind="similarity" compareFunction="gaussSim"><cityBlock/></ComparisonMeasure>'
    content = neighbours(attributes='numberOfNeighbors="2"', measure=measure, output=RANKED)
    outputs = score(content, x=[2.0])
    assert (["r"], [40.0]) == (outputs["first"], outputs["y"])


def test_texts_are_compared_as_written() -> None:
    table = instances(
        (("p", "01", 1, "no"), ("q", "1", 2, "no"), ("r", "green", 3, "no")), columns="name colour y label"
    )
    content = neighbours(
        attributes='numberOfNeighbors="1"',
        table=table,
        inputs='<KNNInput field="colour" compareFunction="delta"/>',
        names=("colour",),
        fields='<DataField name="colour" optype="categorical" dataType="string"/>' + Y + LABEL,
    )
    assert [2.0, 1.0, 3.0] == score(content, colour=["1", "01", "green"])["y"]


def test_instances_that_are_not_transformed_go_through_the_derived_fields() -> None:
    derived = (
        '<LocalTransformations><DerivedField name="square" optype="continuous" dataType="double">'
        '<Apply function="*"><FieldRef field="x"/><FieldRef field="x"/></Apply></DerivedField></LocalTransformations>'
    )
    content = neighbours(
        attributes='numberOfNeighbors="1"',
        table=derived + instances(attributes='isTransformed="false"'),
        inputs='<KNNInput field="square"/>',
        output='<OutputField name="distance" feature="affinity"/>',
    )
    outputs = score(content, x=[-9.0])
    assert ([100.0], [19.0]) == (outputs["y"], outputs["distance"])


def test_missing_values_are_left_out_of_both_sides() -> None:
    table = instances((("p", "", 10, "no"), ("q", 1, 20, "")))
    outputs = score(neighbours(attributes='numberOfNeighbors="2"', table=table, output=RANKED), x=[5.0, None])
    assert ([20.0, None], ["q", None]) == (outputs["y"], outputs["first"])


def test_several_targets_are_predicted_together() -> None:
    extra = '<MiningField name="label" usageType="predicted"/>'
    output = (
        '<OutputField name="Predicted_label" feature="predictedValue" dataType="string"/>'
        '<OutputField name="share" feature="probability" targetField="label" value="yes"/>'
    )
    content = neighbours(function="mixed", output=output, extra=extra)
    outputs = score(content, x=[1.0])
    assert {"y": [30.0], "label": ["yes"], "Predicted_label": ["yes"], "share": [2 / 3]} == outputs


def test_a_model_without_a_target_names_the_nearest_instance() -> None:
    assert ["s"] == score(neighbours("", function="clustering"), x=[9.0])["prediction"]


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"attributes": 'numberOfNeighbors="0"'}, "numberOfNeighbors must be at least 1"),
        ({"table": instances(())}, "the table has no column"),
        ({"table": instances(attributes='recordCount="9"')}, "recordCount='9', but it holds 5"),
        ({"table": instances(columns="name z y label")}, "the instances have no field 'x'"),
        ({"table": instances((("p", "many", 1, "no"),))}, "'many' is not a value of the double field 'x'"),
        ({"attributes": 'numberOfNeighbors="1" continuousScoringMethod="mode"'}, "continuousScoringMethod='mode'"),
        ({"inputs": ""}, "it holds no KNNInput"),
        ({"target": ""}, "a model for regression needs a target"),
        ({"target": "label"}, "the target 'label' holds text"),
    ],
)
def test_broken_models_are_refused(parts: dict[str, str], problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(neighbours(**parts))  # type: ignore[arg-type]
