"""Dates, times and moments in expressions."""

import datetime as dt

import pytest

from tests.formats.pmml.building import apply, compute

DATE = '<DataField name="d" optype="continuous" dataType="date"/>'
MOMENT = '<DataField name="t" optype="continuous" dataType="dateTime"/>'
TIME = '<DataField name="c" optype="continuous" dataType="time"/>'
IN_2003 = (
    '<Discretize field="d" mapMissingTo="none"><DiscretizeBin binValue="in 2003">'
    '<Interval closure="closedOpen" leftMargin="2003-01-01" rightMargin="2004-01-01"/></DiscretizeBin></Discretize>'
)
DAYS, MOMENTS, TIMES = (
    [dt.date(2003, 4, 1), None],
    [dt.datetime.fromisoformat("2003-04-01T12:30:05"), None],
    [dt.time(5, 20, 12)],
)


@pytest.mark.parametrize(
    ("expression", "type", "expected"),
    [
        (apply("dateDaysSinceYear", "d", "1960"), "integer", [15796, None]),
        (apply("formatDatetime", "d", "'%m/%d/%y'"), "string", ["04/01/03", None]),
        (apply("dateSecondsSinceMidnight", "d"), "integer", [0, None]),
        ('<FieldRef field="d"/>', "dateDaysSince[1960]", [15796, None]),
        ('<FieldRef field="d"/>', "dateTimeSecondsSince[1960]", [15796 * 86400, None]),
        ('<FieldRef field="d"/>', "dateTime", [dt.datetime.fromisoformat("2003-04-01"), None]),
        ('<FieldRef field="d"/>', "string", ["2003-04-01", None]),
        (apply("lessThan", "d", "'2003-04-02'"), "boolean", [True, None]),
        (apply("isIn", "d", '<Constant dataType="date">2003-04-01</Constant>'), "boolean", [True, None]),
        (apply("-", "d", '<Constant dataType="date">2003-03-02</Constant>'), "integer", [30, None]),
        (apply("max", "d", '<Constant dataType="date">2003-04-02</Constant>'), "date", [dt.date(2003, 4, 2)] * 2),
        ('<NormDiscrete field="d" value="2003-04-01" mapMissingTo="-1"/>', "double", [1.0, -1.0]),
        (IN_2003, "string", ["in 2003", "none"]),
    ],
)
def test_dates_in_expressions(expression: str, type: str, expected: list[object]) -> None:
    assert compute(expression, type, fields=DATE, d=DAYS) == expected


@pytest.mark.parametrize(
    ("expression", "type", "expected"),
    [
        (apply("dateDaysSinceYear", "t", "1960"), "integer", [15796, None]),
        (apply("dateSecondsSinceYear", "t", "1960"), "integer", [15796 * 86400 + 45005, None]),
        (apply("dateSecondsSinceMidnight", "t"), "integer", [45005, None]),
        (apply("formatDatetime", "t", "'%H:%M'"), "string", ["12:30", None]),
        ('<FieldRef field="t"/>', "date", [dt.date(2003, 4, 1), None]),
        ('<FieldRef field="t"/>', "time", [dt.time(12, 30, 5), None]),
        ('<FieldRef field="t"/>', "timeSeconds", [45005, None]),
        ('<FieldRef field="t"/>', "string", ["2003-04-01T12:30:05", None]),
    ],
)
def test_moments_in_expressions(expression: str, type: str, expected: list[object]) -> None:
    assert compute(expression, type, fields=MOMENT, t=MOMENTS) == expected


@pytest.mark.parametrize(
    ("expression", "type", "expected"),
    [
        (apply("dateSecondsSinceMidnight", "c"), "integer", [19212]),
        (apply("formatDatetime", "c", "'%H'"), "string", ["05"]),
        ('<FieldRef field="c"/>', "timeSeconds", [19212]),
        ('<FieldRef field="c"/>', "string", ["05:20:12"]),
    ],
)
def test_times_in_expressions(expression: str, type: str, expected: list[object]) -> None:
    assert compute(expression, type, fields=TIME, c=TIMES) == expected


def test_a_text_is_a_time_or_a_moment_by_itself() -> None:
    texts = ["05:20:12", "2003-04-01T00:01:00", "noon"]
    field = '<DataField name="s" optype="categorical" dataType="string"/>'
    assert compute(apply("dateSecondsSinceMidnight", "s"), "integer", fields=field, s=texts) == [19212, 60, None]
