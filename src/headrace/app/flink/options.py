"""What follows ``--`` on the command line of a Flink engine: options that ``flink run`` takes, by its own names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAMES = {
    "--target": "target",
    "-t": "target",
    "--jobmanager": "jobmanager",
    "-m": "jobmanager",
    "--parallelism": "parallelism",
    "-p": "parallelism",
    "--fromSavepoint": "savepoint",
    "-s": "savepoint",
}
_SETTINGS = {
    "target": "execution.target",
    "parallelism": "parallelism.default",
    "savepoint": "execution.state-recovery.path",
}


def read_flink_options(options: Sequence[str]) -> dict[str, str]:
    """Read options as Flink's settings, each as one word or two. Raises ``ConfigurationError`` for anything else."""
    conf: dict[str, str] = {}
    words = iter(options)
    for word in words:
        if word.startswith("-D"):
            name, separator, value = (word[2:] or next(words, "")).partition("=")
            if not separator:
                raise ConfigurationError(f"{word!r} is no setting of Flink: write -DNAME=VALUE")
            conf[name] = value
            continue
        conf |= _read_named(word, words)
    return conf


def _read_named(word: str, words: Iterator[str]) -> dict[str, str]:
    name, separator, value = word.partition("=")
    kind = _NAMES.get(name)
    if kind is None:
        raise ConfigurationError(
            f"{word!r}: a Flink engine takes --target, --jobmanager HOST:PORT, --parallelism, --fromSavepoint "
            "and -DNAME=VALUE"
        )
    value = value if separator else next(words, "")
    if not value:
        raise ConfigurationError(f"{name} names nothing: write {name} VALUE")
    if kind != "jobmanager":
        return {_SETTINGS[kind]: value}
    host, separator, port = value.rpartition(":")
    if not separator or not port.isdecimal():
        raise ConfigurationError(f"--jobmanager {value!r} is no address: write HOST:PORT, the port being that of REST")
    return {"execution.target": "remote", "rest.address": host, "rest.port": port}
