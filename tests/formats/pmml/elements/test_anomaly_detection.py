from math import log

import numpy as np
import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import X, Y, document, load, schema, score

# Two trees: a record at x > 10 is alone after 1 and after 3 steps, any other after 5 and 7.
TREES = "".join(
    f'<Segment><True/><TreeModel functionName="regression">{schema("x")}<Node score="{deep}"><True/>'
    f'<Node score="{shallow}"><SimplePredicate field="x" operator="greaterThan" value="10"/></Node>'
    f'<Node score="{deep}"><True/></Node></Node></TreeModel></Segment>'
    for shallow, deep in ((1, 5), (3, 7))
)
FOREST = (
    f'<MiningModel functionName="regression">{schema("x")}'
    '<Output><OutputField name="length" feature="predictedValue" dataType="double"/></Output>'
    f'<Segmentation multipleModelMethod="average">{TREES}</Segmentation></MiningModel>'
)
CLUSTERS = (
    f'<ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="2">{schema("x", "y")}'
    '<ComparisonMeasure kind="distance"><cityBlock/></ComparisonMeasure>'
    '<ClusteringField field="x"/><ClusteringField field="y"/>'
    '<Cluster><Array type="real">0 0</Array></Cluster><Cluster><Array type="real">10 10</Array></Cluster>'
    "</ClusteringModel>"
)
LINE = (
    f'<RegressionModel functionName="regression">{schema("x")}<RegressionTable intercept="-1">'
    '<NumericPredictor name="x" coefficient="0.5"/></RegressionTable></RegressionModel>'
)
OUTPUT = (
    '<Output><OutputField name="score" feature="predictedValue" dataType="double"/>'
    '<OutputField name="anomaly" dataType="boolean" optype="categorical" feature="transformedValue">'
    '<Apply function="greaterThan"><FieldRef field="score"/><Constant dataType="double">0.6</Constant></Apply>'
    "</OutputField></Output>"
)


def anomaly(algorithm: str, model: str, attributes: str = "", extra: str = "", output: str = OUTPUT) -> bytes:
    return document(
        f'<AnomalyDetectionModel functionName="regression" algorithmType="{algorithm}" {attributes}>'
        f"{schema('x', 'y')}{output}{model}{extra}</AnomalyDetectionModel>",
        X + Y,
    )


def c(n: int) -> float:
    return 2 * (log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n


def test_an_isolation_forest_rates_short_paths_high() -> None:
    outputs = score(anomaly("iforest", FOREST, 'sampleDataSize="30"'), x=[11.0, 1.0], y=[0.0, 0.0])
    assert [2.0, 6.0] == outputs["length"]
    assert outputs["score"] == pytest.approx([2 ** (-2 / c(30)), 2 ** (-6 / c(30))])
    assert [True, False] == outputs["anomaly"]


def test_two_records_are_apart_after_one_step() -> None:
    outputs = score(anomaly("iforest", FOREST, 'sampleDataSize="2"'), x=[11.0], y=[0.0])
    assert [0.25] == outputs["score"]


def test_the_sample_size_may_be_a_parameter() -> None:
    size = '<ParameterList><Parameter name="training_data_count" value="2"/></ParameterList>'
    assert [0.25] == score(anomaly("iforest", FOREST, extra=size), x=[11.0], y=[0.0])["score"]


def test_an_output_may_refer_to_one_of_the_model_inside() -> None:
    output = (
        '<Output><OutputField name="twice" feature="transformedValue" dataType="double"><Apply function="+">'
        '<FieldRef field="length"/><FieldRef field="length"/></Apply></OutputField></Output>'
    )
    content = anomaly("iforest", FOREST, 'sampleDataSize="2"', output=output)
    assert [4.0] == score(content, x=[11.0], y=[0.0])["twice"]


def test_a_distance_is_rated_by_the_mean_one_of_its_cluster() -> None:
    means = '<MeanClusterDistances><Array type="real">2 4</Array></MeanClusterDistances>'
    outputs = score(anomaly("clusterMeanDist", CLUSTERS, extra=means), x=[1.0, 13.0, None], y=[2.0, 11.0, None])
    assert [1.5, 1.0, None] == outputs["score"]


@pytest.mark.parametrize("algorithm", ["ocsvm", "other"])
def test_other_models_give_the_score_themselves(algorithm: str) -> None:
    assert [1.0, None] == score(anomaly(algorithm, LINE), x=[4.0, None], y=[0.0, 0.0])["score"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (anomaly("guess", LINE), "algorithmType='guess' is none of"),
        (anomaly("other", ""), "it holds 0 models"),
        (anomaly("iforest", FOREST), "needs sampleDataSize"),
        (anomaly("iforest", FOREST, 'sampleDataSize="1"'), "at least 2 records"),
        (anomaly("clusterMeanDist", CLUSTERS), "it holds no MeanClusterDistances"),
        (
            anomaly(
                "clusterMeanDist",
                LINE,
                extra='<MeanClusterDistances><Array type="real">2</Array></MeanClusterDistances>',
            ),
            "1 mean distances for the 0 clusters of a RegressionModel",
        ),
    ],
)
def test_broken_models_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)
