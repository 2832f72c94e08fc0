"""Models of Headrace in ``RunInference``."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.ml.inference.base import RunInference

from headrace.engines.beam import HeadraceModelHandler, Unscored
from headrace.errors import ModelError
from headrace.testing.scaling import write_scaling
from tests.engines.beam.rig import OPTIONS, Gathered, run

RIDGE = Path(__file__).parents[3] / "examples" / "wine" / "models" / "ridge.pmml"


def make(path: Path, content: bytes) -> HeadraceModelHandler:
    path.write_bytes(content)
    return HeadraceModelHandler(str(path), options=OPTIONS, in_child=False, max_batch_size=8)


def test_each_example_is_scored_and_a_bad_one_harms_no_other(tmp_path: Path) -> None:
    handler = make(tmp_path / "model", write_scaling(3, most=100))
    model = handler.load_model()
    predictions = list(handler.run_inference([{"x": 1.0}, {"x": 200.0}, {"x": 2.0}], model))
    assert [{"y": 3.0}, {"y": 6.0}] == [predictions[0].inference, predictions[2].inference]
    assert isinstance(predictions[1].inference, Unscored)
    assert {model.version} == {each.model_id for each in predictions}


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        make(tmp_path / "model", b"poison").load_model()


def test_another_model_is_taken_once_it_is_told(tmp_path: Path) -> None:
    handler = make(tmp_path / "one", write_scaling(2))
    (tmp_path / "two").write_bytes(write_scaling(5))
    handler.update_model_path(str(tmp_path / "two"))
    assert [{"y": 5.0}] == [each.inference for each in handler.run_inference([{"x": 1.0}], handler.load_model())]


def test_inputs_are_found_under_the_names_that_a_mapping_gives(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(write_scaling(2))
    handler = HeadraceModelHandler(str(tmp_path / "model"), mapping={"x": ("width",)}, options=OPTIONS, in_child=False)
    (prediction,) = handler.run_inference([{"width": 4.0}], handler.load_model())
    assert {"y": 8.0} == prediction.inference


def test_run_inference_scores_with_a_model_of_pmml() -> None:
    examples = [{"alcohol": 10.0, "density": 0.99, "number": number} for number in range(5)]
    names = (
        "fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides", "free_sulfur_dioxide",
        "total_sulfur_dioxide", "density", "pH", "sulphates", "alcohol",
    )  # fmt: skip
    wines = [dict.fromkeys(names, 1.0) | example for example in examples]

    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        handler = HeadraceModelHandler(str(RIDGE), exclude=("number",))
        gathered.take("predictions", pipeline | beam.Create(wines) | RunInference(handler))

    predictions = run(build)["predictions"]
    assert list(range(5)) == sorted(each.example["number"] for each in predictions)
    assert 1 == len({tuple(each.inference.values()) for each in predictions})
