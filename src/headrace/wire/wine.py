"""The record of the wine examples, as the book's programs write it (example 3-3)."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import DecodeError

from headrace.errors import RecordError
from headrace.wire.proto.wine_pb2 import WineRecord

MESSAGE = WineRecord.DESCRIPTOR
FEATURES = tuple(field.name for field in MESSAGE.fields if field.name != "dataType")


def encode_wine(features: Mapping[str, float], data_type: str = "wine") -> bytes:
    """Write one record; features that are left out are zero.

    Raises ``RecordError`` for a feature that wines do not have, or that is no number.
    """
    unknown = sorted(features.keys() - set(FEATURES))
    if unknown:
        raise RecordError(f"wines have no feature {unknown[0]!r}; there are: {', '.join(FEATURES)}")
    try:
        return WineRecord(**features, dataType=data_type).SerializeToString()
    except (TypeError, UnicodeEncodeError) as error:
        raise RecordError(f"not a wine: {error}") from error


def decode_wine(data: bytes) -> tuple[dict[str, float], str]:
    """Read one record: its features and its data type.

    Raises ``RecordError`` for bytes that are none.
    """
    try:
        record = WineRecord.FromString(data)
    except DecodeError as error:
        raise RecordError(f"the {len(data)} bytes are not a wine record: {error}") from error
    return {name: getattr(record, name) for name in FEATURES}, record.dataType
