import datetime as dt
import json
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.wire import jsontext


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, '"NaN"'),
        ([math.inf, -math.inf, 1.0, 1], '["Infinity","-Infinity",1.0,1]'),
        ({"a": b"\x00", 5: None}, '{"a":"AA==","5":null}'),
        (dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC), '"2020-01-02T03:04:05+00:00"'),
        (np.array([1.5, math.nan]), '[1.5,"NaN"]'),
        (np.float32(0.5), "0.5"),
        ((True, "é"), '[true,"é"]'),
    ],
)
def test_values_have_a_form(value: object, expected: str) -> None:
    assert expected == jsontext.write(value)


@pytest.mark.parametrize("value", [{1}, object(), Decimal(1), "\ud800", 1j])
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        jsontext.write([value])


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@given(plain)
def test_numbers_come_back(value: object) -> None:
    assert repr(value) == repr(jsontext.restore_floats(json.loads(jsontext.write(value))))
