"""What the commands have in common that look at an engine.

They find it by its state directory, by the topics of its group, by the checkpoints of its job or the database of its
statistics, or while it runs by the address of its monitor.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.catalog import load_target

if TYPE_CHECKING:
    from headrace.app.flink.looking import JobState
    from headrace.app.kafka.looking import GroupTopics
    from headrace.app.statistics import KeptStatistics


def find_state(state: Path | None, config: Path | None) -> Path:
    """Find the state directory by option or configuration. Raises ``UsageError`` and ``ConfigurationError``."""
    if state is not None:
        return state
    if config is None:
        raise click.UsageError("name the engine's state directory: --state DIR, or --config FILE that names it")
    from headrace.app.configuration import load_configuration

    configured = load_configuration(config)
    if configured.state is None:
        raise click.UsageError(f"{config} has no [state]: its engine keeps nothing that could be read")
    return configured.state.directory


def find_group(config: Path | None) -> GroupTopics | None:
    """Find the topics of the group that a Kafka engine's configuration names; None for any other configuration.

    Raises ``ConfigurationError`` and ``MissingExtraError``.
    """
    from headrace.app.kafka.configuration import load_kafka_configuration
    from headrace.app.reading import find_engine

    if config is None or find_engine(config) != "kafka":
        return None
    open_group = load_target("headrace.app.kafka.looking:open_group", "kafka", "the engine 'kafka'")
    group: GroupTopics = open_group(load_kafka_configuration(config), config.absolute().parent)
    return group


def find_job(config: Path | None) -> JobState | KeptStatistics | None:
    """Find what the job of a Flink, Beam or Spark configuration has kept; None for any other configuration.

    Raises ``UsageError`` where it keeps nothing, and ``ConfigurationError``.
    """
    from headrace.app.flink.configuration import ENGINES
    from headrace.app.reading import find_engine

    name = None if config is None else find_engine(config)
    if config is None or name not in {*ENGINES, "beam", "spark"}:
        return None
    directory = config.absolute().parent
    if name in ENGINES:
        from headrace.app.flink.configuration import load_flink_configuration
        from headrace.app.flink.looking import open_job

        return open_job(load_flink_configuration(config), directory)
    from headrace.app.beam.configuration import load_beam_configuration
    from headrace.app.spark.configuration import load_spark_configuration
    from headrace.app.statistics import KeptStatistics

    section = (load_spark_configuration if name == "spark" else load_beam_configuration)(config).statistics
    if section is None:
        raise click.UsageError(f"{config} has no [statistics]: its job keeps nothing that could be read")
    return KeptStatistics(section.place(directory))


def read_running(url: str, path: str, token_env: str) -> dict[str, Any]:
    """Read a document from the monitor of a running engine. Raises ``UsageError`` and ``SourceError``."""
    from headrace.app.documents import names_engine, read_running_engine

    if not names_engine(url):
        raise click.UsageError(f"--url is {url!r}: write http://HOST:PORT, as headrace run tells it")
    return read_running_engine(url, path, token_env)
