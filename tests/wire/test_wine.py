import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import RecordError
from headrace.wire.wine import FEATURES, decode_wine, encode_wine

# The first red wine. Its citric acid is zero, which proto3 does not send.
FIRST = dict(zip(FEATURES, [7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4], strict=True))
FIRST_BYTES = bytes.fromhex(
    "099a99999999991d4011666666666666e63f21666666666666fe3f29dbf97e6abc74b33f310000000000002640"
    "39000000000000414041925cfe43faedef3f4914ae47e17a140c4051ec51b81e85ebe13f59cdcccccccccc2240620477696e65"
)


def test_the_first_wine_has_these_bytes() -> None:
    assert FIRST_BYTES == encode_wine(FIRST)
    assert (FIRST, "wine") == decode_wine(FIRST_BYTES)


def test_the_features_are_those_of_the_book_in_its_order() -> None:
    by_hand = b"".join(
        bytes([number << 3 | 1]) + struct.pack("<d", number / 8) for number in range(1, 12)
    ) + b"\x62\x05white"  # fmt: skip
    features = dict(zip(FEATURES, (number / 8 for number in range(1, 12)), strict=True))

    assert (features, "white") == decode_wine(by_hand)
    assert by_hand == encode_wine(features, "white")
    assert (
        "fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides", "free_sulfur_dioxide",
        "total_sulfur_dioxide", "density", "pH", "sulphates", "alcohol",
    ) == FEATURES  # fmt: skip


def test_what_is_not_sent_is_zero() -> None:
    assert (dict.fromkeys(FEATURES, 0.0), "") == decode_wine(b"")
    assert b"" == encode_wine({}, "")


def test_what_is_no_wine_is_refused() -> None:
    with pytest.raises(RecordError, match="the 1 bytes are not a wine record"):
        decode_wine(b"\xff")
    with pytest.raises(RecordError, match="wines have no feature 'colour'"):
        encode_wine({"colour": 1.0})
    with pytest.raises(RecordError, match="not a wine"):
        encode_wine({"pH": "low"})  # type: ignore[dict-item]


@given(
    st.fixed_dictionaries(dict.fromkeys(FEATURES, st.floats(allow_nan=False))), st.text(st.characters(codec="utf-8"))
)
def test_every_wine_comes_back(features: dict[str, float], data_type: str) -> None:
    assert (features, data_type) == decode_wine(encode_wine(features, data_type))
