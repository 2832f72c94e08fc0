"""Documents that do harm or make no sense: each is refused with element and line, or scored all the same."""

import resource
import time

import pyarrow as pa
import pytest

from headrace.errors import HeadraceError, ModelError
from headrace.formats.pmml.format import PmmlFormat
from tests.formats.pmml.building import X, Y, apply, compute, derive, document, load, schema, score

TREE = f'<TreeModel functionName="regression">{schema("x", target="y")}{{}}</TreeModel>'
NODE = '<Node score="1"><True/></Node>'


def refuse(content: bytes) -> str:
    """Return why a document is refused."""
    with pytest.raises(HeadraceError) as caught:
        PmmlFormat().prepare(content)
    return str(caught.value)


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE PMML SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE PMML [<!ENTITY a "b">]>',
        '<!DOCTYPE PMML [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;&a;">]>',
        '<!DOCTYPE PMML [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]>',
    ],
)
def test_a_document_type_is_refused_before_anything_else(prolog: str) -> None:
    assert "line 1: a document type declaration" in refuse(prolog.encode() + document(TREE.format(NODE)))


def test_an_entity_that_nobody_declared_is_refused() -> None:
    assert "line 1: undefined entity" in refuse(document(TREE.format('<Node score="&a;"><True/></Node>')))


@pytest.mark.parametrize("tag", ["Extension", "Apply", "Segment"])
def test_deep_elements_are_refused(tag: str) -> None:
    deep = f"<{tag}>" * 5000 + f"</{tag}>" * 5000
    assert f"{tag}, line 1: elements are nested more than 4096 deep" in refuse(document(TREE.format(deep + NODE)))


def test_deep_nodes_are_refused() -> None:
    deep = '<Node score="1"><True/>' * 5000 + "</Node>" * 5000
    assert "nested more than 4096 deep" in refuse(document(TREE.format(deep)))


def test_deep_expressions_are_refused() -> None:
    deep = '<Apply function="abs">' * 2000 + '<FieldRef field="x"/>' + "</Apply>" * 2000
    assert "nested too deeply" in refuse(derive(deep))


def test_a_huge_attribute_costs_little_more_than_its_size() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    content = document(TREE.format(f'<Node score="1" id="{"x" * 30_000_000}"><True/></Node>'))
    assert len(load(content).score(pa.RecordBatch.from_pydict({"x": [1.0]})).outputs) == 1
    assert time.perf_counter() - begin < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB


def derived(*fields: tuple[str, str]) -> bytes:
    """A model of derived fields, each with the name that it refers to."""
    listed = "".join(
        f'<DerivedField name="{name}" optype="continuous" dataType="double"><FieldRef field="{other}"/></DerivedField>'
        for name, other in fields
    )
    return document(
        f'<RegressionModel functionName="regression">{schema("x", target="y")}'
        f'<LocalTransformations>{listed}</LocalTransformations><RegressionTable intercept="0"/></RegressionModel>'
    )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ([("a", "a")], "DerivedField, line 1: derived fields form a cycle: a -> a"),
        ([("a", "b"), ("b", "c"), ("c", "a")], "DerivedField, line 1: derived fields form a cycle: a -> b -> c -> a"),
        ([("a", "nowhere")], "FieldRef, line 1: there is no field 'nowhere'"),
        ([("a", "x"), ("a", "x")], "DerivedField, line 1: the field 'a' is defined twice"),
    ],
)
def test_derived_fields_lead_somewhere(fields: list[tuple[str, str]], problem: str) -> None:
    assert refuse(derived(*fields)) == problem


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (apply("substring", "x", "1"), "Apply, line 1: substring takes 3 arguments, not 2"),
        (apply("exec", "x"), "Apply, line 1: there is no function 'exec'"),
        ('<FieldRef field="x" mapMissingTo="many"/>', "FieldRef, line 1: 'many' is not a value of the type double"),
        (
            '<Constant dataType="decimal">1</Constant>',
            "Constant, line 1: dataType='decimal' is not a data type of PMML",
        ),
    ],
)
def test_expressions_are_checked_at_load(expression: str, problem: str) -> None:
    assert refuse(derive(expression)) == problem


def test_an_array_of_another_length_is_refused() -> None:
    node = (
        '<Node><True/><Node score="1"><SimpleSetPredicate field="x" booleanOperator="isIn">'
        '<Array type="real" n="3">1 2</Array></SimpleSetPredicate></Node></Node>'
    )
    assert refuse(document(TREE.format(node))) == "Array, line 1: n='3', but it holds 2 values"


def test_a_node_within_something_else_in_a_node_does_no_harm() -> None:
    node = f'<Node score="1"><True/><MiningField name="x">{NODE}</MiningField></Node>'
    assert score(document(TREE.format(node)), x=[0.0]) == {"y": [1.0]}


def test_an_integer_field_may_have_endless_margins() -> None:
    field = (
        '<DataField name="n" optype="continuous" dataType="integer"><Interval closure="closedClosed" leftMargin="0" '
        'rightMargin="1e999"/></DataField>'
    )
    assert compute('<FieldRef field="n"/>', "integer", fields=field + Y, n=[5]) == [5]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<PMML",
        b"<PMML></PMML>",
        b"<PMML version='4.4'><DataDictionary/></PMML>",
        b"\x00\xff<PMML/>",
        b'<?xml version="1.0" encoding="nonsense"?><PMML/>',
        "<PMML/>".encode("utf-16"),
        document("<TextModel/>", X),
        document("<MyModel/>", X),
    ],
)
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError):
        PmmlFormat().prepare(content)
