"""Mutants of a model's bytes: what is sent by mistake, damaged on its way, or made to do harm.

A mutant is told by its seed and number alone. Bytes of any format are flipped, cut, repeated and spliced; of a document
of XML, elements and attributes are dropped, doubled, moved, renamed and given one another's values as well, and fields
of a protobuf message, also of one that stands in a tar archive.
"""

from __future__ import annotations

import copy
import io
import random
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from xml.etree import ElementTree as ET

from headrace.testing.messages import mutate_message

EXTREMES = (
    "", " ", "0", "-1", "1", "2.5", "1e308", "1e999", "-1e999", "NaN", "99999999999999999999", "-2147483649", "true",
    "x", "0" * 400, "1 2 3", "\u00e9", "..", "$1", "(", "[", "%s%n", "1970-13-41",
)  # fmt: skip
"""Values that stand where others are expected."""
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DEEP = 300

Bytes = Callable[[random.Random, bytes, Sequence[bytes]], bytes]
Structure = Callable[[random.Random, ET.Element, list[ET.Element]], None]


def make_mutant(seeds: Sequence[bytes], seed: int, number: int) -> bytes:
    """Make the mutant of a number out of one of the seeds."""
    generator = random.Random(f"{seed}:{number}")  # noqa: S311 (no secret)
    content = generator.choice(seeds)
    if content.lstrip()[:1] == b"<" and generator.random() < 0.7:
        content = _mutate_document(generator, content)
    elif content[:1] != b"<" and generator.random() < 0.6:
        content = _mutate_messages(generator, content, seeds)
    if content == b"" or generator.random() < 0.3 or content in seeds:
        for _ in range(generator.choice((1, 1, 2, 8))):
            content = generator.choice(_BYTES)(generator, content, seeds)
    return content


def _flip(generator: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(content or b"\0")
    changed[generator.randrange(len(changed))] = generator.randrange(256)
    return bytes(changed)


def _cut(generator: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(generator, content)
    return content[:start] + content[end:]


def _repeat(generator: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(generator, content)
    return content[:end] + content[start:end] * generator.choice((1, 2, 50)) + content[end:]


def _truncate(generator: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: generator.randrange(len(content) + 1)]


def _splice(generator: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    start, end = _span(generator, content)
    other = generator.choice(seeds)
    first, last = _span(generator, other)
    return content[:start] + other[first:last] + content[end:]


def _renumber(generator: random.Random, content: bytes, _: Sequence[bytes]) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    match = generator.choice(found)
    return content[: match.start()] + generator.choice(EXTREMES).encode() + content[match.end() :]


def _span(generator: random.Random, content: bytes) -> tuple[int, int]:
    start = generator.randrange(len(content) + 1)
    return start, min(len(content), start + generator.choice((1, 4, 30, 300)))


_BYTES: tuple[Bytes, ...] = (_flip, _cut, _repeat, _truncate, _splice, _renumber, _renumber)


def _mutate_messages(generator: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    def mutate(part: bytes) -> bytes:
        return generator.choice(_BYTES)(generator, part, seeds)

    if not _is_tar(content):
        for _ in range(generator.choice((1, 1, 2, 4))):
            content = mutate_message(generator, content, mutate)
        return content
    files = _read_tar(content)
    path = generator.choice(sorted(files))
    files[path] = mutate_message(generator, files[path], mutate)
    return _write_tar(files)


def _is_tar(content: bytes) -> bool:
    return content[257:262] == b"ustar"


def _read_tar(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        opened = [(entry.name, archive.extractfile(entry)) for entry in archive]
        return {name: file.read() for name, file in opened if file is not None}


def _write_tar(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _mutate_document(generator: random.Random, content: bytes) -> bytes:
    root = ET.fromstring(content)  # noqa: S314 (a seed is the caller's own)
    elements = list(root.iter())
    for _ in range(generator.choice((1, 1, 2, 4))):
        generator.choice(_STRUCTURES)(generator, root, elements)
    return ET.tostring(root)


def _drop_element(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    parent = generator.choice(elements)
    if len(parent):
        del parent[generator.randrange(len(parent))]


def _double_element(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    parent = generator.choice(elements)
    if len(parent):
        child = copy.deepcopy(generator.choice(list(parent)))
        parent.insert(generator.randrange(len(parent) + 1), child)


def _move_element(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    child = copy.deepcopy(generator.choice(elements[1:] or elements))
    target = generator.choice(elements)
    target.insert(generator.randrange(len(target) + 1), child)


def _rename_element(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    generator.choice(elements).tag = generator.choice(elements).tag


def _nest_element(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    """Put an element into many of its own name: deep documents, long chains of nodes or expressions."""
    parent = generator.choice(elements)
    if not len(parent):
        return
    place = generator.randrange(len(parent))
    child = parent[place]
    for _step in range(generator.choice((2, _DEEP))):
        outer = ET.Element(child.tag, child.attrib)
        outer.append(child)
        child = outer
    parent[place] = child


def _drop_attribute(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    element = _with_attributes(generator, elements)
    del element.attrib[generator.choice(sorted(element.attrib))]


def _set_attribute(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    element = _with_attributes(generator, elements)
    element.set(generator.choice(sorted(element.attrib)), generator.choice(EXTREMES))


def _swap_attribute(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    """Give an attribute the value of another one: references to what is there but does not fit, and cycles."""
    element, other = _with_attributes(generator, elements), _with_attributes(generator, elements)
    value = other.attrib[generator.choice(sorted(other.attrib))]
    element.set(generator.choice(sorted([*element.attrib, *other.attrib])), value)


def _change_text(generator: random.Random, _: ET.Element, elements: list[ET.Element]) -> None:
    element = generator.choice([each for each in elements if (each.text or "").strip()] or elements)
    words = (element.text or "").split()
    if words and generator.random() < 0.7:
        place = generator.randrange(len(words))
        words[place : place + generator.randrange(2)] = [generator.choice(EXTREMES)] * generator.randrange(3)
        element.text = " ".join(words)
    else:
        element.text = generator.choice(EXTREMES)


def _with_attributes(generator: random.Random, elements: list[ET.Element]) -> ET.Element:
    found = [element for element in elements if element.attrib]
    if not found:
        elements[0].set("version", "4.4")
        found = elements[:1]
    return generator.choice(found)


_STRUCTURES: tuple[Structure, ...] = (
    _drop_element, _double_element, _move_element, _rename_element, _nest_element, _drop_attribute, _set_attribute,
    _set_attribute, _swap_attribute, _swap_attribute, _change_text,
)  # fmt: skip
