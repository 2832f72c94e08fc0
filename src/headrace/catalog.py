"""What exists, by kind and name: where it lives, and the extra that brings what it needs.

An entry is text, so that looking something up imports that part alone, and naming a part that is not installed says
how to install it. Parts of a user's own are given as ``module:attribute`` by configuration, never by a model message.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from headrace.errors import ConfigurationError, HeadraceError, MissingExtraError, UnknownFormatError

_SHOWN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a part lives, as ``module:attribute``, and the extra that brings its packages ("" needs none)."""

    target: str
    extra: str = ""


ENTRIES: Mapping[str, Mapping[str, Entry]] = MappingProxyType(
    {
        "format": MappingProxyType(
            {
                "onnx": Entry("headrace.formats.onnx:OnnxFormat", extra="onnx"),
                "pmml": Entry("headrace.formats.pmml:PmmlFormat"),
                "savedmodel": Entry("headrace.formats.tensorflow:SavedModelFormat", extra="tensorflow"),
                "tensorflow": Entry("headrace.formats.tensorflow:TensorflowFormat", extra="tensorflow"),
            }
        ),
        "engine": MappingProxyType(
            {
                "beam": Entry("headrace.engines.beam:ServeModels", extra="beam"),
                "embedded": Entry("headrace.engines.embedded:EmbeddedEngine"),
                "kafka": Entry("headrace.engines.kafka.engine:KafkaEngine", extra="kafka"),
                "spark": Entry("headrace.engines.spark:serve", extra="spark"),
            }
        ),
    }
)


def find_names(kind: str) -> tuple[str, ...]:
    """List the names of one kind, in alphabetical order.

    Raises ``ConfigurationError`` for an unknown kind.
    """
    if kind not in ENTRIES:
        raise ConfigurationError(f"unknown kind of part {kind!r}; there are: {', '.join(sorted(ENTRIES))}")
    return tuple(sorted(ENTRIES[kind]))


def load(kind: str, name: str) -> Any:
    """Import what the catalog holds under a kind and a name, usually a class.

    Raises ``ConfigurationError`` for an unknown name, listing those that exist, and ``MissingExtraError`` with the
    pip line where a package is not installed.
    """
    names = find_names(kind)
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigurationError(f"unknown {kind} {name!r}; there are: {', '.join(names)}{hint}")
    entry = ENTRIES[kind][name]
    return load_target(entry.target, extra=entry.extra, purpose=f"the {kind} {name!r}")


def load_target(target: str, extra: str = "", purpose: str = "") -> Any:
    """Import ``module:attribute``. ``extra`` and ``purpose`` make the error of a missing package one to act on.

    Raises ``ConfigurationError`` where there is no such module or attribute, and ``MissingExtraError``.
    """
    purpose = purpose or repr(target)
    module_name, separator, attribute = target.partition(":")
    if not (separator and module_name and attribute):
        raise ConfigurationError(f"{target!r} names no part; write it as package.module:attribute")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"{purpose} is not in this installation: no module {error.name!r}") from error
        brought_by = f"headrace[{extra}]" if extra else str(error.name).partition(".")[0]
        raise MissingExtraError(
            f"{purpose} needs the package {error.name!r}, which is not installed: pip install '{brought_by}'"
        ) from error
    if not hasattr(module, attribute):
        raise ConfigurationError(f"module {module_name!r} has no {attribute!r}, which {purpose} names")
    return getattr(module, attribute)


def recognise(content: bytes, own_formats: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Find the format of a model by looking at its bytes; returns a new ``headrace.abc.model.Format``.

    ``own_formats`` maps further names to ``module:attribute``; they are asked first. Raises ``UnknownFormatError``
    that says what was tried. Where a format could not be asked because its package is missing, the bytes are not
    judged: ``MissingExtraError``.
    """
    tried: list[str] = []
    missing: list[str] = []
    for name in (*own_formats, *(name for name in find_names("format") if name not in own_formats)):
        try:
            found = load_target(own_formats[name]) if name in own_formats else load("format", name)
        except HeadraceError as error:
            missing.append(str(error))
            continue
        candidate = found()
        if candidate.recognises(content):
            return candidate
        tried.append(name)
    start = content[:_SHOWN_BYTES]
    shown = f"the first bytes are {start!r}" if start else "there are no bytes"
    if missing:
        raise MissingExtraError(f"not a model of {' or '.join(tried) or 'any format'} ({shown}); {'; '.join(missing)}")
    raise UnknownFormatError(f"no format recognises the model: tried {', '.join(tried)}; {shown}")
