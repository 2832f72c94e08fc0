"""``headrace provide``: wine records and models sent to Kafka in a loop, for trying things out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from headrace.catalog import load_target
from headrace.cli.exits import Exit
from headrace.cli.options import FILE
from headrace.cli.output import note
from headrace.cli.stopping import stopped_by_signals

if TYPE_CHECKING:
    from headrace.records import Descriptor
    from headrace.transports.kafka.connection import Connection

F = TypeVar("F", bound=Callable[..., Any])
# Named as text: the room of tests lies beside the command line, not below it.
_PROVIDERS = "headrace.testing.providers"


def connection_options(command: F) -> F:
    """Give a command a ``Connection`` as its first argument, by address or by configuration."""

    @wraps(command)
    def run(*, bootstrap: str, config: Path | None, **own: Any) -> Any:
        return command(_connect(bootstrap, config), **own)

    for option in (
        click.option("--config", type=FILE, metavar="FILE", help="Take the table [kafka] from a configuration."),
        click.option("--bootstrap", default="", metavar="HOST:PORT", help="A broker that asks for no login."),
    ):
        run = option(run)
    return cast("F", run)


def _connect(bootstrap: str, config: Path | None) -> Connection:
    from headrace.app.model_streams import connect, read_kafka_table

    if bool(bootstrap) == (config is not None):
        raise click.UsageError("name the brokers: --bootstrap HOST:PORT, or --config FILE with a table [kafka]")
    if config is not None:
        return connect(read_kafka_table(config), config)
    return connect({"bootstrap.servers": bootstrap}, Path("--bootstrap"))


@click.group()
def provide() -> None:
    """Send wine records and models to Kafka in a loop, until interrupted."""


count_option = click.option(
    "--count", type=click.IntRange(min=0), metavar="NUMBER", help="End after so many; by default when interrupted."
)
keyed_option = click.option("--keyed", is_flag=True, help="Send keys; the book's programs send none.")


@provide.command("records")
@click.option("--topic", default="wine-records", show_default=True, help="The topic; made where it is absent.")
@click.option("--partitions", type=click.IntRange(min=1), default=1, show_default=True,
              help="How many partitions a new topic gets.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(min=0), default=10.0, show_default=True, metavar="NUMBER",
              help="Records a second; 0 is as fast as can be.")  # fmt: skip
@click.option("--pause", type=click.FloatRange(min=0), default=0.0, show_default=True, metavar="SECONDS",
              help="How long to wait after each round through the 1,599 records.")  # fmt: skip
@count_option
@keyed_option
@connection_options
def provide_records(
    connection: Connection, topic: str, partitions: int, rate: float, pause: float, count: int | None, keyed: bool
) -> int:
    """Send the red wines, as protobuf messages of the type WineRecord."""
    send: Any = load_target(f"{_PROVIDERS}:provide_records", extra="kafka")
    pace: Any = load_target(f"{_PROVIDERS}:Pace")
    stop = threading.Event()
    with stopped_by_signals(stop.set):
        sent = send(connection, topic, pace(rate, count, pause), stop, keyed=keyed, partitions=partitions)
    note(f"headrace: {sent} records sent to {topic}")
    return Exit.DONE


@provide.command("models")
@click.argument("models", type=FILE, nargs=-1)
@click.option("--topic", default="wine-models", show_default=True, help="The topic; made where it is absent.")
@click.option("--data-type", default="wine", show_default=True, help="The data type of the records.")
@click.option("--pause", type=click.FloatRange(min=0), default=60.0, show_default=True, metavar="SECONDS",
              help="How long to wait after each model.")  # fmt: skip
@count_option
@keyed_option
@connection_options
def provide_models(
    connection: Connection, models: tuple[Path, ...], topic: str, data_type: str, pause: float, count: int | None,
    keyed: bool,
) -> int:  # fmt: skip
    """Send MODELS in turn, as protobuf messages of the type ModelDescriptor; by default two for the wine records."""
    send: Any = load_target(f"{_PROVIDERS}:provide_models", extra="kafka")
    describe: Any = load_target(f"{_PROVIDERS}:describe_model")
    defaults: Any = load_target(f"{_PROVIDERS}:read_wine_models")
    pace: Any = load_target(f"{_PROVIDERS}:Pace")
    described = [describe(file, data_type) for file in models] or defaults()

    def tell(position: int, descriptor: Descriptor) -> None:
        note(f"headrace: {descriptor.name} ({descriptor.model_type}) sent to {topic} at position {position}")

    stop = threading.Event()
    with stopped_by_signals(stop.set):
        send(connection, topic, described, pace(0, count, pause), stop, keyed=keyed, tell=tell)
    return Exit.DONE
