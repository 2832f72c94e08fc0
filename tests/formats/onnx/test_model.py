import math
from collections.abc import Callable

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from headrace.abc.model import Model
from headrace.errors import RecordError
from headrace.records import Field
from tests.formats.onnx.building import build, build_sum

Load = Callable[[onnx.ModelProto | bytes], Model]
FEATURES = np.random.default_rng(0).random((50, 4)).astype(np.float32)


def as_batch(features: np.typing.NDArray[np.float32]) -> pa.RecordBatch:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(features.ravel()), features.shape[1])
    return pa.record_batch({"X": vectors})


def test_the_signature_names_types_and_shapes(load: Load) -> None:
    signature = load(build_sum()).signature
    assert signature.inputs == (Field("X", "float", (3,)),)
    assert signature.outputs == (Field("total", "float"),)


@pytest.mark.parametrize("zipmap", [True, False])
def test_a_classifier_scores_as_its_training_library(load: Load, *, zipmap: bool) -> None:
    labels = np.array(["poor", "fine", "great"])[np.arange(50) % 3]
    trained = RandomForestClassifier(5, random_state=0).fit(FEATURES, labels)
    model = load(to_onnx(trained, FEATURES[:1], options={"zipmap": zipmap}))
    outputs = model.score(as_batch(FEATURES)).outputs
    chances = trained.predict_proba(FEATURES)
    label, *others = outputs.schema.names
    assert trained.predict(FEATURES).tolist() == outputs.column(label).to_pylist()
    if zipmap:
        assert others == ["output_probability.fine", "output_probability.great", "output_probability.poor"]
        found = np.column_stack([outputs.column(name).to_numpy() for name in others])
    else:
        assert model.signature.outputs[1] == Field("probabilities", "float", (3,))
        found = np.array(outputs.column("probabilities").to_pylist())
    assert np.allclose(chances, found, atol=1e-6)
    assert outputs.to_pylist()[7] == model.score_one({"X": FEATURES[7].tolist()})


def test_a_regression_keeps_one_column_a_record(load: Load) -> None:
    trained = LinearRegression().fit(FEATURES, FEATURES @ np.array([1, 2, 3, 4]))
    scores = load(to_onnx(trained, FEATURES[:1])).score(as_batch(FEATURES))
    assert np.allclose(trained.predict(FEATURES), scores.outputs.column("variable").to_numpy(), atol=1e-5)
    assert scores.errors == {}


KINDS = [
    ("float", TensorProto.FLOAT, [1.5, 2.0]),
    ("double", TensorProto.DOUBLE, [1.5, 2.0]),
    ("float16", TensorProto.FLOAT16, [1.5, 2.0]),
    ("int8", TensorProto.INT8, [-1, 2]),
    ("int32", TensorProto.INT32, [-1, 2]),
    ("int64", TensorProto.INT64, [-1, 2]),
    ("uint8", TensorProto.UINT8, [1, 255]),
    ("uint64", TensorProto.UINT64, [1, 2**63]),
    ("bool", TensorProto.BOOL, [True, False]),
    ("string", TensorProto.STRING, ["a", ""]),
]


@pytest.mark.parametrize(("kind", "number", "values"), KINDS)
@pytest.mark.parametrize("tail", [[], [1]])
def test_a_column_for_each_input_of_every_type(
    load: Load, kind: str, number: int, values: list[object], tail: list[int]
) -> None:
    nodes = [helper.make_node("Identity", [name], [f"{name}2"]) for name in ("a", "b")]
    ports = [[(f"{name}{end}", number, [None, *tail]) for name in ("a", "b")] for end in ("", "2")]
    model = load(build(nodes, ports[0], ports[1]))
    assert model.signature.inputs == (Field("a", kind), Field("b", kind))
    column = pa.array(values, pa.type_for_alias(kind))
    scores = model.score(pa.record_batch({"b": column, "a": column}))
    assert scores.outputs.to_pydict() == {"a2": values, "b2": values}
    assert model.score_one({"a": values[0], "b": values[1]}) == {"a2": values[0], "b2": values[1]}


def test_one_record_and_a_batch_of_one_agree_about_text_and_numbers(load: Load) -> None:
    node = helper.make_node("Identity", ["n"], ["m"])
    model = load(build([node], [("n", TensorProto.INT64, [None, 1])], [("m", TensorProto.INT64, [None, 1])]))
    assert model.score_one({"n": ["7"]}) == {"m": 7}
    assert model.score_one({"n": [7.0]}) == {"m": 7}
    for bad in (["x"], [7.5], [None], None, [2**70], [1, 2]):
        with pytest.raises(RecordError, match="n"):
            model.score_one({"n": bad})


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("batch", [1, 3, "N", None])
def test_a_fixed_number_of_records_is_met_by_several_calls(load: Load, batch: int | str | None, rows: int) -> None:
    features = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
    model = load(build_sum(batch=batch))
    scores = model.score(as_batch(features))
    assert features.sum(axis=1).tolist() == scores.outputs.column("total").to_pylist()
    assert model.score_one({"X": [1, 2, 3]}) == {"total": 6.0}


def test_a_vector_of_a_free_dimension(load: Load) -> None:
    model = load(build_sum(width="width"))
    assert model.signature.inputs == (Field("X", "float", (-1,)),)
    batch = pa.record_batch({"X": [[1.0, 2.0], [3.0, 4.0], [5.0]]})
    scores = model.score(batch)
    assert scores.outputs.column("total").to_pylist() == [3.0, 7.0, None]
    assert scores.errors == {2: "field 'X' holds 1 values, the model wants 2"}


def test_slices_are_scored_as_what_they_show(load: Load) -> None:
    features = np.arange(12, dtype=np.float32).reshape(4, 3)
    scores = load(build_sum()).score(as_batch(features)[2:])
    assert features[2:].sum(axis=1).tolist() == scores.outputs.column("total").to_pylist()


def test_an_output_of_a_free_dimension_is_a_list(load: Load) -> None:
    node = helper.make_node("Identity", ["X"], ["Y"])
    model = load(build([node], [("X", TensorProto.FLOAT, [None, "w"])], [("Y", TensorProto.FLOAT, [None, "w"])]))
    scores = model.score(as_batch(FEATURES[:2]))
    assert model.signature.outputs == (Field("Y", "float", (-1,)),)
    assert FEATURES[:2].tolist() == scores.outputs.column("Y").to_pylist()


def test_what_is_missing_is_nan_where_the_graph_can_do_with_it(load: Load) -> None:
    node = helper.make_node("IsNaN", ["X"], ["gone"])
    model = load(build([node], [("X", TensorProto.FLOAT, [None, 2])], [("gone", TensorProto.BOOL, [None, 2])]))
    batch = pa.record_batch({"X": pa.array([[1.0, None], None, [1.0, 2.0]], pa.list_(pa.float32(), 2))})
    scores = model.score(batch)
    assert scores.outputs.column("gone").to_pylist() == [[False, True], [True, True], [False, False]]
    assert scores.errors == {}
    assert model.score_one({"X": [1.0, None]}) == {"gone": [False, True]}
    assert model.score_one({}) == {"gone": [True, True]}


def test_what_is_missing_is_the_row_s_error_where_the_graph_gives_nan(load: Load) -> None:
    model = load(build_sum())
    batch = pa.record_batch({"X": pa.array([[1, 2, 3], [1, None, 3], [1, math.nan, 3]], pa.list_(pa.float32(), 3))})
    scores = model.score(batch)
    first, second, third = scores.outputs.column("total").to_pylist()
    assert (first, second) == (6.0, None)
    assert math.isnan(third)
    reason = "the model gives no number without 'X', which is missing"
    assert scores.errors == {1: reason}
    with pytest.raises(RecordError, match=reason):
        model.score_one({"X": [1, None, 3]})


@pytest.mark.parametrize(
    ("kind", "value"), [(TensorProto.INT64, 1), (TensorProto.STRING, "a"), (TensorProto.BOOL, True)]
)
def test_a_type_that_cannot_say_missing_makes_the_row_an_error(load: Load, kind: int, value: object) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    model = load(build([node], [("x", kind, [None])], [("y", kind, [None])]))
    scores = model.score(pa.record_batch({"x": pa.array([value, None])}))
    assert scores.outputs.column("y").to_pylist() == [value, None]
    assert "the input 'x' is missing" in scores.errors[1]
    with pytest.raises(RecordError, match="the input 'x' is missing"):
        model.score_one({})


def test_numbers_that_are_not_finite_are_values(load: Load) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    model = load(build([node], [("x", TensorProto.FLOAT, [None])], [("y", TensorProto.FLOAT, [None])]))
    scores = model.score(pa.record_batch({"x": [math.inf, -math.inf, 1e300]}))
    assert scores.outputs.column("y").to_pylist() == [math.inf, -math.inf, math.inf]
    assert scores.errors == {}
    assert model.score_one({"x": 1e300}) == {"y": math.inf}


def test_a_record_that_the_graph_fails_on_fails_alone(load: Load) -> None:
    table = onnx.numpy_helper.from_array(np.array([10, 20, 30], np.int64), "table")
    node = helper.make_node("Gather", ["table", "place"], ["found"])
    model = load(build([node], [("place", TensorProto.INT64, ["N"])], [("found", TensorProto.INT64, ["N"])], [table]))
    scores = model.score(pa.record_batch({"place": [0, 7, 2, 1, -9]}))
    assert scores.outputs.column("found").to_pylist() == [10, None, 30, 20, None]
    assert sorted(scores.errors) == [1, 4]
    assert "the model cannot score it" in scores.errors[1]
    with pytest.raises(RecordError, match="indices element out of data bounds"):
        model.score_one({"place": 7})


def test_an_output_that_is_not_one_for_each_record(load: Load) -> None:
    node = helper.make_node("ReduceSum", ["X"], ["all"], keepdims=0)
    model = load(build([node], [("X", TensorProto.FLOAT, [None, 2])], [("all", TensorProto.FLOAT, None)]))
    scores = model.score(as_batch(FEATURES[:2, :2].copy()))
    assert "the output 'all' has the shape [] for 1 records" in scores.errors[0]


def test_a_sequence_of_tensors_is_a_list_for_each_record(load: Load) -> None:
    node = helper.make_node("SplitToSequence", ["X"], ["parts"], axis=0)
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    model = load(build([node], [("X", TensorProto.FLOAT, [None, 2])], [helper.make_value_info("parts", kind)]))
    features = FEATURES[:3, :2].copy()
    assert features.tolist() == model.score(as_batch(features)).outputs.column("parts").to_pylist()
    assert model.score_one({"X": features[0].tolist()}) == {"parts": features[0].tolist()}


def test_every_output_may_be_a_map_and_a_number_beside(load: Load) -> None:
    kind = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    maps = helper.make_value_info("maps", helper.make_sequence_type_proto(kind))
    nodes = [
        helper.make_node("Identity", ["X"], ["Y"]),
        helper.make_node("ZipMap", ["Y"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[-3, 0, 7]),
        helper.make_node("ArgMax", ["X"], ["place"], axis=1, keepdims=0),
    ]
    model = load(build(nodes, [("X", TensorProto.FLOAT, [None, 3])], [maps, ("place", TensorProto.INT64, [None])]))
    assert ["maps.-3", "maps.0", "maps.7", "place"] == [each.name for each in model.signature.outputs]
    rows = [[0.25, 0.5, 0.125], [1.0, 0.0, 2.0]]
    expected = [
        {"maps.-3": a, "maps.0": b, "maps.7": c, "place": place} for (a, b, c), place in zip(rows, [1, 2], strict=True)
    ]
    assert expected == load_rows(model, rows)
    assert expected[0] == model.score_one({"X": rows[0]})


def load_rows(model: Model, rows: list[list[float]]) -> list[dict[str, object]]:
    scored: list[dict[str, object]] = model.score(as_batch(np.array(rows, np.float32))).outputs.to_pylist()
    return scored


def test_inputs_of_every_kind_beside_one_another(load: Load) -> None:
    kinds = [
        ("t", TensorProto.STRING, [None, 1]),
        ("n", TensorProto.INT64, [None, 1]),
        ("v", TensorProto.FLOAT, [None, 2]),
    ]
    nodes = [helper.make_node("Identity", [name], [f"{name}2"]) for name, _, _ in kinds]
    model = load(build(nodes, kinds, [(f"{name}2", kind, shape) for name, kind, shape in kinds]))
    batch = pa.record_batch(
        {"v": pa.array([[1.0, 2.0], [3.0, None]], pa.list_(pa.float32(), 2)), "t": ["a", "b"], "n": [1, 2]}
    )
    scores = model.score(batch)
    assert [{"t2": "a", "n2": 1, "v2": [1.0, 2.0]}, None] == [
        None if row in scores.errors else values for row, values in enumerate(scores.outputs.to_pylist())
    ]
    assert {"t2": "b", "n2": 2, "v2": [3.0, 4.0]} == model.score_one({"t": "b", "n": 2, "v": [3.0, 4.0]})


def test_columns_of_slices_are_those_that_they_show(load: Load) -> None:
    node = helper.make_node("Sub", ["a", "b"], ["c"])
    ports = [(name, TensorProto.DOUBLE, [None, 1]) for name in ("a", "b")]
    model = load(build([node], ports, [("c", TensorProto.DOUBLE, [None, 1])]))
    batch = pa.record_batch({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.5, 0.25, 0.125, 0.0]})
    assert [2.875, 4.0] == model.score(batch[2:]).outputs.column("c").to_pylist()
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(9, dtype=np.float32))[3:], 3)
    assert [12.0, 21.0] == load(build_sum()).score(pa.record_batch({"X": vectors})).outputs.column("total").to_pylist()


def test_an_output_that_is_wider_than_the_graph_says_fails_its_rows(load: Load) -> None:
    node = helper.make_node("Concat", ["X", "X"], ["Y"], axis=1)
    model = load(build([node], [("X", TensorProto.FLOAT, [None, "w"])], [("Y", TensorProto.FLOAT, [None, 2])]))
    scores = model.score(pa.record_batch({"X": [[1.0], [2.0]]}))
    assert [[1.0, 1.0], [2.0, 2.0]] == scores.outputs.column("Y").to_pylist()
    wide = model.score(pa.record_batch({"X": [[1.0, 2.0]]}))
    assert "the output 'Y' has the shape [1, 4] for 1 records" in wide.errors[0]
    with pytest.raises(RecordError, match="shape"):
        model.score_one({"X": [1.0, 2.0]})
