"""The table ``[kafka]``: librdkafka's own settings, and where its secrets are.

Rules:

1. A setting has librdkafka's name and is passed on as it is; librdkafka judges it. Its name may be quoted or not:
   unquoted, TOML makes tables of its parts, which are joined again here.
2. A secret never stands in the file: ``sasl.password.env`` names the environment variable that holds it, and
   ``sasl.password.file`` a file. Any setting may be given so.
3. What came so, and what is a secret by its name, is never shown: ``redact`` takes it out of any text.
4. Paths are relative to the configuration's directory.
5. ``[kafka.consumer]`` and ``[kafka.producer]`` hold what only one kind of client is told; it goes before the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.errors import ConfigurationError

Setting = str | int | float | bool
HIDDEN = "***"
_FROM = ("env", "file")
_KINDS = ("consumer", "producer")
_SECRET = re.compile(
    r"password|secret|passphrase|\bkey\.pem$|private\.key|sasl\.oauthbearer\.config$|oauthbearer\.assertion\.claim"
)
_REFUSED: Mapping[str, str] = {
    "enable.auto.commit": "offsets are committed by the engine",
    "enable.auto.offset.store": "offsets are committed by the engine",
    "plugin.library.paths": "code is never loaded by configuration",
}


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What clients are told, by librdkafka's names, with ``consumer.`` or ``producer.`` before what is for one alone.

    ``secrets`` are those that are never shown, by where they came from.
    """

    values: Mapping[str, Setting] = field(repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def tell(self, kind: str = "") -> dict[str, Setting]:
        """Give what a client is told: a ``consumer``, a ``producer``, or another."""
        shared = {name: value for name, value in self.values.items() if name.partition(".")[0] not in _KINDS}
        own = {
            name.removeprefix(f"{kind}."): value for name, value in self.values.items() if name.startswith(f"{kind}.")
        }
        return shared | own if kind else shared

    @property
    def servers(self) -> str:
        """Where the brokers are, as configured."""
        return str(self.values["bootstrap.servers"])

    def show(self) -> dict[str, Setting]:
        """Give the settings as a person may see them: a secret is told by where it came from."""
        return {name: self.secrets.get(name, value) for name, value in self.values.items()}

    def redact(self, text: str) -> str:
        """Take the secrets out of a text."""
        hidden = {str(self.values[name]) for name in self.secrets} - {""}
        for secret in sorted(hidden, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def flatten_settings(table: Mapping[str, object], directory: Path) -> dict[str, Setting]:
    """Join the names that TOML took apart, and make paths absolute.

    Raises ``ConfigurationError`` for a value that is no text, number or flag.
    """
    flat: dict[str, Setting] = {}
    for name, value in _walk(table, ""):
        if not isinstance(value, str | int | float | bool):
            raise ConfigurationError(f"[kafka] {name} is {_kind(value)}, and takes text, a number, true or false")
        if name in flat:
            raise ConfigurationError(f"[kafka] {name} is given twice, once in quotes and once without")
        flat[name] = _anchor(name, value, directory)
    return flat


def read_settings(flat: Mapping[str, Setting], environment: Mapping[str, str] = os.environ) -> ClientSettings:
    """Give what clients are told, with secrets fetched from where they are.

    Raises ``ConfigurationError`` for a setting that is not to be set, a secret that stands in the file, a variable
    that is not set, and a file that cannot be read; none of its messages shows a secret.
    """
    values: dict[str, Setting] = {}
    secrets: dict[str, str] = {}
    for name, value in flat.items():
        base, _, source = name.rpartition(".")
        if base and source in _FROM:
            values[base] = _fetch(name, str(value), environment) if source == "env" else _read(name, str(value))
            secrets[base] = f"from ${value}" if source == "env" else f"from {value}"
        elif _SECRET.search(name):
            raise ConfigurationError(
                f"[kafka] {name} is a secret, and does not stand in a configuration: name an environment variable "
                f"({name}.env) or a file ({name}.file) that holds it"
            )
        else:
            values[name] = value
    for name in values:
        reason = _REFUSED.get(name.removeprefix("consumer.").removeprefix("producer."))
        if reason is not None:
            raise ConfigurationError(f"[kafka] {name} is not to be set: {reason}")
    if "bootstrap.servers" not in values:
        raise ConfigurationError('[kafka] bootstrap.servers is not set: name a broker, such as "localhost:9092"')
    return ClientSettings(values, secrets)


def _walk(table: Mapping[str, object], before: str) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _walk(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _anchor(name: str, value: Setting, directory: Path) -> Setting:
    if not isinstance(value, str) or not name.endswith((".location", ".file")) or not value or value == "probe":
        return value
    return str(directory / Path(value).expanduser())


def _fetch(name: str, variable: str, environment: Mapping[str, str]) -> str:
    if variable not in environment:
        raise ConfigurationError(f"[kafka] {name} names the environment variable {variable!r}, which is not set")
    return environment[variable]


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except OSError as error:
        raise ConfigurationError(f"[kafka] {name} names {path}, which cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"[kafka] {name} names {path}, which is not UTF-8 text") from error


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else f"a {type(value).__name__}"
