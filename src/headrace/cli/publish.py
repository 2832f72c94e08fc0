"""``headrace publish``: offer a model to a slot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import FILE, errand_options, id_option, map_option, model_options, valid_from_option
from headrace.cli.sending import Errand, deliver
from headrace.records import Descriptor, SwitchMode

if TYPE_CHECKING:
    from headrace.records import SlotKey


@click.command()
@click.argument("model", required=False)
@click.option("--artifact", default="", metavar="PATH", help="Which file of a registry's model it is.")
@click.option("--location", default="", metavar="URL", help="Where engines read the bytes, instead of MODEL.")
@click.option("--name", default="", help="The model's name; the file's by default.")
@click.option("--version", "version", default="", help="The version; the position in the log by default.")
@click.option("--format", "model_type", default="", help="The format; found by looking by default.")
@click.option("--description", default="", help="What a person should know of it.")
@click.option("--switch-mode", type=click.Choice([str(mode) for mode in SwitchMode]),
              help="When it takes over; a slot has the mode of its first publication.")  # fmt: skip
@valid_from_option
@click.option("--golden", type=FILE, metavar="FILE", help='Golden records: a JSON list of {"inputs", "outputs"}.')
@click.option("--tolerance", type=click.FloatRange(min=0), metavar="NUMBER", help="How far golden outputs may be off.")
@click.option("--profile", type=FILE, metavar="FILE",
              help="How training data are distributed (headrace profile): what drift is measured against.")  # fmt: skip
@map_option
@model_options
@click.option("--replaces-signature", is_flag=True, help="Allow outputs that differ from the slot's.")
@id_option
@click.option("--dry-run", is_flag=True, help="Publish nothing: check the model, and say whether it would be accepted.")
@errand_options
def publish(errand: Errand, dry_run: bool, **given: Any) -> int:
    """Offer MODEL, a file or a SavedModel's folder, to a slot: append it to the model log.

    MODEL may be models:/NAME@ALIAS or models:/NAME/VERSION of the MLflow registry that MLFLOW_TRACKING_URI names.

    Engines that follow the log load, verify and warm it beside the serving model, and refuse it where it fails. Its
    bytes are kept in the log's directory by digest.
    """
    if dry_run and errand.wait:
        raise click.UsageError("--dry-run publishes nothing to wait for: leave out --wait")
    descriptor = _describe(errand.slot, **given)
    if dry_run:
        from headrace.cli.dry_run import rehearse_publication

        return rehearse_publication(errand, descriptor)
    return _publish(errand, descriptor)


def _publish(errand: Errand, descriptor: Descriptor) -> int:
    destination = errand.find_destination()

    def send() -> tuple[int, dict[str, Any]]:
        position, sent = destination.stream.publish(descriptor)
        told = {"command": "publish", "name": sent.name, "version": sent.version or str(position)}
        return position, told | {"digest": sent.digest, "location": sent.location}

    return deliver(errand, destination, send)


def _describe(
    key: SlotKey,
    model: str | None,
    artifact: str,
    location: str,
    name: str,
    version: str,
    description: str,
    switch_mode: str | None,
    golden: Path | None,
    tolerance: float | None,
    profile: Path | None,
    mapping: dict[str, tuple[str, ...]],
    **plain: Any,
) -> Descriptor:
    from headrace.app.model_files import read_golden, read_model
    from headrace.app.model_registry import names_registry, read_registry_model
    from headrace.app.profiling import read_profile_file

    if (model is None) == (not location):
        raise click.UsageError("name the model: a file, or --location URL, one of the two")
    if golden is None and tolerance is not None:
        raise click.UsageError("--tolerance is for golden records: name them with --golden FILE")
    registered = read_registry_model(model, artifact) if model is not None and names_registry(model) else None
    if registered is not None:
        own, content = registered.name, registered.content
        version, description = version or registered.version, description or registered.description
    elif artifact:
        raise click.UsageError("--artifact is for models of a registry: models:/NAME@ALIAS")
    elif model is not None:
        own, content = Path(model).stem, read_model(Path(model))
    else:
        own, content = location.rstrip("/").rpartition("/")[2], None
    return Descriptor(
        name=name or own,
        version=version,
        description=description,
        data_type=key.data_type,
        slot=key.name,
        content=content,
        location=location,
        switch=None if switch_mode is None else SwitchMode(switch_mode),
        golden=() if golden is None else read_golden(golden),
        golden_tolerance=Descriptor("", "").golden_tolerance if tolerance is None else tolerance,
        mapping=mapping,
        profile=() if profile is None else read_profile_file(profile),
        **plain,
    )
