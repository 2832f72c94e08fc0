from math import exp, log, sqrt

import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import COLOUR, X, Y, document, load, schema, score

CENTRES = (
    '<Cluster id="a" name="near"><Array n="2" type="real">1 1</Array></Cluster>'
    '<Cluster id="b" name="far"><Array n="2" type="real">5 3</Array></Cluster>'
)
FIELDS = '<ClusteringField field="x"/><ClusteringField field="y"/>'
PARAMETERS = " ".join(
    f'{name}-parameter="{number}"'
    for number, name in enumerate(("c00", "c01", "c10", "c11", "d00", "d01", "d10", "d11"), start=1)
)
OUTPUT = (
    '<Output><OutputField name="id" feature="predictedValue"/>'
    '<OutputField name="name" feature="predictedDisplayValue"/>'
    '<OutputField name="best" feature="affinity"/><OutputField name="to_b" feature="clusterAffinity" value="b"/>'
    '<OutputField name="second" feature="clusterId" rank="2"/>'
    '<OutputField name="second_affinity" feature="entityAffinity" rank="2"/></Output>'
)


def clustering(
    measure: str = "<euclidean/>",
    fields: str = FIELDS,
    clusters: str = CENTRES,
    kind: str = "distance",
    extra: str = "",
    names: tuple[str, ...] = ("x", "y"),
    dictionary: str = X + Y,
    model_class: str = "centerBased",
    output: str = OUTPUT,
    compare: str = "absDiff",
) -> bytes:
    return document(
        f'<ClusteringModel functionName="clustering" modelClass="{model_class}" '
        f'numberOfClusters="{clusters.count("</Cluster>")}">'
        f'{schema(*names)}{output}<ComparisonMeasure kind="{kind}" compareFunction="{compare}">{measure}'
        f"</ComparisonMeasure>{fields}{extra}{clusters}</ClusteringModel>",
        dictionary,
    )


def test_a_record_belongs_to_the_nearest_centre() -> None:
    expected = {
        "id": ["a", "b"],
        "name": ["near", "far"],
        "best": [1.0, 1.0],
        "to_b": [5.0, 1.0],
        "second": ["b", "a"],
        "second_affinity": [5.0, pytest.approx(sqrt(13))],
    }
    assert expected == score(clustering(), x=[1.0, 4.0], y=[0.0, 3.0])


@pytest.mark.parametrize(
    ("measure", "distance"),
    [
        ("<euclidean/>", sqrt(3 * 3 + 2 * 2)),
        ("<squaredEuclidean/>", 13.0),
        ("<chebychev/>", 3.0),
        ("<cityBlock/>", 5.0),
        ('<minkowski p-parameter="3"/>', (27 + 8) ** (1 / 3)),
    ],
)
def test_distances_follow_their_definitions(measure: str, distance: float) -> None:
    assert score(clustering(measure), x=[2.0], y=[1.0])["to_b"] == pytest.approx([distance])


@pytest.mark.parametrize(
    ("measure", "distance"),
    [
        ("<euclidean/>", sqrt(2 * 3 * 3 + 0.5 * 2 * 2)),
        ("<chebychev/>", 6.0),
        ("<cityBlock/>", 7.0),
        ('<minkowski p-parameter="3"/>', (2 * 27 + 0.5 * 8) ** (1 / 3)),
    ],
)
def test_fields_count_by_their_weights(measure: str, distance: float) -> None:
    fields = '<ClusteringField field="x" fieldWeight="2"/><ClusteringField field="y" fieldWeight="0.5"/>'
    assert score(clustering(measure, fields), x=[2.0], y=[1.0])["to_b"] == pytest.approx([distance])


@pytest.mark.parametrize(
    ("measure", "similarity"),
    [
        # against the flags 1 1 0 0 the record 1 0 1 0 has one of each: 11, 01, 10, 00
        ("<simpleMatching/>", 2 / 4),
        ("<jaccard/>", 1 / 3),
        ("<tanimoto/>", 2 / 6),
        (
            f"<binarySimilarity {PARAMETERS}/>",
            10 / 26,
        ),
    ],
)
def test_binary_similarities_count_pairs_of_flags(measure: str, similarity: float) -> None:
    names = ("f", "g", "h", "i")
    flags = "".join(f'<DataField name="{name}" optype="continuous" dataType="integer"/>' for name in names)
    fields = "".join(f'<ClusteringField field="{name}"/>' for name in names)
    clusters = (
        '<Cluster id="b"><Array type="int">1 1 0 0</Array></Cluster>'
        '<Cluster id="c"><Array type="int">0 1 0 1</Array></Cluster>'
    )
    content = clustering(measure, fields, clusters, "similarity", names=names, dictionary=flags)
    outputs = score(content, f=[1], g=[0], h=[1], i=[0])
    assert ["b"] == outputs["id"]
    assert outputs["to_b"] == pytest.approx([similarity])


def test_the_most_similar_centre_wins_and_the_gaussian_halves_at_its_scale() -> None:
    fields = (
        '<ClusteringField field="x" compareFunction="gaussSim" similarityScale="3"/>'
        '<ClusteringField field="y" compareFunction="gaussSim" similarityScale="4"/>'
    )
    outputs = score(clustering("<cityBlock/>", fields, kind="similarity"), x=[2.0], y=[3.0])
    other = exp(-log(2) / 9) + exp(-log(2) * 4 / 16)
    assert outputs["to_b"] == pytest.approx([0.5 + 1.0])
    assert ["a"] == outputs["id"]
    assert outputs["best"] == pytest.approx([other])


@pytest.mark.parametrize(("function", "values"), [("delta", [1.0, 0.0]), ("equal", [0.0, 1.0])])
def test_texts_are_equal_or_not(function: str, values: list[float]) -> None:
    fields = f'<ClusteringField field="colour" compareFunction="{function}"/>'
    clusters = '<Cluster id="b"><Array type="string">green</Array></Cluster>'
    content = clustering("<cityBlock/>", fields, clusters, names=("colour",), dictionary=COLOUR)
    assert values == score(content, colour=["red", "green"])["to_b"]


def test_a_table_compares_categories_by_their_places() -> None:
    table = (
        '<Comparisons><Matrix nbRows="3" nbCols="3"><Array type="real">0 0.3 0.7</Array>'
        '<Array type="real">0.3 0 0.2</Array><Array type="real">0.7 0.2 0</Array></Matrix></Comparisons>'
    )
    fields = f'<ClusteringField field="colour" compareFunction="table">{table}</ClusteringField>'
    clusters = '<Cluster id="b"><Array type="string">green</Array></Cluster>'
    content = clustering("<cityBlock/>", fields, clusters, names=("colour",), dictionary=COLOUR)
    assert [0.3, 0.0, 0.2] == score(content, colour=["red", "green", "blue"])["to_b"]


def test_the_measure_sets_the_function_of_fields_that_have_none() -> None:
    outputs = score(clustering("<cityBlock/>", compare="delta"), x=[5.0], y=[1.0])
    assert [1.0] == outputs["to_b"]


def test_what_is_known_is_scaled_up_for_what_is_missing() -> None:
    weights = '<MissingValueWeights><Array n="2" type="real">3 1</Array></MissingValueWeights>'
    outputs = score(clustering("<squaredEuclidean/>", extra=weights), x=[2.0, None, None], y=[None, 2.0, None])
    assert [9.0 * 4 / 3, 1.0 * 4 / 1, None] == outputs["to_b"]
    assert ["a", "a", None] == outputs["id"]


def test_without_weights_every_field_counts_the_same() -> None:
    assert [18.0] == score(clustering("<squaredEuclidean/>"), x=[2.0], y=[None])["to_b"]


def test_clusters_without_ids_are_numbered_from_one() -> None:
    clusters = CENTRES.replace('id="a" ', "").replace('id="b" ', "")
    outputs = score(clustering(clusters=clusters), x=[5.0], y=[3.0])
    assert (["2"], ["far"]) == (outputs["id"], outputs["name"])


def test_a_field_that_is_no_centre_field_takes_no_part() -> None:
    fields = '<ClusteringField field="x"/><ClusteringField field="y" isCenterField="false"/>'
    clusters = (
        '<Cluster id="a"><Array type="real">1</Array></Cluster><Cluster id="b"><Array type="real">5</Array></Cluster>'
    )
    assert ["b"] == score(clustering(fields=fields, clusters=clusters), x=[4.0], y=[-100.0])["id"]


def test_old_models_have_derived_centre_fields() -> None:
    centre = (
        '<CenterFields><DerivedField name="scaled" optype="continuous" dataType="double"><NormContinuous field="x">'
        '<LinearNorm orig="0" norm="0"/><LinearNorm orig="10" norm="1"/></NormContinuous></DerivedField></CenterFields>'
    )
    clusters = (
        '<Cluster id="a"><Array type="real">0.1</Array></Cluster>'
        '<Cluster id="b"><Array type="real">0.9</Array></Cluster>'
    )
    content = clustering(fields='<ClusteringField field="x"/>', clusters=clusters, extra=centre)
    assert score(content, x=[8.0], y=[0.0])["to_b"] == pytest.approx([0.1])


def test_clusters_may_be_listed_and_ranked_from_either_end() -> None:
    output = (
        '<Output><OutputField name="all" feature="entityId" rank="0" isMultiValued="1"/>'
        '<OutputField name="best" feature="clusterId" rank="1" isMultiValued="1"/>'
        '<OutputField name="worst" feature="entityId" rankOrder="descending"/>'
        '<OutputField name="furthest" feature="affinity" rankOrder="descending"/></Output>'
    )
    expected = {"all": ["[a, b]"], "best": ["[a]"], "worst": ["b"], "furthest": [5.0], "prediction": ["a"]}
    assert expected == score(clustering(output=output), x=[1.0], y=[0.0])


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"clusters": CENTRES.replace("1 1<", "1<").replace('n="2"', "", 1)}, "the centre has 1 coordinates for 2"),
        ({"clusters": CENTRES.replace('id="b"', 'id="a"')}, "two clusters have the same id"),
        ({"clusters": ""}, "it holds no Cluster"),
        ({"measure": ""}, "it holds 0 measures"),
        ({"measure": '<minkowski p-parameter="0"/>'}, "must be positive"),
        ({"fields": '<ClusteringField field="z"/>'}, "there is no field 'z'"),
        ({"fields": FIELDS.replace('"x"', '"x" compareFunction="guess"')}, "compareFunction='guess' is none of"),
        (
            {"extra": '<MissingValueWeights><Array type="real">1</Array></MissingValueWeights>'},
            "1 weights for 2 fields",
        ),
        ({"kind": "likeness"}, "kind='likeness' is none of"),
    ],
)
def test_broken_models_are_refused(parts: dict[str, str], problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(clustering(**parts))  # type: ignore[arg-type]


def test_a_distribution_based_model_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="distribution-based"):
        load(clustering(model_class="distributionBased"))
