"""``headrace score``: a CSV file through one model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headrace.cli.exits import Exit
from headrace.cli.options import FILE, json_option, map_option, model_options
from headrace.cli.output import note, print_json

if TYPE_CHECKING:
    from headrace.app.scoring import Tally

_SHOWN = 5


@click.command()
@click.argument("model", type=FILE)
@click.argument("table", metavar="INPUT.csv", type=FILE)
@click.option("-o", "--output", type=FILE, metavar="OUT.csv", help="Where to write; standard output by default.")
@click.option("--delimiter", default="", help='Of the input ("tab" for a tab); found by looking by default.')
@click.option("--encoding", default="utf-8", show_default=True, help="Of the input.")
@click.option("--format", "model_type", default="", help="The model's format; found by looking by default.")
@map_option
@model_options
@click.option("--strict", is_flag=True, help="End with exit code 3 if a row could not be scored.")
@json_option
def score(
    model: Path,
    table: Path,
    output: Path | None,
    delimiter: str,
    encoding: str,
    model_type: str,
    mapping: dict[str, tuple[str, ...]],
    options: dict[str, str],
    strict: bool,
    as_json: bool,
) -> int:
    """Score INPUT.csv ("-" is standard input) with MODEL, and write its target and output fields.

    A row comes out for each row; of an association model for each transaction, of a time series for each step up to
    the horizon.

    Cells that are empty, NA or N/A are missing; columns that the model does not know are ignored. A row that cannot be
    scored has empty cells. With --json a summary is printed, so the outputs need a file.
    """
    if as_json and output is None:
        raise click.UsageError("--json prints a summary: name a file for the outputs, -o OUT.csv")
    from headrace.app.csv_output import CsvWriter, open_output
    from headrace.app.csv_tables import CsvTable
    from headrace.app.scoring import Tally, load_model, score_table

    loaded = load_model(model, model_type, options)
    if loaded.doubt:
        note(f"headrace: the model's own verification disagrees, an engine would refuse it: {loaded.doubt}")
    signature = loaded.model.signature
    rows = CsvTable(table, [each.name for each in signature.inputs], _read_delimiter(delimiter), encoding)
    tally = Tally()
    try:
        scorer, batches = score_table(loaded, rows, rows.schema, mapping)
        if scorer.absent:
            note(f"headrace: no column for {', '.join(scorer.absent)}: missing in every row")
        with open_output(output) as file:
            writer = CsvWriter(file, [each.name for each in signature.outputs])
            for outputs, errors in batches:
                writer.write(outputs)
                tally.add(outputs.num_rows, errors)
    finally:
        rows.close()
    _tell(tally, table)
    if as_json:
        print_json(
            {
                "format": loaded.format,
                "rows": tally.rows,
                "failed": tally.failed,
                "absent_inputs": scorer.absent,
                "reasons": [{"reason": why, "rows": count} for why, (count, _) in tally.reasons.items()],
                "output": str(output),
            }
        )
    return Exit.INPUT if strict and (tally.failed or loaded.doubt) else Exit.DONE


def _read_delimiter(text: str) -> str:
    return "\t" if text in {"tab", "\\t"} else text


def _tell(tally: Tally, table: Path) -> None:
    if not tally.failed:
        return
    note(f"headrace: {tally.failed} of {tally.rows} rows of {table} could not be scored")
    for reason, (count, first) in list(tally.reasons.items())[:_SHOWN]:
        more = f" and {count - 1} more" if count > 1 else ""
        note(f"  row {first}{more}: {reason}")
    if len(tally.reasons) > _SHOWN:
        note(f"  and {len(tally.reasons) - _SHOWN} more reasons")
