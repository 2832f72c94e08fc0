import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.binding import bind, fold
from headrace.errors import SignatureError
from headrace.records import Field, Signature

WINE = ["fixed acidity", "pH", "alcohol"]


def make_signature(*inputs: Field) -> Signature:
    return Signature(inputs, (Field("score", "double"),))


def make_schema(*names: str, kind: pa.DataType | None = None) -> pa.Schema:
    return pa.schema([(name, kind or pa.float64()) for name in names])


def vector(size: int, kind: str = "float") -> Signature:
    return make_signature(Field("X", kind, (size,)))


def find_fields(
    signature: Signature, schema: pa.Schema, mapping: dict[str, tuple[str, ...]] | None = None
) -> dict[str, tuple[str, ...]]:
    return {source.input: source.fields for source in bind(signature, schema, mapping).sources}


def test_the_mapping_comes_first_then_the_name_then_the_spelling() -> None:
    signature = make_signature(Field("a", "double"), Field("b", "double"), Field("fixed_acidity", "double"))
    schema = make_schema("a", "b", "Fixed.Acidity")
    assert find_fields(signature, schema, {"a": ("b",)}) == {
        "a": ("b",),
        "b": ("b",),
        "fixed_acidity": ("Fixed.Acidity",),
    }


@pytest.mark.parametrize("spelling", ["fixed acidity", "FIXED-ACIDITY", "fixed.acidity", "FixedAcidity"])
def test_spellings_that_are_the_same(spelling: str) -> None:
    assert fold("fixed_acidity") == fold(spelling)


def test_two_fields_of_one_spelling_are_not_guessed_between() -> None:
    with pytest.raises(SignatureError, match=r"'fixed_acidity' \('fixed acidity', 'Fixed-Acidity' all match\)"):
        bind(make_signature(Field("fixed_acidity", "double")), make_schema("fixed acidity", "Fixed-Acidity"))


def test_two_inputs_of_one_spelling_do_not_share_a_field() -> None:
    signature = make_signature(Field("a_b", "double"), Field("a-b", "double"))
    with pytest.raises(SignatureError, match=r"'a_b' .*'a-b'"):
        bind(signature, make_schema("a b"))


def test_a_field_taken_by_its_name_is_not_taken_by_spelling() -> None:
    with pytest.raises(SignatureError, match="lacks an input of the model: 'A'"):
        bind(make_signature(Field("a", "double"), Field("A", "double")), make_schema("a"))


def test_a_missing_input_names_the_fields_and_close_matches() -> None:
    with pytest.raises(SignatureError) as raised:
        bind(make_signature(Field("alcohl", "double")), make_schema(*WINE))
    assert str(raised.value) == (
        "the record lacks an input of the model: 'alcohl' (close: 'alcohol'). The record has 'fixed acidity', 'pH', "
        "'alcohol'. Tie an input to a field in the descriptor's mapping"
    )


def test_an_input_that_is_not_required_is_left_out() -> None:
    signature = make_signature(Field("a", "double"), Field("b", "double", required=False))
    bound, errors = bind(signature, make_schema("a"), {"b": ("gone",)}).apply(pa.record_batch({"a": [1.0]}))
    assert bound.to_pylist() == [{"a": 1.0}]
    assert errors == {}


def test_a_model_without_inputs_keeps_the_rows() -> None:
    bound, _ = bind(make_signature(), make_schema("a")).apply(pa.record_batch({"a": [1.0, 2.0]}))
    assert (bound.num_rows, bound.num_columns) == (2, 0)


def test_a_mapping_of_an_unknown_input() -> None:
    with pytest.raises(SignatureError, match="the mapping names the input 'z'; the model has 'a'"):
        bind(make_signature(Field("a", "double")), make_schema("a"), {"z": ("a",)})


def test_a_mapping_to_a_field_that_the_record_lacks() -> None:
    with pytest.raises(SignatureError, match="ties the input 'a' to 'c'; the record has 'a', 'b'"):
        bind(make_signature(Field("a", "double")), make_schema("a", "b"), {"a": ("c",)})


def test_a_scalar_takes_one_field_of_one_value() -> None:
    signature = make_signature(Field("a", "double"))
    with pytest.raises(SignatureError, match="takes one value, the mapping names 'a', 'b'"):
        bind(signature, make_schema("a", "b"), {"a": ("a", "b")})
    with pytest.raises(SignatureError, match="the field 'a' is a list<"):
        bind(signature, make_schema("a", kind=pa.list_(pa.float64())))


def test_scalars_are_not_copied() -> None:
    batch = pa.record_batch({"x": [1.0], "Fixed Acidity": [2.0]})
    bound, errors = bind(make_signature(Field("fixed_acidity", "double")), batch.schema).apply(batch)
    address = batch.column(1).buffers()[1].address
    assert bound.schema.names == ["fixed_acidity"]
    assert address == bound.column(0).buffers()[1].address
    assert errors == {}


def test_one_vector_takes_the_numeric_fields_in_their_order() -> None:
    batch = pa.record_batch({"b": [1, 2], "colour": ["red", "white"], "a": [0.5, 1.5]})
    bound, errors = bind(vector(2), batch.schema).apply(batch)
    assert bound.column("X").type == pa.list_(pa.float32(), 2)
    assert bound.column("X").to_pylist() == [[1.0, 0.5], [2.0, 1.5]]
    assert errors == {}


def test_fields_known_to_be_no_features_are_left_out() -> None:
    schema = make_schema("id", "a", "b", "time")
    (source,) = bind(vector(2), schema, exclude={"id", "time"}).sources
    assert source.fields == ("a", "b")


def test_a_vector_of_any_size_takes_all_numeric_fields() -> None:
    assert find_fields(vector(-1), make_schema("a", "b", "c")) == {"X": ("a", "b", "c")}


def test_text_vectors_take_the_text_fields() -> None:
    schema = pa.schema([("n", pa.int64()), ("s", pa.string()), ("t", pa.string())])
    assert find_fields(vector(2, "string"), schema) == {"X": ("s", "t")}


@pytest.mark.parametrize(("names", "advice"), [("abcd", "Name those that it takes"), ("ab", "Name the fields of 'X'")])
def test_another_number_of_fields_is_explained(names: str, advice: str) -> None:
    expected = f"'X' takes 3 values and the record has {len(names)} numeric fields: 'a', 'b'.*{advice}"
    with pytest.raises(SignatureError, match=expected):
        bind(vector(3), make_schema(*names))


def test_a_vector_takes_the_mapped_fields_in_their_order() -> None:
    batch = pa.record_batch({"a": [1.0], "b": [2.0], "c": [3.0]})
    bound, _ = bind(vector(2), batch.schema, {"X": ("c", "a")}).apply(batch)
    assert bound.column("X").to_pylist() == [[3.0, 1.0]]


def test_a_mapping_of_another_number_of_fields() -> None:
    with pytest.raises(SignatureError, match="'X' takes 2 values, it is given 1: 'a'"):
        bind(vector(2), make_schema("a", "b"), {"X": ("a",)})


def test_a_vector_takes_a_list_of_its_width_before_numeric_fields() -> None:
    schema = pa.schema([("a", pa.float64()), ("b", pa.float64()), ("v", pa.list_(pa.float64(), 2))])
    assert find_fields(vector(2), schema) == {"X": ("v",)}


def test_a_vector_takes_lists_of_any_length_last_and_fails_rows_that_do_not_fit() -> None:
    batch = pa.record_batch({"a": [1.0, 1.0], "v": [[1.0, 2.0], [1.0]]})
    bound, errors = bind(vector(2), batch.schema).apply(batch)
    assert bound.column("X").to_pylist() == [[1.0, 2.0], None]
    assert list(errors) == [1]


def test_a_list_of_another_width_by_name_is_explained() -> None:
    with pytest.raises(SignatureError, match="'X' takes 2 values, 'X' is a fixed_size_list"):
        bind(vector(2), make_schema("X", kind=pa.list_(pa.float64(), 3)))


def test_a_vector_of_one_takes_the_field_of_its_name() -> None:
    batch = pa.record_batch({"a": [1.0], "X": [2.0]})
    bound, _ = bind(vector(1), batch.schema).apply(batch)
    assert bound.column("X").to_pylist() == [[2.0]]


def test_more_dimensions_are_row_major() -> None:
    batch = pa.record_batch({"a": [1.0], "b": [2.0], "c": [3.0], "d": [4.0]})
    bound, _ = bind(make_signature(Field("image", "float", (2, 2))), batch.schema).apply(batch)
    assert bound.column("image").to_pylist() == [[1.0, 2.0, 3.0, 4.0]]


def test_several_vectors_take_lists_by_name() -> None:
    signature = make_signature(Field("u", "float", (2,)), Field("v", "float", (1,)))
    schema = pa.schema([("U", pa.list_(pa.float32(), 2)), ("v", pa.list_(pa.float64()))])
    assert find_fields(signature, schema) == {"u": ("U",), "v": ("v",)}


def test_a_wrong_type_in_one_row_fails_that_row() -> None:
    batch = pa.record_batch({"a": ["1", "one"], "b": [2.0, 3.0]})
    bound, errors = bind(vector(2), batch.schema, {"X": ("a", "b")}).apply(batch)
    assert bound.column("X").to_pylist() == [[1.0, 2.0], [None, 3.0]]
    assert errors == {1: "field 'a' holds 'one', which is not of type float"}


def test_one_record_is_bound_as_a_batch_of_one() -> None:
    signature = make_signature(Field("a b", "double"), Field("v", "float", (2,)))
    binding = bind(signature, make_schema("a_b", "c", "d"), {"v": ("c", "d")})
    expected = {"a b": 1.0, "v": [2.0, None]}
    assert expected == binding.apply_one({"a_b": 1.0, "c": 2.0, "other": 4})
    assert [expected] == binding.apply(pa.record_batch({"a_b": [1.0], "c": [2.0], "d": pa.nulls(1)}))[0].to_pylist()


names = st.text(st.sampled_from("abAB _-."), min_size=1, max_size=4)


@given(st.lists(names, unique=True, min_size=1, max_size=6), st.lists(names, unique=True, max_size=6))
def test_no_field_is_guessed(fields: list[str], inputs: list[str]) -> None:
    signature = make_signature(*(Field(name, "double", required=False) for name in inputs))
    found = find_fields(signature, make_schema(*fields))
    for name, (field,) in found.items():
        assert fold(name) == fold(field)
        assert name == field or name not in fields
    assert len(found) == len({field for (field,) in found.values()})
    assert {name for name in inputs if name in fields} <= set(found)
