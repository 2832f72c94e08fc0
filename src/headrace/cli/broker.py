"""``headrace broker``: a Kafka broker of one's own, for trying things out."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from headrace.catalog import load_target
from headrace.cli.exits import Exit
from headrace.cli.output import note
from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@click.option(
    "--set", "settings", metavar="NAME=VALUE", multiple=True, help="A setting of the server's own; may be repeated."
)
def broker(settings: tuple[str, ...]) -> int:
    """Run a Kafka broker on loopback until interrupted; its data go with it.

    Prints the address that clients give as bootstrap.servers. Needs a JDK (17 or later); Maven fetches the broker the
    first time.
    """
    # Named as text: the room of tests lies beside the command line, not below it.
    made: Any = load_target("headrace.testing.broker:Broker")
    waited = {signal.SIGINT, signal.SIGTERM}
    with made(_read_settings(settings)) as server:
        signal.pthread_sigmask(signal.SIG_BLOCK, waited)
        click.echo(server.bootstrap)
        note("headrace: the broker runs until this is interrupted (Ctrl-C); its data go with it")
        signal.sigwait(waited)
    return Exit.DONE


def _read_settings(given: tuple[str, ...]) -> Mapping[str, str]:
    read = {}
    for each in given:
        name, separator, value = each.partition("=")
        if not (name and separator):
            raise ConfigurationError(f"--set {each!r} is no setting; write it as NAME=VALUE")
        read[name] = value
    return read
