"""Forests of scikit-learn on the red wines, as PMML, an ONNX model of a given size, and the records as protobuf."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier

from headrace.app.wine import read_labels, read_records
from headrace.export import sklearn_pmml
from headrace.wire.layout import ByField, Layout
from headrace.wire.protobuf import ProtobufCodec
from headrace.wire.wine import FEATURES, MESSAGE, encode_wine

DATA_TYPE = "wine"
LAYOUT = Layout(ByField("dataType"), declared=(DATA_TYPE,))
SEED = 7


@dataclass(frozen=True, slots=True)
class Forest:
    """A trained forest, and the same as bytes of PMML."""

    name: str
    trained: Any
    content: bytes


def read_wines() -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Give the features as a matrix and the quality that people gave."""
    features = np.array([[record[name] for name in FEATURES] for record in read_records()], dtype=np.float64)
    return features, np.array(list(read_labels().values()))


def train_forest(trees: int, depth: int | None) -> Forest:
    """Train and write a forest; a depth of None is unlimited."""
    features, quality = read_wines()
    trained = RandomForestClassifier(trees, max_depth=depth, random_state=SEED, n_jobs=1).fit(features, quality)
    content = sklearn_pmml.to_pmml(
        trained, target_name="quality", feature_names=FEATURES, examples=features, verification_rows=0
    )
    return Forest(f"{trees} trees of {'any depth' if depth is None else f'depth {depth}'}", trained, content)


def write_table(mebibytes: int) -> bytes:
    """Write an ONNX model that looks up one row of a large table for each record: large to load, cheap to score."""
    table = np.random.default_rng(SEED).random((mebibytes * 2**18, 1), dtype=np.float32)
    nodes = [
        helper.make_node("Slice", ["x", "start", "end", "axis"], ["first"]),
        helper.make_node("Cast", ["first"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["found"], axis=0),
        helper.make_node("Reshape", ["found", "shape"], ["quality"]),
    ]
    whole = {"start": [0], "end": [1], "axis": [1], "shape": [-1, 1]}
    graph = helper.make_graph(
        nodes,
        "table",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, len(FEATURES)])],
        [helper.make_tensor_value_info("quality", TensorProto.FLOAT, [None, 1])],
        [
            numpy_helper.from_array(table, "table"),
            *(numpy_helper.from_array(np.array(value, np.int64), name) for name, value in whole.items()),
        ],
    )
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()
    return content


@cache
def write_wines(count: int) -> pa.Array:
    """Write so many records as protobuf, the red wines over and over."""
    wines = [encode_wine({name: float(str(record[name])) for name in FEATURES}, DATA_TYPE) for record in read_records()]
    return pa.array([wines[row % len(wines)] for row in range(count)], pa.binary())


def open_codec() -> ProtobufCodec:
    """Make the codec of the records."""
    return ProtobufCodec(MESSAGE, LAYOUT)
