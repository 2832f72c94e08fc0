"""What is known while a pipeline is turned into a document: its raw fields, the fields derived so far, its exporters.

Rules: a pipeline is followed column by column. A transformer takes columns and gives columns, each standing for a raw
or a derived field; a model takes columns and gives a ``Part`` of the document. A raw field is a number or a category,
as its first user claims it. A missing value is refused at the raw field where some step that would raise in
scikit-learn can see it, and passed on where every step accepts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from headrace.errors import UnsupportedError
from headrace.export.sklearn_pmml.markup import Element


@dataclass(frozen=True, slots=True)
class Column:
    """One column between two steps.

    ``sources`` are the raw fields that make it missing when they are missing; ``raw`` is the raw field whose values it
    passes on as they are (missing ones aside), if any.
    """

    field: str
    sources: frozenset[str]
    raw: str | None = None


@dataclass(slots=True)
class RawField:
    """One field of the records: what its users claim of it."""

    name: str
    categories: tuple[object, ...] | None = None
    is_number: bool = False
    refuses_unknown: bool = False
    refuses_missing: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A model element before its place in the document is known.

    ``inputs`` are the fields it reads, ``content`` the children that come after what every model element has.
    ``classes`` are a classifier's labels in the estimator's order, ``probabilities`` whether it gives them; in a chain
    the last segment puts them out.
    """

    tag: str
    function: str
    inputs: tuple[str, ...]
    content: tuple[Element, ...]
    attributes: Mapping[str, object] = field(default_factory=dict)
    outputs: tuple[Element, ...] = ()
    targets: Element | None = None
    classes: tuple[object, ...] = ()
    probabilities: bool = False
    is_chain: bool = False


TransformerExporter = Callable[[Any, "list[Column]", "Scope"], "list[Column]"]
ModelExporter = Callable[[Any, "list[Column]", "Scope"], Part]
_Exporter = TypeVar("_Exporter")


class Scope:
    """The fields of the document being made, and the exporters by class name."""

    def __init__(
        self,
        feature_names: Sequence[str],
        target_name: str,
        transformers: Mapping[str, TransformerExporter],
        models: Mapping[str, ModelExporter],
    ) -> None:
        self.raw = {name: RawField(name) for name in feature_names}
        self.target_name = target_name
        self.derived: dict[str, Element] = {}
        self._transformers = transformers
        self._models = models

    def raw_columns(self) -> list[Column]:
        """Give a column for each raw field."""
        return [Column(name, frozenset((name,)), name) for name in self.raw]

    def transform(self, step: Any, columns: list[Column]) -> list[Column]:
        """Follow columns through a fitted transformer."""
        if step is None or step == "passthrough":
            return columns
        return _find(self._transformers, step, "transformer")(step, columns, self)

    def model(self, estimator: Any, columns: list[Column]) -> Part:
        """Express a fitted predictor over columns."""
        return _find(self._models, estimator, "predictor")(estimator, columns, self)

    def number(self, column: Column) -> str:
        """Claim a column as a number and give its field's name."""
        if column.raw is not None:
            raw = self.raw[column.raw]
            if raw.categories is not None:
                _refuse_both(raw.name)
            raw.is_number = True
        return column.field

    def numbers(self, columns: Iterable[Column]) -> tuple[str, ...]:
        """Claim columns as numbers and give their fields' names."""
        return tuple(self.number(column) for column in columns)

    def category(self, column: Column, values: Sequence[object], *, refuse_unknown: bool) -> str:
        """Claim a column as a category of these values and give its field's name."""
        if column.raw is not None:
            raw = self.raw[column.raw]
            if raw.is_number:
                _refuse_both(raw.name)
            known = raw.categories or ()
            raw.categories = known + tuple(value for value in values if value not in known)
            raw.refuses_unknown |= refuse_unknown
        return column.field

    def forbid_missing(self, columns: Iterable[Column]) -> None:
        """Refuse records in which one of these columns would be missing, as scikit-learn does."""
        for name in frozenset[str]().union(*(column.sources for column in columns)):
            self.raw[name].refuses_missing = True

    def derive(
        self, name: str, expression: Element, sources: Iterable[Column], *, raw: str | None = None, text: bool = False
    ) -> Column:
        """Add a derived field, a number unless ``text``, and give its column; the name is made unique."""
        unique, count = name, 1
        while unique in self.derived or unique in self.raw:
            count += 1
            unique = f"{name} {count}"
        kind = ("categorical", "string") if text else ("continuous", "double")
        attributes = {"name": unique, "optype": kind[0], "dataType": kind[1]}
        self.derived[unique] = Element("DerivedField", attributes, expression)
        return Column(unique, frozenset[str]().union(*(column.sources for column in sources)), raw)


def accepts_missing(estimator: Any) -> bool:
    """Tell whether an estimator takes NaN when it predicts, by its own tags."""
    return bool(estimator.__sklearn_tags__().input_tags.allow_nan)


def unsupported(estimator: Any, reason: str) -> UnsupportedError:
    """Make the error for an estimator whose class is known but not what it is set to."""
    return UnsupportedError(f"{type(estimator).__name__} cannot be written as PMML: {reason}")


def _find(exporters: Mapping[str, _Exporter], estimator: Any, role: str) -> _Exporter:
    # The class itself counts, not its ancestors: a subclass may predict otherwise.
    kind = type(estimator)
    if kind.__module__.split(".")[0] == "sklearn" and kind.__name__ in exporters:
        return exporters[kind.__name__]
    raise UnsupportedError(
        f"{kind.__module__}.{kind.__qualname__} cannot be written as PMML as a {role}; "
        f"what can be: {', '.join(sorted(exporters))}"
    )


def _refuse_both(name: str) -> NoReturn:
    raise UnsupportedError(
        f"field {name!r} is used as a number by one step and as a category by another; give the steps two fields"
    )
