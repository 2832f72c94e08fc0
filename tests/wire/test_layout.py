from typing import Any

import pyarrow as pa
import pytest

from headrace.abc.codec import Role, role_of
from headrace.errors import ConfigurationError
from headrace.wire.layout import ByBranch, ByField, ByTopic, Constant, Layout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"data_type": Constant("")}, "data type of all records is empty"),
        ({"data_type": ByField("")}, "has no name"),
        ({"data_type": ByTopic(), "time_unit": "min"}, "unknown time unit 'min'; there are: s, ms, us, ns"),
        ({"data_type": Constant("wine"), "declared": ("beer",)}, "'wine' is used and not declared; declared are: beer"),
        (
            {"data_type": ByTopic(), "declared": ("a",), "required_by_type": {"b": ("x",)}},
            "'b' is used and not declared",
        ),
    ],
)
def test_a_layout_that_contradicts_itself_is_refused(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        Layout(**arguments)


def test_fields_that_tell_about_the_record_have_roles() -> None:
    layout = Layout(ByField("t"), id_field="m.id", key_field="k", time_field="at")
    schema = pa.schema([pa.field(name, pa.string(), metadata={"a": "b"}) for name in ("x", "t", "m.id", "k", "at")])
    annotated = layout.annotate(schema)

    assert [None, Role.DATA_TYPE, Role.ID, Role.KEY, Role.TIME] == [role_of(field) for field in annotated]
    assert all(field.metadata[b"a"] == b"b" for field in annotated)
    assert annotated.equals(schema)
    assert ("t", "m.id", "k", "at") == layout.named_fields()


def test_without_configured_fields_nothing_has_a_role() -> None:
    layout = Layout(ByBranch())
    schema = pa.schema([("", pa.string()), ("x", pa.string())])

    assert [None, None] == [role_of(field) for field in layout.annotate(schema)]
    assert layout.named_fields() == ()


def test_required_fields_are_those_of_all_and_of_the_data_type() -> None:
    layout = Layout(ByTopic(), required=("a",), required_by_type={"wine": ("b",)})

    assert ("a", "b") == layout.required_of("wine")
    assert ("a",) == layout.required_of("beer")
