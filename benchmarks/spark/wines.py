"""The codec of the wines, built where it is used: its descriptors cannot be sent to workers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from benchmarks.embedded.models import open_codec

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.codec import Codec
    from headrace.records import Batch, Raw


class Wines:
    """Reads wines."""

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch."""
        return _open().decode(raw)

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns of a data type."""
        return _open().schema(data_type)


@cache
def _open() -> Codec:
    return open_codec()
