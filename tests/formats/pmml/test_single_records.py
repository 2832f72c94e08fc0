"""One record, against a batch of one: the same, bit for bit, for real models of every kind."""

import itertools
import lzma
import math
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv

from headrace.errors import RecordError
from headrace.formats.pmml.model import PmmlModel
from headrace.formats.pmml.scalar.few import FEW
from tests.formats.pmml.building import document, load

CASES = Path(__file__).parents[2] / "data/pmml/cases"
SMALL = 10_000
REFUSED = {"jpmml__pmml-rattle__GeneralRegressionOzone", "jpmml__pmml-rattle__HierarchicalClusteringIris"}
NAMES = sorted({path.parent.name for path in CASES.glob("*/model.pmml.xz") if path.stat().st_size < SMALL} - REFUSED)


def read_model(case: Path) -> PmmlModel:
    return load(lzma.decompress((case / "model.pmml.xz").read_bytes()))


def read_records(case: Path, *, as_text: bool) -> pa.RecordBatch:
    """Read the first records: as the reader of CSV types them, or all as text."""
    table = csv.read_csv(case / "input.csv")
    if as_text:
        types = dict.fromkeys(table.schema.names, pa.string())
        table = csv.read_csv(case / "input.csv", convert_options=csv.ConvertOptions(column_types=types))
    return table.slice(0, 6).combine_chunks().to_batches()[0]


def score_one(model: PmmlModel, record: dict[str, object]) -> dict[str, object] | str:
    try:
        return model.score_one(record)
    except RecordError as error:
        return str(error)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("as_text", [False, True], ids=["typed", "text"])
def test_one_record_gets_what_a_batch_of_one_gets(name: str, as_text: bool) -> None:
    model = read_model(CASES / name)
    batch = read_records(CASES / name, as_text=as_text)
    for row, record in enumerate(batch.to_pylist()):
        scores = model.score_generally(batch.slice(row, 1))
        expected = scores.errors[0] if scores.errors else scores.outputs.to_pylist()[0]
        assert expected == score_one(model, record)
        hole = {key: value for place, (key, value) in enumerate(record.items()) if place != row % len(record)}
        with_hole = pa.RecordBatch.from_pydict({key: batch.slice(row, 1).column(key) for key in hole})
        scores = model.score_generally(with_hole)
        expected = scores.errors[0] if scores.errors else scores.outputs.to_pylist()[0]
        assert expected == score_one(model, hole)


@pytest.mark.parametrize("name", NAMES)
def test_a_few_records_get_what_each_gets_as_a_batch_of_one(name: str) -> None:
    model = read_model(CASES / name)
    batch = read_records(CASES / name, as_text=False)
    assert 1 < batch.num_rows <= FEW
    alone = [model.score_generally(batch.slice(row, 1)) for row in range(batch.num_rows)]
    scores = model.score(batch)
    assert {row: each.errors[0] for row, each in enumerate(alone) if each.errors} == scores.errors
    assert alone[0].outputs.schema == scores.outputs.schema
    for expected, actual in zip(alone, scores.outputs.to_pylist(), strict=True):
        for output, value in expected.outputs.to_pylist()[0].items():
            assert value == actual[output] or math.isclose(value, actual[output], rel_tol=1e-14)


def test_few_goes_by_the_program_where_it_can() -> None:
    """Else the comparison above would compare the general way with itself."""
    models = [read_model(CASES / name) for name in NAMES]
    batches = [read_records(CASES / name, as_text=False) for name in NAMES]
    short = [model._few and model._few.score(batch) for model, batch in zip(models, batches, strict=True)]
    assert sum(scores is not None for scores in short) > len(NAMES) // 2


def test_sums_beyond_all_numbers_warn_nobody() -> None:
    inputs = "".join(
        f'<NeuralInput id="{name}"><DerivedField optype="continuous" dataType="double"><FieldRef field="{name}"/>'
        "</DerivedField></NeuralInput>"
        for name in "ab"
    )
    model = load(
        document(
            '<NeuralNetwork functionName="regression" activationFunction="identity"><MiningSchema>'
            f'<MiningField name="a"/><MiningField name="b"/><MiningField name="y" usageType="target"/></MiningSchema>'
            f"<NeuralInputs>{inputs}"
            '</NeuralInputs><NeuralLayer><Neuron id="n"><Con from="a" weight="1e308"/><Con from="b" weight="-1e308"/>'
            '</Neuron></NeuralLayer><NeuralOutputs><NeuralOutput outputNeuron="n"><DerivedField optype="continuous" '
            'dataType="double"><FieldRef field="y"/></DerivedField></NeuralOutput></NeuralOutputs></NeuralNetwork>',
            "".join(f'<DataField name="{name}" optype="continuous" dataType="double"/>' for name in "aby"),
        )
    )
    batch = pa.record_batch({"a": pa.array([100.0, 1.0]), "b": pa.array([100.0, 0.0])})
    scores = model.score(batch)
    assert [{"y": None}, {"y": 1e308}] == scores.outputs.to_pylist()


def test_there_are_models_of_many_kinds() -> None:
    assert len(NAMES) >= 20


UNIT = '<Interval closure="closedClosed" leftMargin="0" rightMargin="1"/>'
REFUSES = 'missingValueTreatment="returnInvalid"'


@pytest.mark.parametrize("first", ["", REFUSES])
@pytest.mark.parametrize("second", ["", REFUSES])
def test_the_same_reason_comes_first(first: str, second: str) -> None:
    fields = "".join(
        f'<DataField name="{name}" optype="continuous" dataType="double">{UNIT if name in "ab" else ""}</DataField>'
        for name in "aby"
    )
    model = load(
        document(
            f'<RegressionModel functionName="regression"><MiningSchema><MiningField name="a" {first}/>'
            f'<MiningField name="b" {second}/><MiningField name="y" usageType="target"/></MiningSchema>'
            '<RegressionTable intercept="1"><NumericPredictor name="a" coefficient="2"/>'
            '<NumericPredictor name="b" coefficient="2"/></RegressionTable></RegressionModel>',
            fields,
        )
    )
    for a, b in itertools.product([None, 5.0, 0.5, "x"], repeat=2):
        scores = model.score(pa.record_batch({"a": pa.array([a]), "b": pa.array([b])}))
        expected = scores.errors[0] if scores.errors else scores.outputs.to_pylist()[0]
        assert expected == score_one(model, {"a": a, "b": b})


def test_a_field_without_a_outputis_no_target() -> None:
    field = '<DataField name="{}" optype="continuous" dataType="double"/>'
    content = (
        '<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema>'
        '<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable>'
        "</RegressionModel>"
    )
    model = load(document(content, field.format("") + field.format("x")))
    assert {"prediction": 3.0} == model.score_one({"x": 1.0})
