"""XML as it is written."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ModelError
from headrace.export.sklearn_pmml.markup import Element, literal, serialise

legal_text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\t\n\r"))


def test_children_are_indented_and_absent_attributes_left_out() -> None:
    document = Element("A", {"x": 1, "y": None}, Element("B", {"z": True}), Element("C", text="1 < 2"))
    expected = b'<?xml version="1.0" encoding="UTF-8"?>\n<A x="1">\n <B z="true"/>\n <C>1 &lt; 2</C>\n</A>\n'
    assert expected == serialise(document)


@given(legal_text, legal_text)
def test_text_and_attributes_read_back(attribute: str, text: str) -> None:
    element = ET.fromstring(serialise(Element("A", {"x": attribute}, text=text)))
    assert (attribute, text) == (element.get("x"), element.text or "")


@given(st.floats(allow_nan=False))
def test_numbers_read_back_as_the_same_double(value: float) -> None:
    assert value == float(literal(np.float64(value)))


def test_a_single_is_written_as_the_double_that_it_is() -> None:
    assert "0.10000000149011612" == literal(np.float32(0.1))


def test_a_document_deeper_than_the_stack_is_written() -> None:
    root = Element("Node")
    for _ in range(50_000):
        root = Element("Node", None, root)
    assert 50_000 == serialise(root).count(b"</Node>")


@pytest.mark.parametrize("text", ["\x00", "\x1b", "\ufffe", "\ud800"])
def test_a_character_that_xml_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="XML cannot hold"):
        serialise(Element("A", {"x": text}))
