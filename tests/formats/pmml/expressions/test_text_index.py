"""TextIndex and its normalizations, on the standard's own examples and beyond."""

from collections.abc import Sequence

import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import compute, derive, load

TEXT = '<DataField name="text" optype="categorical" dataType="string"/>'
SHIP = (
    "The Sun was setting while the captain's son reached the bounty island, minutes after their ship had sunk to the "
    "bottom of the ocean."
)
REVIEW = "Testing the app for a few days convinced me the interfaces are excellent!"
TABLES = """
<TextIndexNormalization inField="string" outField="stem" regexField="regex"><InlineTable>
<row><string>interfaces?</string><stem>interface</stem><regex>true</regex></row>
<row><string>is|are|seem(ed|s?)|were</string><stem>be</stem><regex>true</regex></row>
<row><string>user friendl(y|iness)</string><stem>user_friendly</stem><regex>true</regex></row>
</InlineTable></TextIndexNormalization>
<TextIndexNormalization inField="re" outField="feature" regexField="regex"><InlineTable>
<row><re>interface be (user_friendly|well designed|excellent)</re><feature>ui_good</feature><regex>true</regex></row>
</InlineTable></TextIndexNormalization>
"""


def index(term: str, text: str | Sequence[str | None] | None, attributes: str = "", tables: str = "") -> list[object]:
    """Compute how often a term occurs in texts."""
    texts = [text] if text is None or isinstance(text, str) else list(text)
    expression = f'<TextIndex textField="text" {attributes}>{tables}<Constant>{term}</Constant></TextIndex>'
    return compute(expression, fields=TEXT, text=texts)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", 1.0),
        ('isCaseSensitive="true"', 0.0),
        ('maxLevenshteinDistance="1"', 3.0),  # Sun, son, sunk
        ('maxLevenshteinDistance="1" isCaseSensitive="true"', 3.0),  # "Sun" differs in one character as well
        ('maxLevenshteinDistance="1" countHits="bestHits"', 1.0),
        ('maxLevenshteinDistance="1" localTermWeights="binary"', 1.0),
        ('maxLevenshteinDistance="1" localTermWeights="logarithmic"', 0.6020599913279624),
        ('maxLevenshteinDistance="1" localTermWeights="augmentedNormalizedTermFrequency"', 0.5 * (1 + 3 / 5)),
        ('localTermWeights="augmentedNormalizedTermFrequency"', 0.5 * (1 + 1 / 5)),
    ],
)
def test_the_sun_of_the_standard(attributes: str, expected: float) -> None:
    assert index("sun", SHIP, attributes) == [pytest.approx(expected)]


@pytest.mark.parametrize(("term", "expected"), [("ui_good", 1.0), ("interfaces", 0.0), ("excellent", 0.0)])
def test_the_review_of_the_standard(term: str, expected: float) -> None:
    assert index(term, REVIEW, 'localTermWeights="binary"', TABLES) == [expected]


def test_phrases_stand_side_by_side() -> None:
    texts = ["very good, very very good", "good very", "Very\tgood.", None]
    assert index("very good", texts) == [2.0, 0.0, 1.0, None]
    assert index("vary god", texts, 'maxLevenshteinDistance="2"') == [2.0, 0.0, 1.0, None]
    assert index("vary god", texts, 'maxLevenshteinDistance="1"') == [0.0, 0.0, 0.0, None]


def test_a_term_may_be_a_field() -> None:
    expression = '<TextIndex textField="text"><FieldRef field="word"/></TextIndex>'
    word = '<DataField name="word" optype="categorical" dataType="string"/>'
    texts, words = ["a b a", "a b a", "b"], ["a", "b", None]
    assert compute(expression, "integer", fields=TEXT + word, text=texts, word=words) == [2, 1, None]


def test_words_end_where_the_separator_says() -> None:
    assert index("b", "a-b c", r'wordSeparatorCharacterRE="[\s\-]"') == [1.0]
    assert index("b", "a-b c") == [0.0]
    assert index("it", "it is not I", r'x-wordRE="(?u)\b\w\w+\b"') == [1.0]


def test_text_that_is_not_tokenized_is_searched_as_it_stands() -> None:
    assert index("ell", "Hello, BELL", 'tokenize="false"') == [2.0]
    assert index("ell", "Hello, BELL", 'tokenize="false" isCaseSensitive="true"') == [1.0]


def table(rows: str, attributes: str = "") -> str:
    return f"<TextIndexNormalization {attributes}><InlineTable>{rows}</InlineTable></TextIndexNormalization>"


def test_plain_rows_replace_words() -> None:
    rows = "<row><string>well designed</string><stem>good</stem></row>"
    assert index("good", "Well  designed, welldesigned", "", table(rows)) == [1.0]
    assert index("good", "wel desined", "", table(rows, 'maxLevenshteinDistance="2"')) == [1.0]
    assert index("good", "well designed", "", table(rows, 'isCaseSensitive="true"')) == [1.0]
    assert index("good", "Well designed", "", table(rows, 'isCaseSensitive="true"')) == [0.0]


def test_a_recursive_table_applies_until_nothing_changes() -> None:
    rows = "<row><string>aa</string><stem>a</stem><regex>true</regex></row>"
    assert index("a", "aaaa", "", table(rows)) == [0.0]
    assert index("a", "aaaa", "", table(rows, 'recursive="true"')) == [1.0]


def test_a_replacement_may_be_a_blank_or_a_group() -> None:
    blank = r"<row><string>(\s)(the)(\s)</string><stem> </stem><regex>true</regex></row>"
    assert index("of sun", "of the sun", "", table(blank)) == [1.0]
    group = r"<row><string>(\w+)ing\b</string><stem>$1</stem><regex>true</regex></row>"
    assert index("sink", "sinking sinks", "", table(group)) == [1.0]


def test_a_table_that_never_ends_makes_the_index_missing() -> None:
    rows = "<row><string>a</string><stem>aa</stem><regex>true</regex></row>"
    assert index("a", ["a", "b"], "", table(rows, 'recursive="true"')) == [None, 0.0]


def test_a_blank_constant_is_one() -> None:
    expression = (
        '<Apply function="concat"><FieldRef field="text"/><Constant> </Constant><FieldRef field="text"/></Apply>'
    )
    assert compute(expression, "string", fields=TEXT, text=["a"]) == ["a a"]


@pytest.mark.parametrize(
    ("attributes", "tables", "problem"),
    [
        ('wordSeparatorCharacterRE="("', "", "TextIndex, line 1: '\\(' is not a regular expression"),
        ('maxLevenshteinDistance="-1"', "", "is less than none"),
        ('localTermWeights="tf"', "", "localTermWeights='tf' is none of"),
        ('countHits="someHits"', "", "countHits='someHits' is none of"),
        ("", table("<row><string>[</string><stem>a</stem><regex>true</regex></row>"), "is not a regular expression"),
        ("", table("<row><string></string><stem>a</stem></row>"), "no text to replace"),
        ("", table("<row><word>a</word><stem>a</stem></row>"), "lacks inField or outField"),
        ("", table("<row><string>a</string><stem>$1</stem><regex>true</regex></row>"), "asks for group 1"),
    ],
)
def test_a_broken_index_is_refused(attributes: str, tables: str, problem: str) -> None:
    expression = f'<TextIndex textField="text" {attributes}>{tables}<Constant>a</Constant></TextIndex>'
    with pytest.raises(ModelFormatError, match=problem):
        load(derive(expression, fields=TEXT))
