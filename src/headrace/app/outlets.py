"""A configuration to where results and dead letters are written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError, SinkError
from headrace.transports.file_sinks import FileSink
from headrace.transports.part_sinks import PartSink
from headrace.transports.stdout import StdoutSink
from headrace.wire.dead_letters import encode_dead_letters, tabulate_dead_letters
from headrace.wire.results import encode_csv, encode_json_lines, make_csv_header, tabulate

if TYPE_CHECKING:
    from headrace.abc.sink import Sink
    from headrace.app.configuration import DeadLettersSection, ResultsSection
    from headrace.records import DeadLetters, Results

STDOUT = Path("-")
"""How a configuration names the standard output."""


def build_results(section: ResultsSection) -> Sink[Results]:
    """Build the sink of results. Raises ``ConfigurationError``."""
    path = section.path
    if section.format in {"parquet", "arrow"}:
        _check_suffix(path, section.format)
        return PartSink(path, tabulate, section.if_exists)
    if section.format == "csv":
        uniform = UniformCsv(path)
        if path == STDOUT:
            return StdoutSink(uniform.encode, make_csv_header)
        return FileSink(path, uniform.encode, make_csv_header, section.if_exists)
    if path == STDOUT:
        return StdoutSink(encode_json_lines)
    return FileSink(path, encode_json_lines, existing=section.if_exists)


def build_dead_letters(section: DeadLettersSection) -> Sink[DeadLetters]:
    """Build the sink of dead letters. Raises ``ConfigurationError``."""
    path = section.path
    if section.format in {"parquet", "arrow"}:
        _check_suffix(path, section.format)
        return PartSink(path, tabulate_dead_letters, section.if_exists)
    if path == STDOUT:
        return StdoutSink(encode_dead_letters)
    return FileSink(path, encode_dead_letters, existing=section.if_exists)


def _check_suffix(path: Path, kind: str) -> None:
    if path.suffix != f".{kind}":
        raise ConfigurationError(
            f"path is {path} and format is {kind!r}: parts are named after the path, so it has to end with .{kind}"
        )


class UniformCsv:
    """Encodes results as CSV, and refuses those whose columns are not those of the file's header.

    One CSV file has one header: models whose outputs differ need JSON or Parquet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._header = b""
        self._names: list[str] | None = None

    def encode(self, results: Results) -> bytes:
        """Encode a batch. Raises ``SinkError``."""
        if results.outputs.schema.names != self._names:
            self._check(results)
        return encode_csv(results)

    def _check(self, results: Results) -> None:
        header = make_csv_header(results)
        known = self._header or self._read_header() or header
        if header != known:
            raise SinkError(
                f"{self._path} has the columns {_show(known)}, results of slot {results.slot} have {_show(header)}: "
                "models of different outputs need the format json, parquet or arrow"
            )
        self._header, self._names = known, results.outputs.schema.names

    def _read_header(self) -> bytes:
        """Read the header that an earlier run has written."""
        if self._path == STDOUT or not self._path.is_file():
            return b""
        with self._path.open("rb") as file:
            return file.readline()


def _show(header: bytes) -> str:
    return header.decode().strip().replace('"', "")
