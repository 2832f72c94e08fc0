"""The model that the rest of Headrace sees: Arrow batch in, Arrow batch out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from headrace.abc.model import Scores, Shaping
from headrace.errors import ModelFormatError, RecordError
from headrace.formats.pmml.arrow import Writer, find_overflow
from headrace.formats.pmml.columns import Column
from headrace.formats.pmml.datatypes import ANY, DOUBLE, STRING, DataType
from headrace.formats.pmml.dictionary import read_dictionary
from headrace.formats.pmml.direct import open_direct
from headrace.formats.pmml.frame import ModelFrame, compile_model, compile_unused
from headrace.formats.pmml.registry import ELEMENTS, STANDARD, find_element
from headrace.formats.pmml.result import Result
from headrace.formats.pmml.scalar.few import FEW, Few
from headrace.formats.pmml.scalar.model import ScalarModel, open_scalar
from headrace.formats.pmml.schema import Input, define_inputs, read_schema
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.transformations import define_transformations
from headrace.formats.pmml.verification import VerificationField, read_verification
from headrace.formats.pmml.xml import Element, unsupported
from headrace.records import Field, Signature

UNNAMED = "prediction"
"""The output that holds the predicted value of a model whose schema names no target."""


@dataclass(frozen=True, slots=True, eq=False)
class _Output:
    """One output column: its name, its type, where it is in a result, and whether it is the predicted value."""

    name: str
    type: DataType
    find: Callable[[Result], Column]
    predicted: bool = True


class PmmlModel:
    """A compiled document. Scores as ``abc.model.Model`` says."""

    def __init__(
        self,
        frame: ModelFrame,
        inputs: list[Input],
        verification: list[VerificationField],
        groups: tuple[str, ...] = (),
    ) -> None:
        self._frame = frame
        self._inputs = inputs
        self._outputs = _list_outputs(frame)
        self.verification = verification
        self.shaping: Shaping = getattr(frame.evaluator, "shaping", Shaping(group_by=groups))
        self.signature = Signature(
            tuple(_describe_input(entry) for entry in inputs),
            tuple(Field(output.name, output.type.arrow) for output in self._outputs),
        )
        self._schema = pa.schema([(output.name, _arrow_type(output.type.arrow)) for output in self._outputs])
        self._writers = [
            Writer(output.type, self._schema.field(place).type) for place, output in enumerate(self._outputs)
        ]

        self._direct = open_direct(frame, inputs, self._schema, self._writers)

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch: one row out for each row in, null where a row failed."""
        scores = None
        if self._direct is not None:
            scores = self._direct.score(batch)
        elif 0 < batch.num_rows <= FEW and self._few is not None:
            with np.errstate(all="ignore"):
                scores = self._few.score(batch)
        return self.score_generally(batch) if scores is None else scores

    def score_generally(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch of any kind, by any model."""
        with np.errstate(all="ignore"):
            return self._evaluate(batch)

    def _evaluate(self, batch: pa.RecordBatch) -> Scores:
        context = Context(batch.num_rows)
        places = {name: place for place, name in enumerate(batch.schema.names)}
        for entry in self._inputs:
            place = places.get(entry.field.name)
            if place is not None:
                entry.read(context, batch.column(place))
        result = self._frame.evaluate(context)
        columns = self._find_columns(context, result)
        failed = None
        if context.errors:
            failed = np.zeros(batch.num_rows, dtype=np.bool_)
            failed[list(context.errors)] = True
        arrays = [writer.write(column, failed) for column, writer in zip(columns, self._writers, strict=True)]
        return Scores(pa.RecordBatch.from_arrays(arrays, schema=self._schema), dict(context.errors))

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record; raises ``RecordError`` where ``score`` would give the row an error."""
        found = self._score_shortly(record)
        if found is not None:
            return found
        found = self._scalar.score_by_steps(record) if self._scalar else None
        if found is not None:
            return found
        with np.errstate(all="ignore"):
            return self._evaluate_one(record)

    @cached_property
    def _score_shortly(self) -> Callable[[Mapping[str, object]], dict[str, object] | None]:
        """What scores most records: the program of the plan for single records."""
        runner = self._scalar.runner if self._scalar else None
        return runner.score_one if runner else lambda _: None

    @cached_property
    def _few(self) -> Few | None:
        """What scores a few records by the program."""
        runner = self._scalar.runner if self._scalar else None
        return Few(runner.score_one, [entry.field.name for entry in self._inputs], self._schema) if runner else None

    @cached_property
    def _scalar(self) -> ScalarModel | None:
        """The plan for single records, made when the first one comes; None where the model has none."""
        return open_scalar(self._frame, self._inputs, [(output.name, output.type) for output in self._outputs])

    def _evaluate_one(self, record: Mapping[str, object]) -> dict[str, object]:
        context = Context(1)
        for entry in self._inputs:
            value = record.get(entry.field.name)
            # A missing value that is refused is refused at its place among the inputs, as in a batch.
            if value is not None or (entry.refuses_missing and entry.field.name in record):
                entry.read_value(context, value)
        result = self._frame.evaluate(context)
        columns = self._find_columns(context, result)
        for reason in context.errors.values():
            raise RecordError(reason)
        return {
            output.name: writer.read(column)
            for output, writer, column in zip(self._outputs, self._writers, columns, strict=True)
        }

    def _find_columns(self, context: Context, result: Result) -> list[Column]:
        """Return the outputs' columns; a row fails where a value is beyond its type, or the predicted one infinite."""
        columns = [output.find(result) for output in self._outputs]
        for output, column in zip(self._outputs, columns, strict=True):
            overflow = find_overflow(column, output.type, output.predicted)
            if overflow is not None:
                name, type = output.name, output.type.name
                context.fail(overflow, lambda _, name=name, type=type: f"the output {name!r} overflows its type {type}")  # type: ignore[misc]
        return columns

    def close(self) -> None:
        """Let go of the compiled arrays."""
        self._inputs = []
        self._direct = None
        for name in ("_scalar", "_score_shortly"):
            self.__dict__.pop(name, None)
        del self._frame


def compile_document(root: Element) -> PmmlModel:
    """Compile a document: its first model element is the model.

    Raises ``ModelFormatError`` or ``UnsupportedError``.
    """
    if root.tag != "PMML":
        raise ModelFormatError(f"the document's root is {root.tag!r}, not PMML")
    element = next((child for child in root.children if child.tag in STANDARD or child.tag in ELEMENTS), None)
    if element is None:
        others = [child.tag for child in root.children if child.tag.endswith("Model")]
        if others:
            raise unsupported(root, f"{others[0]} is not a model element of the standard")
        raise ModelFormatError(f"PMML, line {root.line}: the document holds no model")
    find_element(element)
    scope = Scope(None, read_dictionary(root))
    inputs = define_inputs(read_schema(element), scope)
    inner = scope.child()
    transformations = root.find("TransformationDictionary")
    define_transformations(transformations, inner)
    frame = compile_model(element, inner, outermost=True)
    used = list(inputs)
    compile_unused(transformations, inner)
    return PmmlModel(frame, used, read_verification(element), tuple(scope.groups))


def _describe_input(entry: Input) -> Field:
    arrow = STRING.arrow if entry.field.is_list else entry.field.type.arrow
    return Field(entry.field.name, arrow, required=entry.required)


def _arrow_type(alias: str) -> pa.DataType:
    if alias == "date32":
        return pa.date32()
    return pa.time32("s") if alias == "time32[s]" else pa.type_for_alias(alias)


def _list_outputs(frame: ModelFrame) -> list[_Output]:
    """List the output columns: targets by name, then the final output fields that have other names."""
    finals = frame.final_outputs()
    names = {output.field.name for output in finals}
    found: list[_Output] = []
    multiple: dict[str, ModelFrame] = getattr(frame.evaluator, "target_frames", {})
    for name, inner in multiple.items():
        found.append(_Output(name, _target_type(inner), lambda result, name=name: result.targets[name].value))  # type: ignore[misc]
    if not multiple:
        name = frame.info.target_name
        if name and name not in names:
            found.append(_Output(name, _target_type(frame), lambda result: result.value))
        elif not name and not any(output.feature == "predictedValue" for output in finals):
            found.append(_Output(UNNAMED, _target_type(frame), lambda result: result.value))
    for output in finals:
        if output.field.name not in multiple:
            find = lambda result, name=output.field.name: result.outputs[name]  # noqa: E731
            found.append(_Output(output.field.name, output.field.type, find, output.feature == "predictedValue"))
    return found


def _target_type(frame: ModelFrame) -> DataType:
    """Choose the type of the predicted value: a class as declared; a number with a fraction unless it is cast."""
    info = frame.info
    if info.function == "regression":
        if any(target.cast for target in frame.targets.values()):
            return info.target_type if info.target_type.is_whole else DOUBLE
        return info.target_type if info.target_type.is_float else DOUBLE
    return info.target_type if info.target_type is not ANY else STRING
