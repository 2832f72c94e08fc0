"""XML bytes to a light tree of elements, reduced while it is read.

Rules:

- A document type declaration is refused, so there are no entities to expand and nothing outside to fetch.
- Depth and size are limited; every refusal names the line.
- Names of PMML's own namespaces (3.0 to 4.4, or none) lose the namespace. A foreign name keeps it, as
  ``"uri local"``, so that it can never be mistaken for an element of the standard.
- When an element with a reducer ends, the reducer replaces its children by arrays (``Element.table``) at once: what
  is held in memory stays in proportion to the arrays, not to the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol
from xml.parsers import expat

from headrace.errors import ModelFormatError, UnsupportedError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Table = dict[str, "npt.NDArray[np.generic] | list[str]"]
Reducer = Callable[["Element"], None]

MAX_BYTES = 2**31 - 1
MAX_DEPTH = 4096
NAMESPACE = "http://www.dmg.org/PMML-"
NOT_READ = frozenset({"ModelStats", "ModelExplanation", "MiningBuildTask", "Header"})
"""Elements that never bear on a score: dropped as they are read."""

BLANK_COUNTS = frozenset({"Constant"})
"""Elements whose text may be blank, as the cells of a table's row may; any other blank text is layout."""

_NO_ATTRIBUTES: dict[str, str] = {}


class Element:
    """One element: its name, attributes and place; ``table`` holds the arrays that a reducer made of its content."""

    __slots__ = ("attributes", "children", "line", "table", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.tag = tag
        self.attributes = attributes
        self.line = line
        self.children: list[Element] = []
        self.text = ""
        self.table: Table | None = None

    def __iter__(self) -> Iterator[Element]:
        return iter(self.children)

    def __repr__(self) -> str:
        return f"<{self.tag}> (line {self.line})"

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute, or the default where it is absent."""
        return self.attributes.get(name, default)

    def require(self, name: str) -> str:
        """Return an attribute that must be there."""
        value = self.attributes.get(name)
        if value is None:
            raise malformed(self, f"the attribute {name!r} is missing")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return a numeric attribute; without a default it must be there."""
        text = self.attributes.get(name)
        if text is None:
            if default is None:
                raise malformed(self, f"the attribute {name!r} is missing")
            return default
        try:
            return float(text)
        except ValueError:
            raise malformed(self, f"the attribute {name}={text!r} is not a number") from None

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a whole-number attribute; without a default it must be there."""
        value = float(self.number(name, default))
        if not value.is_integer():
            raise malformed(self, f"the attribute {name}={self.get(name)!r} is not a whole number")
        return int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean attribute."""
        text = self.attributes.get(name)
        return default if text is None else text.strip().lower() in ("true", "1")

    def choice(self, name: str, choices: Mapping[str, object] | frozenset[str], default: str) -> str:
        """Return an attribute that must be one of the choices."""
        value = self.attributes.get(name, default)
        if value not in choices:
            raise malformed(self, f"{name}={value!r} is none of {', '.join(sorted(choices))}")
        return value

    def find(self, tag: str) -> Element | None:
        """Return the first child of that name, or None."""
        for child in self.children:
            if child.tag == tag:
                return child
        return None

    def find_all(self, *tags: str) -> list[Element]:
        """Return all children of those names, in order."""
        return [child for child in self.children if child.tag in tags]

    def child(self, tag: str) -> Element:
        """Return the first child of that name, which must be there."""
        found = self.find(tag)
        if found is None:
            raise malformed(self, f"it holds no {tag}")
        return found

    def content(self) -> list[Element]:
        """Return the children without extensions and foreign elements."""
        return [child for child in self.children if child.tag != "Extension" and " " not in child.tag]


class Collector(Protocol):
    """Takes the content of one element straight from the parser: for elements by the million."""

    def connect(
        self, find_line: Callable[[], int]
    ) -> tuple[Callable[[str, dict[str, str]], bool], Callable[[str], None]]:
        """Return what is called at an element's start and end, with its name.

        Where the first says False, the element is built as usual and given to ``keep``; the second does not see it.
        """

    def keep(self, element: Element) -> None:
        """Take an element that was built as usual."""

    def finish(self) -> None:
        """Note that the collected element has ended."""


NO_COLLECTORS: Callable[[str], Mapping[str, Callable[[Element], Collector]] | None] = lambda _: None  # noqa: E731


def malformed(element: Element, problem: str) -> ModelFormatError:
    """Make the error for an element that breaks the standard."""
    return ModelFormatError(f"{element.tag}, line {element.line}: {problem}")


def unsupported(element: Element, problem: str) -> UnsupportedError:
    """Make the error for an element that is sound and not supported."""
    return UnsupportedError(f"{element.tag}, line {element.line}: {problem}")


def parse(
    content: bytes,
    reducers: Callable[[str], Mapping[str, Reducer] | None],
    collectors: Callable[[str], Mapping[str, Callable[[Element], Collector]] | None] = NO_COLLECTORS,
) -> Element:
    """Read a document.

    ``reducers`` is asked at the start of every element and may name reducers that hold from there on (a model
    element brings its own); ``collectors`` likewise. Raises ``ModelFormatError`` with the line.
    """
    if len(content) > MAX_BYTES:
        raise ModelFormatError(f"the document has {len(content):,} bytes; the limit is {MAX_BYTES:,}")
    builder = _Builder(reducers, collectors)
    try:
        builder.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ModelFormatError(f"not well-formed XML, line {error.lineno}: {expat.ErrorString(error.code)}") from None
    except (LookupError, UnicodeError, ValueError) as error:
        raise ModelFormatError(f"the document's encoding cannot be read: {error}") from None
    if builder.root is None:
        raise ModelFormatError("the document is empty")
    return builder.root


class _Builder:
    """The handlers of one parse: elements are built, unless a collection takes their parent's content."""

    __slots__ = (
        "active",
        "collecting",
        "find_collectors",
        "find_reducers",
        "names",
        "parser",
        "root",
        "skipping",
        "stack",
    )

    def __init__(
        self,
        reducers: Callable[[str], Mapping[str, Reducer] | None],
        collectors: Callable[[str], Mapping[str, Callable[[Element], Collector]] | None],
    ) -> None:
        self.root: Element | None = None
        self.find_reducers = reducers
        self.find_collectors = collectors
        self.names: dict[str, str] = {}
        self.active: dict[str, Reducer] = {}
        self.collecting: dict[str, Callable[[Element], Collector]] = {}
        self.stack: list[Element] = []
        self.skipping = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.buffer_size = 1 << 16
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.connect()

    def connect(self) -> None:
        """Have the parser build elements."""
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text

    def _refuse_doctype(self, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise ModelFormatError(f"line {line}: a document type declaration (DOCTYPE) is not accepted; remove it")

    def name(self, name: str) -> str:
        """Give the tag of a name, learning at its first occurrence what it brings."""
        tag = self.names.get(name)
        if tag is None:
            tag = self.names[name] = _local_name(name)
            self.active.update(self.find_reducers(tag) or {})
            self.collecting.update(self.find_collectors(tag) or {})
        return tag

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        if self.skipping:
            self.skipping += 1
            return
        tag = self.names.get(name) or self.name(name)
        if tag in NOT_READ:
            self.skipping = 1
            return
        element = Element(tag, attributes or _NO_ATTRIBUTES, self.parser.CurrentLineNumber)
        if self.stack:
            self.stack[-1].children.append(element)
            if len(self.stack) >= MAX_DEPTH:
                raise malformed(element, f"elements are nested more than {MAX_DEPTH} deep")
        else:
            self.root = element
        self.stack.append(element)
        if tag in self.collecting:
            _Collection(self, element, self.collecting[tag](element))

    def end(self, _: str) -> None:
        """End an element."""
        if self.skipping:
            self.skipping -= 1
            return
        element = self.stack.pop()
        reducer = self.active.get(element.tag)
        if reducer is not None:
            reducer(element)

    def text(self, data: str) -> None:
        """Add text to the innermost element."""
        if self.skipping or not self.stack:
            return
        element = self.stack[-1]
        if element.text or not data.isspace() or element.tag in BLANK_COUNTS or self.stack[-2:][0].tag == "row":
            element.text += data


class _Collection:
    """The handlers while a collector takes the content of one element, called for each of millions of elements."""

    __slots__ = ("builder", "collector", "depth", "end_inner", "end_outer", "height", "owner", "start_inner")

    def __init__(self, builder: _Builder, owner: Element, collector: Collector) -> None:
        self.builder = builder
        self.owner = owner
        self.collector = collector
        self.height = len(builder.stack)
        self.depth = 0
        parser = builder.parser
        self.end_outer: Callable[[str], object] = (
            parser.EndElementHandler or builder.end
        )  # an outer collection's, within an element built for that
        self.start_inner, self.end_inner = collector.connect(lambda: parser.CurrentLineNumber)
        self.connect()

    def connect(self) -> None:
        """Have the parser hand everything over."""
        parser = self.builder.parser
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Hand an element over, or have it built where the collector does not want it bare."""
        tag = self.builder.names.get(name) or self.builder.name(name)
        if self.start_inner(tag, attributes):
            self.depth += 1
            return
        self.builder.connect()
        self.builder.parser.EndElementHandler = self.end_built
        self.builder.start(name, attributes)

    def end_built(self, name: str) -> None:
        """End an element that was built; the outermost goes to the collector."""
        builder = self.builder
        builder.end(name)
        if len(builder.stack) == self.height and not builder.skipping:
            self.connect()
            if self.owner.children:
                self.collector.keep(self.owner.children.pop())

    def end(self, name: str) -> None:
        """End an element that was handed over, or the collection."""
        if self.depth:
            self.depth -= 1
            self.end_inner(self.builder.names[name])
            return
        self.collector.finish()
        self.builder.connect()
        self.builder.parser.EndElementHandler = self.end_outer
        self.end_outer(name)


def _local_name(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return local if not namespace or namespace.startswith(NAMESPACE) else name
