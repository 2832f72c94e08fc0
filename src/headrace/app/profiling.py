"""How the columns of a table, and a model's outputs for it, are distributed: what drift is measured against.

Rules:

1. A column of numbers is cut at its deciles, one of texts has its most frequent values. A column that is empty, or in
   which (nearly) every text is another one, tells nothing and is left out.
2. With a model, inputs are the columns that feed it; without one, all columns are. Rows that the model cannot score
   count as the stream's would: not at all.
3. The table is held in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.app.scoring import score_table
from headrace.core.spreads import find_bins
from headrace.errors import DescriptorError, SourceError
from headrace.records import FieldProfile
from headrace.wire.csv import infer_cells
from headrace.wire.profile import check_profile, read_profile

if TYPE_CHECKING:
    from headrace.app.csv_tables import CsvTable
    from headrace.app.scoring import Loaded

BINS = 10
VALUES = 20
_TOO_MANY = 0.5
"""Of all texts of a column, so many different ones are names rather than categories."""


def read_profile_file(path: Path) -> tuple[FieldProfile, ...]:
    """Read a profile. Raises ``SourceError`` that names the file."""
    try:
        return read_profile(path.read_bytes())
    except OSError as error:
        raise SourceError(f"the profile {path} cannot be read: {error.strerror}") from error
    except DescriptorError as error:
        raise SourceError(f"the profile {path}: {error}") from error


def profile_table(
    table: CsvTable, loaded: Loaded | None, mapping: Mapping[str, tuple[str, ...]]
) -> tuple[FieldProfile, ...]:
    """Make a profile of a table's columns and, with a model, of its outputs for them.

    Raises ``SourceError`` where there is nothing to tell, and as ``score_table`` does.
    """
    batches = [batch for batch in table if batch.num_rows]
    if not batches:
        raise SourceError(f"{table.path} has no rows: name the data that the model was trained on")
    inputs, outputs = pa.Table.from_batches(batches), None
    if loaded is not None:
        scorer, scored = score_table(loaded, batches, table.schema, mapping)
        parts = [(block, _find_good(block.num_rows, errors)) for block, errors in scored]
        outputs = pa.Table.from_batches([block.take(good) for block, good in parts])
        if outputs.num_rows and sum(block.num_rows for block, _ in parts) == inputs.num_rows:
            inputs = pa.Table.from_batches([batch.take(good) for batch, (_, good) in zip(batches, parts, strict=True)])
        fed = {name for names in (*mapping.values(), tuple(scorer.columns.values())) for name in names}
        inputs = inputs.select([name for name in inputs.column_names if name in fed])
    found = [_profile_column(name, infer_cells(_join(inputs[name]))[0]) for name in inputs.column_names]
    if outputs is not None:
        found += [
            None if each is None else replace(each, output=True)
            for each in (_profile_column(name, _join(outputs[name])) for name in outputs.column_names)
        ]
    kept = [each for each in found if each is not None]
    if not kept:
        raise SourceError(f"{table.path}: no column holds numbers, or texts that come again: there is nothing to tell")
    return check_profile(kept)


def _join(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


def _find_good(rows: int, errors: Mapping[int, str]) -> pa.Array:
    return pa.array([row for row in range(rows) if row not in errors], pa.int64())


def _profile_column(name: str, column: pa.Array) -> FieldProfile | None:
    if column.null_count == len(column):
        return None
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        profile = _cut(name, column)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        profile = _list_values(name, column.cast(pa.string()))
    else:
        return None
    if profile is None:
        return None
    return replace(profile, counts=tuple(np.bincount(find_bins(profile, column), minlength=profile.bins).tolist()))


def _cut(name: str, column: pa.Array) -> FieldProfile | None:
    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    edges = np.unique(np.quantile(numbers, np.arange(1, BINS) / BINS))
    return FieldProfile(name, edges=tuple(edges.tolist()))


def _list_values(name: str, column: pa.Array) -> FieldProfile | None:
    counted = pc.value_counts(column.drop_null())
    by_count = sorted(counted.to_pylist(), key=lambda each: (-each["counts"], each["values"]))
    if len(by_count) > max(VALUES, _TOO_MANY * (len(column) - column.null_count)):
        return None
    return FieldProfile(name, values=tuple(each["values"] for each in by_count[:VALUES]))
