"""``headrace profile``: how training data are distributed, as a file that is published with a model."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.cli.exits import Exit
from headrace.cli.options import FILE, json_option, map_option, model_options
from headrace.cli.output import note, print_json, print_table


@click.command()
@click.argument("table", metavar="DATA.csv", type=FILE)
@click.argument("model", type=FILE, required=False)
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="Where to write the profile.")
@click.option("--delimiter", default="", help='Of the table ("tab" for a tab); found by looking by default.')
@click.option("--encoding", default="utf-8", show_default=True, help="Of the table.")
@click.option("--format", "model_type", default="", help="The model's format; found by looking by default.")
@map_option
@model_options
@json_option
def profile(
    table: Path,
    model: Path | None,
    output: Path,
    delimiter: str,
    encoding: str,
    model_type: str,
    mapping: dict[str, tuple[str, ...]],
    options: dict[str, str],
    as_json: bool,
) -> int:
    """Tell how the columns of DATA.csv are distributed, and what MODEL gives for them.

    Take the data that the model was trained on, with columns of the records' names, and publish the file with the
    model (headrace publish --profile FILE): engines then measure how far records and outputs drift from it.
    """
    from headrace.app.csv_tables import CsvTable
    from headrace.app.profiling import profile_table
    from headrace.app.scoring import load_model
    from headrace.wire.profile import write_profile

    loaded = None if model is None else load_model(model, model_type, options)
    known = [] if loaded is None else [each.name for each in loaded.model.signature.inputs]
    rows = CsvTable(table, known, "\t" if delimiter in {"tab", "\\t"} else delimiter, encoding)
    try:
        fields = profile_table(rows, loaded, mapping)
    finally:
        rows.close()
    output.write_bytes(write_profile(fields))
    told = [
        {"name": each.name, "side": "output" if each.output else "input", "bins": each.bins, "rows": sum(each.counts)}
        for each in fields
    ]
    if as_json:
        print_json({"output": str(output), "fields": told})
    else:
        print_table(("name", "side", "bins", "rows"), [tuple(each.values()) for each in told], ("bins", "rows"))
        note(f"headrace: written to {output}: publish it with the model, --profile {output}")
    return Exit.DONE
