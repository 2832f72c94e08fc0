import pytest

from headrace.errors import ModelFormatError
from headrace.formats.pmml.registry import find_reducers
from headrace.formats.pmml.xml import MAX_DEPTH, Element, parse


def read(text: str | bytes) -> Element:
    return parse(text if isinstance(text, bytes) else text.encode(), find_reducers)


@pytest.mark.parametrize(
    "namespace", ["", ' xmlns="http://www.dmg.org/PMML-3_0"', ' xmlns="http://www.dmg.org/PMML-4_4"']
)
def test_every_version_s_namespace_and_none_is_left_out_of_names(namespace: str) -> None:
    root = read(f"<PMML{namespace}><DataDictionary/></PMML>")
    assert ["PMML", "DataDictionary"] == [root.tag, root.children[0].tag]


def test_a_foreign_name_is_never_taken_for_one_of_the_standard() -> None:
    root = read('<PMML xmlns:v="urn:vendor"><v:TreeModel/></PMML>')
    assert "urn:vendor TreeModel" == root.children[0].tag


def test_elements_know_their_lines_and_attributes() -> None:
    root = read('<PMML>\n\n<DataField name="a" x-hint="b"/></PMML>')
    assert (3, {"name": "a", "x-hint": "b"}) == (root.children[0].line, root.children[0].attributes)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'<!DOCTYPE PMML [<!ENTITY a "b">]><PMML/>', "line 1: a document type declaration"),
        (b'<!DOCTYPE PMML SYSTEM "file:///etc/passwd"><PMML/>', "a document type declaration"),
        (b"<PMML><a></PMML>", "not well-formed XML, line 1: mismatched tag"),
        (b"<PMML>", "not well-formed XML, line 1: no element found"),
        (b"", "no element found"),
        (b'<?xml version="1.0" encoding="no-such"?><PMML/>', "encoding"),
        (b"<PMML>\xff\xfe</PMML>", "not well-formed XML, line 1"),
        (b"<a>" * (MAX_DEPTH + 1), f"nested more than {MAX_DEPTH} deep"),
        (b'<PMML><Array n="3" type="int">1 2</Array></PMML>', "Array, line 1: n='3', but it holds 2 values"),
        (b'<PMML><Array type="real">1 b</Array></PMML>', "a value that is not a number"),
    ],
)
def test_hostile_and_broken_documents_are_refused_with_the_line(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem.replace("(", r"\(")):
        read(content)


def test_other_encodings_are_read() -> None:
    text = '<?xml version="1.0" encoding="{}"?><PMML><DataField name="größe"/></PMML>'
    names = [
        read(text.format(name).encode(name)).children[0].get("name")
        for name in ("utf-8", "utf-16", "latin-1", "cp1252")
    ]
    assert ["größe"] * 4 == names


def test_arrays_and_tables_are_reduced_as_they_are_read() -> None:
    root = read(
        '<PMML><Array type="int">1 2</Array><Array type="string">a "b c" "d\\"e"</Array>'
        "<InlineTable><row><a>1</a><b>x</b></row><row><b>y</b></row></InlineTable></PMML>"
    )
    numbers, texts, table = (child.table or {} for child in root)
    assert [1.0, 2.0] == list(numbers["values"])
    assert ["a", "b c", 'd"e'] == texts["values"]
    assert {"a": ["1", ""], "b": ["x", "y"]} == table
    assert [[], [], []] == [child.children for child in root]


def test_content_that_never_bears_on_a_score_is_dropped() -> None:
    root = read("<PMML><Header><Application/></Header><ModelStats><a/></ModelStats><DataDictionary/></PMML>")
    assert ["DataDictionary"] == [child.tag for child in root]
