"""``headrace dead-letters``: list records that could not be scored, or send them again."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.options import FILE, json_option, token_option, url_option
from headrace.cli.output import print_json, print_table, show_slot
from headrace.cli.watching import find_group, read_running

if TYPE_CHECKING:
    from headrace.app.configuration import Configuration, RecordsSection
    from headrace.app.letters import Framing
    from headrace.wire.dead_letters import DeadLetter

_MOST = 2_000
_COLUMNS = ("id", "source", "partition", "offset", "slot", "code", "reason")

config_option = click.option(
    "--config", type=FILE, metavar="FILE", help="Take the dead letters' file and the records' format from there."
)
reason_option = click.option("--reason", "code", default="", metavar="CODE", help="Only those of this code.")
source_option = click.option("--source", default="", metavar="NAME", help="Only records of this stream.")


@click.group()
def dead_letters() -> None:
    """List records that could not be scored, or send them again."""


@dead_letters.command("list")
@click.argument("file", type=FILE, required=False)
@config_option
@url_option
@token_option
@reason_option
@source_option
@click.option("--limit", type=click.IntRange(min=0), default=100, show_default=True, help="Show so many; 0 shows all.")
@json_option
def list_letters(
    file: Path | None,
    config: Path | None,
    url: str,
    token_env: str,
    code: str,
    source: str,
    limit: int,
    as_json: bool,
) -> None:
    """List the dead letters in FILE or in a Kafka engine's topic, and count them by the code of their reason.

    With --url the last ones of a running engine, the newest first, at most 2,000.
    """
    counts: Counter[str] = Counter()
    shown: list[dict[str, Any]] = []
    for letter in _ask(url, token_env) if url else map(_describe, _read(file, config)):
        if code not in {"", letter["code"]} or source not in {"", letter["source"]}:
            continue
        counts[letter["code"]] += 1
        if not limit or len(shown) < limit:
            shown.append(letter)
    if as_json:
        print_json({"total": counts.total(), "codes": dict(counts), "letters": shown})
        return
    if not counts:
        click.echo("no dead letters")
        return
    print_table(_COLUMNS, [_row(each) for each in shown], numbers=("partition", "offset"))
    if len(shown) < counts.total():
        click.echo(f"... and {counts.total() - len(shown)} more (--limit 0 shows all)")
    click.echo()
    print_table(("code", "letters"), list(counts.most_common()), numbers=("letters",))


@dead_letters.command("resend")
@click.argument("file", type=FILE, required=False)
@config_option
@click.option("--to", type=FILE, metavar="FILE", help="The file of records to write, or to add to.")
@click.option("--to-topic", default="", metavar="TOPIC", help="The topic to send records of a Kafka engine to.")
@click.option("--framing", type=click.Choice(["lines", "delimited"]),
              help="How records lie in the file; as in the configuration, else lines.")  # fmt: skip
@click.option("--header", default="", metavar="LINE", help="The first line of CSV; as in the configuration's files.")
@reason_option
@source_option
@json_option
def resend_letters(
    file: Path | None,
    config: Path | None,
    to: Path | None,
    to_topic: str,
    framing: Framing | None,
    header: str,
    code: str,
    source: str,
    as_json: bool,
) -> None:
    """Send the records of dead letters again, in the bytes that they came as: to a file, or to a topic.

    --to writes those of FILE, or of what the configuration names, to another file. Serve that file as records and they
    are scored again. Doing it twice sends nothing twice: the file is only added to, and has to be the beginning of what
    is to be in it.

    --to-topic sends those of a Kafka engine's topic, with their keys and times. Doing it again sends the letters that
    came since: how far each selection has come is kept as the offsets of the group GROUP-resent.

    Dead letters are not changed by it.
    """
    if (to is None) == (not to_topic):
        raise click.UsageError("name where to send them: --to FILE or --to-topic TOPIC")
    if to is None:
        if file is not None or framing or header:
            raise click.UsageError(
                "--to-topic sends letters of a topic as they are: leave out FILE, --framing, --header"
            )
        _send_to_topic(config, to_topic, code, source, as_json)
        return
    _write_to_file(to, _select(_read(file, config), code, source), config, framing, header, as_json)


def _select(letters: Iterator[DeadLetter], code: str, source: str) -> list[DeadLetter]:
    return [each for each in letters if code in {"", each.code} and source in {"", each.source}]


def _need_one_stream(names: list[str]) -> None:
    if len(names) > 1:
        raise click.UsageError(f"the dead letters are of several streams: name one, --source {' or '.join(names)}")


def _write_to_file(
    to: Path, letters: list[DeadLetter], config: Path | None, framing: Framing | None, header: str, as_json: bool
) -> None:
    from headrace.app.letters import resend

    configuration = _load(config)
    names = sorted({letter.source for letter in letters} - {to.name})
    _need_one_stream(names)
    section = _find_section(configuration, names)
    chosen = framing or ("delimited" if section is not None and section.format == "protobuf" else "lines")
    line = header or (_read_header(section) if section is not None else "")
    done = resend(letters, to, chosen, line.encode())
    if as_json:
        told = {"to": str(to), "framing": chosen, "records": done.records, "added": done.added}
        print_json(told | {"without_record": done.without})
        return
    click.echo(f"{done.added} records added to {to}, which holds {done.records} now")
    _tell_without(done.without)


def _send_to_topic(config: Path | None, topic: str, code: str, source: str, as_json: bool) -> None:
    group = find_group(config)
    if group is None:
        raise click.UsageError("--to-topic needs --config FILE of a Kafka engine")
    from headrace.app.kafka.resending import Selection, resend_to_topic

    _need_one_stream(sorted({letter.source for letter in _select(group.read_letters(), code, source)}))
    sent = resend_to_topic(group, topic, Selection(code, source))
    if as_json:
        print_json({"to_topic": topic, "records": sent.records, "without_record": sent.without})
        return
    click.echo(f"{sent.records} records sent to {topic}")
    _tell_without(sent.without)


def _tell_without(count: int) -> None:
    if count:
        click.echo(f"{count} dead letters had no value that could be sent again")


def _ask(url: str, token_env: str) -> list[dict[str, Any]]:
    told = read_running(url, f"/v1/dead-letters?limit={_MOST}", token_env)
    letters: list[dict[str, Any]] = told["dead_letters"]
    return letters


def _read(file: Path | None, config: Path | None) -> Iterator[DeadLetter]:
    """Read a file, or what a configuration names: its file, or its topic."""
    from headrace.app.letters import read_letters

    if file is not None:
        return read_letters(file)
    group = find_group(config)
    if group is not None:
        return group.read_letters()
    configuration = _load(config)
    if configuration is None:
        raise click.UsageError("name the file of dead letters, or --config FILE that names it")
    return read_letters(configuration.dead_letters.path)


def _load(config: Path | None) -> Configuration | None:
    """Load a configuration of files; None without one, and for a Kafka engine."""
    from headrace.app.reading import find_engine

    if config is None or find_engine(config) == "kafka":
        return None
    from headrace.app.configuration import load_configuration

    return load_configuration(config)


def _find_section(configuration: Configuration | None, names: list[str]) -> RecordsSection | None:
    if configuration is None:
        return None
    return next((section for section in configuration.streams if section.stream in names), None)


def _read_header(section: RecordsSection) -> str:
    """Read the header line of a stream's CSV files, "" where they have none."""
    if section.format != "csv" or section.csv_or_default.columns:
        return ""
    from headrace.transports.files import find_files

    with find_files(section.paths)[0].open(encoding="utf-8-sig") as file:
        return file.readline().rstrip("\r\n")


def _describe(letter: DeadLetter) -> dict[str, Any]:
    from headrace.app.letters import describe_letter

    original = None if letter.original is None else base64.b64encode(letter.original).decode()
    return describe_letter(letter, {"original": original})


def _row(letter: dict[str, Any]) -> tuple[object, ...]:
    slot = "" if letter["data_type"] is None else show_slot(letter)
    return (*(letter[name] for name in _COLUMNS[:4]), slot, letter["code"], letter["reason"])
