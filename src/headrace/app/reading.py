"""A TOML file to frozen structs, with errors that name the file, the key, what it may be and what was probably meant.

Rules:

1. A key that its section does not know is an error, never ignored.
2. A path is relative to the file's directory; "-" stays as it is, and "~" is the home directory.
3. The types that a section may hold: text, numbers, flags, choices, paths, lists and tables of these, and sections.
"""

from __future__ import annotations

import difflib
import tomllib
import types
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from headrace.errors import ConfigurationError

T = TypeVar("T", bound=msgspec.Struct)

_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    Any: "any value",
}


def read_file(file: Path, kind: type[T]) -> T:
    """Read a file as a struct. Raises ``ConfigurationError``."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"the configuration {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8, as TOML has to be: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not TOML: {error}") from error
    found: T = _Reader(file).read(document, kind, "")
    return found


class _Reader:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._directory = file.absolute().parent

    def read(self, value: Any, kind: Any, key: str) -> Any:
        """Make a value of its type; ``key`` is its path in the file."""
        bare = _bare(kind)
        options = _options(bare)
        if len(options) > 1:
            bare = _bare(self._choose(value, options, kind, key))
        elif options:
            bare = _bare(options[0])
        if _is_struct(bare):
            return self._read_struct(value, bare, key)
        origin, inner = get_origin(bare), get_args(bare)
        if origin is dict:
            table = self._expect(value, dict, kind, key)
            return {name: self.read(each, inner[1], _join(key, name)) for name, each in table.items()}
        if origin is list:
            items = self._expect(value, list, kind, key)
            return [self.read(each, inner[0], f"{key}[{index}]") for index, each in enumerate(items)]
        if bare is Path:
            text = self._expect(value, str, kind, key)
            if not text:
                self._refuse(value, kind, key)
            return Path(text) if text == "-" else self._directory / Path(text).expanduser()
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError:
            return self._refuse(value, kind, key)

    def _choose(self, value: Any, options: list[Any], kind: Any, key: str) -> Any:
        """Choose the type of a union that a value of TOML can be."""
        for option in options:
            wanted = dict if _is_struct(option) else get_origin(_bare(option)) or _bare(option)
            shown = str if wanted is Path else wanted
            if isinstance(shown, type) and isinstance(value, shown):
                return option
        return self._refuse(value, kind, key)

    def _read_struct(self, value: Any, kind: type[msgspec.Struct], key: str) -> msgspec.Struct:
        table = self._expect(value, dict, kind, key)
        hints = get_type_hints(kind, include_extras=True)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for name in table:
            if name not in fields:
                known = f"{_show_section(key)} takes {', '.join(fields)}"
                self._fail(f"unknown key {_join(key, name)}{suggest(name, fields) or ';'} {known}")
        missing = [name for name, field in fields.items() if field.required and name not in table]
        if missing:
            first = fields[missing[0]]
            words = describe(hints[first.name])
            self._fail(f"{_join(key, missing[0])} is not set: it is required, and takes {words}")
        values = {
            field.name: self.read(table[name], hints[field.name], _join(key, name))
            for name, field in fields.items()
            if name in table
        }
        try:
            return kind(**values)
        except ConfigurationError as error:
            self._fail(f"{_show_section(key)}: {error}")

    def _expect(self, value: Any, wanted: type, kind: Any, key: str) -> Any:
        if not isinstance(value, wanted):
            self._refuse(value, kind, key)
        return value

    def _refuse(self, value: Any, kind: Any, key: str) -> NoReturn:
        choices = _choices(kind)
        hint = suggest(value, choices) if isinstance(value, str) else ""
        self._fail(f"{key} is {_show(value)}, and takes {describe(kind)}{hint}")

    def _fail(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{self._file}: {message}")


def find_engine(file: Path) -> str | None:
    """Find the name of the engine that a file is for; None where the file cannot be read, which its reader tells."""
    try:
        engine = tomllib.loads(file.read_text(encoding="utf-8")).get("engine", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    name = engine.get("name", "embedded") if isinstance(engine, dict) else None
    return name if isinstance(name, str) else None


def require_engine(file: Path, name: str) -> None:
    """Check that a file is for the engine of a name, "" being any. Raises ``ConfigurationError``."""
    own = find_engine(file)
    if name and own not in {None, name}:
        raise ConfigurationError(
            f"{file} is for the engine {own!r}, not {name!r}: set engine.name, or leave --engine out"
        )


def suggest(name: str, known: Iterable[str]) -> str:
    """Give the question whether another name was meant, or "" where none is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def describe(kind: Any) -> str:
    """Say in words what a key of a type takes."""
    bare = _bare(kind)
    options = _options(bare)
    if options:
        return " or ".join(describe(option) for option in options)
    choices = _choices(bare)
    if choices:
        return f"one of: {', '.join(choices)}"
    if _is_struct(bare):
        return "a table"
    if get_origin(bare) is dict:
        inner = describe(get_args(bare)[1])
        return f"a table of names to {inner}"
    if get_origin(bare) is list:
        return f"a list of {describe(get_args(bare)[0])}"
    return _WORDS.get(bare, str(bare)) + _bounds(kind)


def _bounds(kind: Any) -> str:
    for meta in get_args(kind)[1:] if get_origin(kind) is Annotated else ():
        if meta.ge is not None and meta.le is not None:
            return f" from {meta.ge} to {meta.le}"
        if meta.ge is not None:
            return f" of {meta.ge} or more"
        if meta.gt is not None:
            return f" above {meta.gt}"
        if meta.min_length is not None:
            return " that is not empty"
    return ""


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _options(kind: Any) -> list[Any]:
    if get_origin(kind) not in {Union, types.UnionType}:
        return []
    return [option for option in get_args(kind) if option is not types.NoneType]


def _choices(kind: Any) -> list[str]:
    bare = _bare(kind)
    for option in _options(bare) or [bare]:
        if get_origin(option) is Literal:
            return [str(choice) for choice in get_args(option)]
        if isinstance(option, type) and issubclass(option, Enum):
            return [str(choice.value) for choice in option]
    return []


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _join(key: str, name: str) -> str:
    plain = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    shown = name if plain else f'"{name}"'
    return f"{key}.{shown}" if key else shown


def _show_section(key: str) -> str:
    return f"[{key}]" if key else "the file"


def _show(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
