"""Records as CSV: one line a record, without a header.

- A cell that is empty or one of ``missing`` is null, whether quoted or not.
- Types are declared by ``schema``. Without it a column is numbers where most of the batch's cells are (``int64`` where
  all are whole), flags where most are ``true`` or ``false``, else text; a cell that does not fit is its row's failure.
  Declare types where they must not depend on which records come together.
- The fields of id, key and data type stay text: "007" is not 7.
- Quotes are doubled within quotes; a value may hold line ends within quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from headrace.errors import ConfigurationError
from headrace.wire import columns
from headrace.wire.assembly import Part, assemble, take_values
from headrace.wire.failures import Code, Failures

if TYPE_CHECKING:
    from headrace.records import Batch, Int64Array, Raw
    from headrace.wire.layout import Layout

MISSING = ("", "NA", "N/A")
_NUMBER = r"^\s*-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$|^(?i:nan|-?inf|-?infinity)$"
_FLAG = "^(?i:true|false)$"


class CsvCodec:
    """Decode lines whose cells are ``names`` in this order.

    ``schema`` declares the types of all of them. Raises ``ConfigurationError`` for names that are empty or not unique,
    a delimiter or quote that is not one ASCII character, or a schema of other names.
    """

    def __init__(
        self,
        layout: Layout,
        names: Sequence[str],
        schema: pa.Schema | None = None,
        delimiter: str = ",",
        quote: str = '"',
        missing: Sequence[str] = MISSING,
    ) -> None:
        layout.refuse_branches("CSV")
        if not names or len(set(names)) < len(names) or not all(names):
            raise ConfigurationError(
                f"the columns of a CSV line need names that are not empty and differ: {list(names)}"
            )
        for what, character in (("delimiter", delimiter), ("quote", quote)):
            if len(character) != 1 or not character.isascii() or character in "\r\n":
                raise ConfigurationError(f"the {what} of CSV is one ASCII character, not {character!r}")
        if schema is not None and list(names) != schema.names:
            raise ConfigurationError(f"the types are of the columns {schema.names}, and the lines hold {list(names)}")
        self._layout = layout
        self._names = list(names)
        self._schema = None if schema is None else layout.annotate(schema)
        self._texts = {*layout.named_fields()} - {layout.time_field}
        self._parsing = arrow_csv.ParseOptions(delimiter=delimiter, quote_char=quote, ignore_empty_lines=False)
        self._converting = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=list(missing),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )

    def schema(self, data_type: str) -> pa.Schema | None:  # noqa: ARG002
        """Tell the declared columns, the same for all data types; None where none are declared."""
        return self._schema

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch; a line that is not UTF-8 or has too many or too few cells is a failure "undecodable".

        Raises ``ConfigurationError`` for a source of columns.
        """
        failures = Failures()
        values, rows = take_values(raw, self._layout, failures)
        lines = values.to_pylist()
        kept: list[int] = []
        texts: list[bytes] = []
        for row, line in zip(rows.tolist(), lines, strict=True):
            text = line.rstrip(b"\r\n")
            if not text:
                failures.add(row, Code.EMPTY_MESSAGE, "the line is empty")
            elif not _is_utf8(text):
                failures.add(row, Code.UNDECODABLE, "the line is not UTF-8")
            else:
                kept.append(row)
                texts.append(text)
        cells = self._parse(texts, kept, failures)
        found = np.array([row for row in kept if row not in failures], np.int64)
        return assemble(raw, self._layout, [self._type(cells, found, failures)], failures)

    def _parse(self, texts: list[bytes], rows: list[int], failures: Failures) -> list[pa.Array]:
        """Read the cells of lines as columns of text; a line that fails is left out."""
        one = len(texts) == 1
        if not texts:
            return [pa.array([], pa.string()) for _ in self._names]
        if one or not any(b"\n" in text or b"\r" in text for text in texts):
            table, wrong = self._read(b"\n".join(texts))
            if table is not None and len(wrong) + len(table) == len(texts):
                for line, reason in wrong.items():
                    failures.add(rows[line], Code.UNDECODABLE, reason)
                return [column.combine_chunks() for column in table.columns]
        if one:
            failures.add(rows[0], Code.UNDECODABLE, "the line has a quote that is not closed, or is more than one line")
            return self._parse([], [], failures)
        middle = len(texts) // 2
        first = self._parse(texts[:middle], rows[:middle], failures)
        second = self._parse(texts[middle:], rows[middle:], failures)
        return [pa.concat_arrays(pair) for pair in zip(first, second, strict=True)]

    def _read(self, text: bytes) -> tuple[pa.Table | None, dict[int, str]]:
        wrong: dict[int, str] = {}

        def skip(row: arrow_csv.InvalidRow) -> str:
            wrong[row.number - 1] = (
                f"the line has {row.actual_columns} cells, and {row.expected_columns} are configured"
            )
            return "skip"

        parsing = arrow_csv.ParseOptions(
            delimiter=self._parsing.delimiter,
            quote_char=self._parsing.quote_char,
            ignore_empty_lines=False,
            newlines_in_values=True,
            invalid_row_handler=skip,
        )
        reading = arrow_csv.ReadOptions(column_names=self._names, use_threads=False, block_size=len(text) + 1)
        try:
            return arrow_csv.read_csv(pa.py_buffer(text), reading, parsing, self._converting), wrong
        except pa.ArrowInvalid:
            return None, wrong

    def _type(self, cells: list[pa.Array], rows: Int64Array, failures: Failures) -> Part:
        arrays = []
        for index, (name, column) in enumerate(zip(self._names, cells, strict=True)):
            if self._schema is not None:
                array, wrong = convert_cells(column, self._schema.field(index).type)
            elif name in self._texts:
                array, wrong = column, {}
            else:
                array, wrong = infer_cells(column)
            for position, reason in wrong.items():
                failures.add(int(rows[position]), Code.WRONG_TYPE, f"the field {name!r} is {reason}")
            arrays.append(array)
        if self._schema is not None:
            return Part(rows, pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        inferred = pa.RecordBatch.from_arrays(arrays, names=self._names)
        return Part(rows, pa.RecordBatch.from_arrays(arrays, schema=self._layout.annotate(inferred.schema)))


def infer_cells(column: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Give text cells the type that most of them have; the others are null, with what is wrong by position."""
    known = len(column) - column.null_count
    if not known:
        return pa.nulls(len(column)), {}
    try:
        return _narrow(column.cast(pa.float64()), column), {}
    except pa.ArrowInvalid:
        pass
    for pattern, kind in ((_NUMBER, pa.float64()), (_FLAG, pa.bool_())):
        if 2 * pc.sum(pc.match_substring_regex(column, pattern)).as_py() > known:
            array, wrong = convert_cells(column, kind)
            return (_narrow(array, column) if kind == pa.float64() and not wrong else array), wrong
    return column, {}


def convert_cells(column: pa.Array, kind: pa.DataType) -> tuple[pa.Array, dict[int, str]]:
    """Give text cells a type; those that do not fit are null, with what is wrong by position."""
    if pa.types.is_string(kind):
        return column, {}
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not number and not pa.types.is_boolean(kind):
        return columns.convert(column.to_pylist(), kind)
    try:
        return column.cast(kind), {}
    except pa.ArrowInvalid:
        pass
    column = pc.utf8_trim_whitespace(column)
    fitting = pc.match_substring_regex(column, _NUMBER if number else _FLAG)
    tried = pc.if_else(fitting, column, pa.scalar(None, pa.string()))
    try:
        array = tried.cast(kind)
    except pa.ArrowInvalid:
        array = _cast_each(tried, kind)
    unfit = np.flatnonzero(pc.and_(column.is_valid(), array.is_null()))
    shown = {int(position): column[int(position)].as_py()[:40] for position in unfit}
    return array, {position: f"{cell!r}, which is no {kind}" for position, cell in shown.items()}


def _cast_each(column: pa.Array, kind: pa.DataType) -> pa.Array:
    parts = []
    for position in range(len(column)):
        cell = column.slice(position, 1)
        try:
            parts.append(cell.cast(kind))
        except pa.ArrowInvalid:
            parts.append(pa.nulls(1, kind))
    return pa.concat_arrays(parts)


def _narrow(numbers: pa.Array, cells: pa.Array) -> pa.Array:
    if not pc.all(pc.equal(pc.floor(numbers), numbers)).as_py():
        return numbers
    try:
        return cells.cast(pa.int64())
    except pa.ArrowInvalid:
        return numbers


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
