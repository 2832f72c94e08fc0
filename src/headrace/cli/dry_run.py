"""``headrace publish --dry-run``: whether the model would be accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.exits import Exit
from headrace.cli.output import print_json, print_table

if TYPE_CHECKING:
    from headrace.app.rehearsal import Rehearsal
    from headrace.cli.sending import Errand
    from headrace.records import Descriptor, Field


def rehearse_publication(errand: Errand, descriptor: Descriptor) -> int:
    """Check a publication as an engine would, print the verdict, and give the exit code."""
    from headrace.app.inspection import read_observed
    from headrace.app.model_streams import find_topic_stream
    from headrace.app.rehearsal import learn_settings, rehearse
    from headrace.app.supply import build_options
    from headrace.core.settings import JoinSettings
    from headrace.loading import LoadOptions
    from headrace.stores.contents import DirectoryContents, LayeredContents, MemoryContents
    from headrace.transports.model_log import contents_of

    options, settings = LoadOptions(), JoinSettings()
    log, config, state = errand.log, errand.config, errand.state
    if config is not None and find_topic_stream(config) is None:
        from headrace.app.configuration import load_configuration

        configured = load_configuration(config)
        settings = learn_settings(configured)
        options = build_options(configured, settings)
        log = log or configured.models.log
        if state is None and configured.state is not None and configured.state.directory.is_dir():
            state = configured.state.directory
    elif descriptor.location:
        # Naming a location here is the person's own permission to read it.
        options = LoadOptions(locations=(descriptor.location,))
    contents = LayeredContents(MemoryContents(), () if log is None else (DirectoryContents(contents_of(log)),))
    observed = None if state is None else read_observed(state)
    rehearsal = rehearse(descriptor, contents, options, settings, observed)
    _show(descriptor, rehearsal, as_json=errand.as_json)
    return Exit.DONE if rehearsal.accepted else Exit.REFUSED


def _show(descriptor: Descriptor, rehearsal: Rehearsal, *, as_json: bool) -> None:
    signature = rehearsal.signature
    if as_json:
        print_json(
            {
                "accepted": rehearsal.accepted,
                "reason": rehearsal.reason,
                "name": descriptor.name,
                "data_type": descriptor.data_type,
                "slot": descriptor.slot,
                "format": rehearsal.format,
                "digest": rehearsal.digest,
                "inputs": [] if signature is None else [_describe(each) for each in signature.inputs],
                "outputs": [] if signature is None else [_describe(each) for each in signature.outputs],
            }
        )
        return
    if not rehearsal.accepted:
        click.echo(f"slot {descriptor.slot_key} would reject it: {rehearsal.reason}")
        return
    click.echo(f"slot {descriptor.slot_key} would accept it: {rehearsal.format}, digest {rehearsal.digest}")
    if signature is not None:
        rows = [
            ("input", each.name, _show_type(each), "" if each.required else "optional") for each in signature.inputs
        ]
        rows += [("output", each.name, _show_type(each), "") for each in signature.outputs]
        print_table(("", "name", "type", ""), rows)


def _describe(each: Field) -> dict[str, object]:
    return {"name": each.name, "type": each.type, "shape": list(each.shape), "required": each.required}


def _show_type(each: Field) -> str:
    return f"{each.type}{list(each.shape)}" if each.shape else each.type
