import lzma

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from headrace.abc.model import Prepared
from headrace.errors import ModelFormatError, RecordError, UnsupportedError, VerificationError
from headrace.formats.pmml import PmmlFormat
from tests.formats.pmml.building import X, Y, document, load, schema

LINEAR = (
    f'<RegressionModel functionName="regression">{schema("x", target="y")}%s'
    '<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel>'
)


def verification(expected: str, attributes: str = "") -> bytes:
    return document(
        LINEAR
        % (
            '<ModelVerification recordCount="2"><VerificationFields><VerificationField field="x" column="data:x"/>'
            f'<VerificationField field="y" column="data:y" {attributes}/></VerificationFields><InlineTable '
            'xmlns:data="urn:table"><row><data:x>1</data:x><data:y>3</data:y></row>'
            f"<row><data:x>2</data:x><data:y>{expected}</data:y></row></InlineTable></ModelVerification>"
        )
    )


def verify(content: bytes) -> None:
    form = PmmlFormat()
    prepared = form.prepare(content)
    form.verify(form.assemble(prepared), prepared)


def test_pmml_is_recognised_in_any_encoding_and_nothing_else_is() -> None:
    text = '<?xml version="1.0"?>\n<!-- a model -->\n<PMML version="4.4"></PMML>'
    form = PmmlFormat()
    assert [True] * 3 == [form.recognises(text.encode(name)) for name in ("utf-8", "utf-16", "latin-1")]
    assert [False] * 3 == [form.recognises(content) for content in (b"", b"<html/>", lzma.compress(text.encode()))]


def test_what_is_prepared_crosses_a_process_boundary() -> None:
    prepared = PmmlFormat().prepare(document(LINEAR % ""))
    plan = msgspec.json.decode(msgspec.json.encode(prepared.plan))
    arrays = {name: np.frombuffer(array.tobytes(), array.dtype) for name, array in prepared.arrays.items()}
    model = PmmlFormat().assemble(Prepared(plan, arrays))
    assert {"y": 5.0} == model.score_one({"x": 2.0})


def test_one_record_gets_what_a_batch_gets_and_a_failing_one_raises() -> None:
    model = load(document(LINEAR % ""))
    assert [{"y": 5.0}, {"y": None}, {"y": None}, {"y": 7.0}] == [
        model.score_one(record) for record in ({"x": 2}, {}, {"x": None}, {"x": "3", "other": object()})
    ]
    with pytest.raises(RecordError, match="field 'x': the value 'abc' is not valid"):
        model.score_one({"x": "abc"})


def test_an_empty_batch_gives_an_empty_result() -> None:
    scores = load(document(LINEAR % "")).score(pa.RecordBatch.from_pydict({"x": pa.array([], pa.float64())}))
    assert (0, ["y"]) == (scores.outputs.num_rows, scores.outputs.schema.names)


def test_a_score_that_overflows_fails_and_a_neighbour_is_not_touched() -> None:
    scores = load(document(LINEAR % "")).score(pa.RecordBatch.from_pydict({"x": [1e308, 1.0]}))
    assert [None, 3.0] == scores.outputs.column("y").to_pylist()
    assert {0: "the output 'y' overflows its type double"} == scores.errors


def test_verification_passes_where_the_model_gives_what_it_must() -> None:
    verify(verification("5"))
    verify(verification("5.000001"))
    verify(verification(""))


def test_verification_names_record_field_expected_and_got() -> None:
    with pytest.raises(VerificationError, match="record 2, field 'y': expected 6, got 5"):
        verify(verification("6"))
    with pytest.raises(VerificationError, match=r"expected 5.000001, got 5"):
        verify(verification("5.000001", 'precision="1e-9"'))


@pytest.mark.parametrize(
    ("content", "error", "problem"),
    [
        (b"<PMML/>", ModelFormatError, "it holds no DataDictionary|holds no model"),
        (b"<Other/>", ModelFormatError, "the document's root is 'Other', not PMML"),
        (document(""), ModelFormatError, "the document holds no model"),
        (document("<MagicModel/>"), UnsupportedError, "MagicModel is not a model element of the standard"),
        (document("<SequenceModel/>"), UnsupportedError, "SequenceModel, line 1: the standard describes"),
        (
            document(
                (LINEAR % "").replace('functionName="regression"', 'functionName="regression" isScorable="false"')
            ),
            UnsupportedError,
            "isScorable",
        ),
        (
            document((LINEAR % "").replace('"regression"', '"magic"')),
            ModelFormatError,
            "functionName='magic' is none of",
        ),
        (document(LINEAR % "", X + Y.replace("double", "quaternion")), ModelFormatError, "quaternion"),
        (
            document(LINEAR % f"<LocalTransformations>{'<Apply>' * 3000}{'</Apply>' * 3000}</LocalTransformations>"),
            ModelFormatError,
            "nested too deeply",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(content: bytes, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        load(content)
