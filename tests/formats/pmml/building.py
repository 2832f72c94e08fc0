"""Small documents for tests, and what a model makes of rows."""

from collections.abc import Sequence

import pyarrow as pa

from headrace.formats.pmml.format import PmmlFormat
from headrace.formats.pmml.model import PmmlModel

X = '<DataField name="x" optype="continuous" dataType="double"/>'
Y = '<DataField name="y" optype="continuous" dataType="double"/>'
COLOUR = (
    '<DataField name="colour" optype="categorical" dataType="string">'
    '<Value value="red"/><Value value="green"/><Value value="blue"/></DataField>'
)
LABEL = (
    '<DataField name="label" optype="categorical" dataType="string"><Value value="yes"/><Value value="no"/></DataField>'
)


def document(model: str, fields: str = X + Y, transformations: str = "") -> bytes:
    """Put a model element into a document."""
    dictionary = f"<DataDictionary>{fields}</DataDictionary>"
    return (
        f'<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>{dictionary}{transformations}{model}</PMML>'
    ).encode()


def schema(*names: str, target: str = "", extra: str = "") -> str:
    """Write a MiningSchema of plain active fields."""
    listed = "".join(f'<MiningField name="{name}"/>' for name in names)
    if target:
        listed += f'<MiningField name="{target}" usageType="target"/>'
    return f"<MiningSchema>{listed}{extra}</MiningSchema>"


def derive(expression: str, type: str = "double", optype: str = "continuous", fields: str = X + Y) -> bytes:
    """Write a document whose output ``z`` is an expression of the dictionary's fields."""
    names = [part.split('"')[0] for part in fields.split('<DataField name="')[1:]]
    return document(
        f'<RegressionModel functionName="regression">{schema(*names)}'
        f'<Output><OutputField name="z" optype="{optype}" dataType="{type}" feature="transformedValue">'
        f'<FieldRef field="derived"/></OutputField></Output>'
        f'<LocalTransformations><DerivedField name="derived" optype="{optype}" dataType="{type}">'
        f"{expression}</DerivedField></LocalTransformations>"
        '<RegressionTable intercept="0"/></RegressionModel>',
        fields,
    )


def load(content: bytes) -> PmmlModel:
    """Prepare and assemble a model, as loading does."""
    model = PmmlFormat().assemble(PmmlFormat().prepare(content))
    assert isinstance(model, PmmlModel)
    return model


def score(content: bytes, **columns: Sequence[object]) -> dict[str, list[object]]:
    """Score columns of Python values, the general way and as ``score`` chooses: both are to agree. No row may fail."""
    model = load(content)
    batch = pa.RecordBatch.from_pydict({name: list(values) for name, values in columns.items()})
    scores, chosen = model.score_generally(batch), model.score(batch)
    assert scores.errors == chosen.errors == {}
    outputs: dict[str, list[object]] = scores.outputs.to_pydict()
    assert repr(outputs) == repr(chosen.outputs.to_pydict())
    return outputs


def compute(expression: str, type: str = "double", *, fields: str = X + Y, **columns: Sequence[object]) -> list[object]:
    """Compute an expression over columns."""
    optype = "categorical" if type in ("string", "boolean") else "continuous"
    return score(derive(expression, type, optype, fields), **columns)["z"]


def apply(function: str, *arguments: str, attributes: str = "") -> str:
    """Write an Apply; an argument that is a number or in quotes is a constant, any other one a field."""
    return f'<Apply function="{function}"{attributes}>{"".join(_argument(argument) for argument in arguments)}</Apply>'


def _argument(text: str) -> str:
    if text.startswith("<"):
        return text
    if text.startswith("'"):
        return f'<Constant dataType="string">{text[1:-1]}</Constant>'
    if text[0].isalpha():
        return f'<FieldRef field="{text}"/>'
    return f"<Constant>{text}</Constant>"
