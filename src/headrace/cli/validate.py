"""``headrace validate``: check a configuration and show what would run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headrace.catalog import load_target
from headrace.cli.exits import Exit, exit_of
from headrace.cli.options import FILE, json_option
from headrace.cli.output import note, print_json, show_time

_JOB = "headrace.app.kafka.checks:survey_job"
_FLINK = ("headrace.app.flink.configuration:load_flink_configuration", _JOB)
_OVER_TOPICS = {
    "kafka": ("headrace.app.kafka.configuration:load_kafka_configuration", "headrace.app.kafka.checks:survey_topics"),
    "beam": ("headrace.app.beam.configuration:load_beam_configuration", _JOB),
    "spark": ("headrace.app.spark.configuration:load_spark_configuration", _JOB),
    "flink-keyed": _FLINK,
    "flink-partitioned": _FLINK,
}
"""What reads a file, and what looks at the topics that it names, by engine."""


@click.command()
@click.argument("config", type=FILE)
@json_option
def validate(config: Path, as_json: bool) -> int:
    """Check the configuration CONFIG and all that it names, and show what would run.

    Every problem is told, not only the first.
    """
    from headrace.app.checks import survey
    from headrace.app.configuration import load_configuration
    from headrace.app.reading import find_engine

    engine = find_engine(config)
    if engine in _OVER_TOPICS:
        return _show_topics(config, engine, as_json=as_json)
    found = survey(load_configuration(config))
    if as_json:
        problems = [{"kind": type(each).__name__, "message": str(each)} for each in found.problems]
        print_json({"valid": not problems, "problems": problems, "notes": found.notes, "plan": found.plan})
    else:
        if not found.problems:
            _show(found.plan)
        for told in found.notes:
            click.echo(f"note: {told}")
        if not found.problems:
            click.echo(f"{config} is valid")
    for problem in found.problems:
        note(f"headrace: {config}: {problem}")
    return exit_of(found.problems[0]) if found.problems else Exit.DONE


def _show_topics(config: Path, engine: str, *, as_json: bool) -> int:
    """Check a configuration and the topics that it names, and show what would run; nothing is made."""
    load, survey = (load_target(target, "kafka", f"the engine {engine!r}") for target in _OVER_TOPICS[engine])
    plan: dict[str, str] = survey(load(config), config.absolute().parent, engine)
    if as_json:
        print_json({"valid": True, "problems": [], "plan": plan})
        return Exit.DONE
    for name, value in plan.items():
        click.echo(f"{name.replace('_', ' ')}: {value}")
    click.echo(f"{config} is valid")
    return Exit.DONE


def _show(plan: dict[str, Any]) -> None:
    click.echo(f"engine: {plan['engine']}")
    for stream in plan["records"]:
        files = stream["files"][0] if len(stream["files"]) == 1 else f"{len(stream['files'])} files"
        data_types = ", ".join(stream["data_types"]) or "told by each record"
        click.echo(f"records {stream['name']!r}: {stream['format']}, {files}; data type: {data_types}")
        for data_type, fields in stream["fields"].items():
            shown = ", ".join(f"{name} ({kind})" for name, kind in fields.items())
            click.echo(f"  {data_type}: {shown}")
    click.echo(f"models: {plan['models']['log']}" + ("" if plan["models"]["follow"] else ", read once"))
    switch = plan["switch"]
    by = f", by {switch['ordered_by']}" if switch["mode"] == "ordered" else ""
    click.echo(f"switch: {switch['mode']}{by}; without a model: {switch['no_model']}")
    for slot in plan["slots"]:
        click.echo(f"slot {slot['slot']}: {slot['mode']}; without a model: {slot['no_model']}")
    for name in ("results", "dead_letters"):
        path = plan[name]["path"]
        click.echo(f"{name.replace('_', ' ')}: {plan[name]['format']}, {'standard output' if path == '-' else path}")
    restores = "" if plan["restores"] is None else f", goes on from {show_time(plan['restores'])}"
    click.echo(f"state: {plan['state'] or 'none'}{restores}")
