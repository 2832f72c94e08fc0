import datetime as dt

import pytest

from headrace.errors import ModelFormatError
from headrace.formats.pmml.datatypes import data_type


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("integer", "3", 3.0),
        ("integer", "3.0", 3.0),
        ("double", "1e3", 1000.0),
        ("double", "INF", float("inf")),
        ("boolean", "TRUE", 1.0),
        ("boolean", "0", 0.0),
        ("date", "1970-01-03", 2.0),
        ("dateTime", "1970-01-02T00:00:01", 86401.0),
        ("dateTime", "1970-01-02T02:00:01+02:00", 86401.0),
        ("dateTime", "1970-01-01T00:00:01.25Z", 1.25),
        ("timeSeconds", "12:00:01", 43201.0),
        ("dateDaysSince[0]", "0001-01-01", 366.0),
        ("time", "01:00:01", 3601.0),
        ("dateDaysSince[1960]", "1960-01-01", 0.0),
        ("dateDaysSince[1970]", "17", 17.0),
        ("dateTimeSecondsSince[1980]", "1980-01-01T00:00:05", 5.0),
        ("timeSeconds", "00:01:00", 60.0),
    ],
)
def test_values_are_read(name: str, text: str, value: float) -> None:
    assert value == data_type(name).parse(text)


@pytest.mark.parametrize(("name", "text"), [("integer", "3.5"), ("double", "a"), ("boolean", "2"), ("date", "today")])
def test_what_is_no_value_of_a_type_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        data_type(name).parse(text)


def test_values_are_written_as_they_are_read() -> None:
    written = [data_type(name).write(value) for name, value in [("integer", 3.0), ("double", 3.0), ("boolean", 1.0)]]
    assert ["3", "3.0", "true"] == written
    assert ["2000-02-29", "1970-01-01T00:00:01"] == [
        data_type("date").write((dt.date(2000, 2, 29) - dt.date(1970, 1, 1)).days),
        data_type("dateTime").write(1.0),
    ]


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ModelFormatError, match="dataType='complex' is not a data type of PMML"):
        data_type("complex")
