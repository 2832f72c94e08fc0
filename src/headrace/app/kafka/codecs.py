"""How the records of a configuration's topics are read, for workers to which it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headrace.app.kafka.engine import build_topic_stream

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.codec import Codec
    from headrace.app.kafka.configuration import TopicSection
    from headrace.records import Batch, Raw


class CodecByTopic:
    """Reads the records of several topics, each in its own way; codecs are built where they are used."""

    def __init__(self, sections: Sequence[TopicSection]) -> None:
        self._sections = tuple(sections)
        self._codecs: dict[str, Codec] = {}

    def __reduce__(self) -> tuple[type[CodecByTopic], tuple[Sequence[TopicSection]]]:
        return type(self), (self._sections,)

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch of one topic."""
        return self._build()[raw.source].decode(raw)

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns of a data type, as the first topic that knows them has them."""
        codecs = self._build().values()
        return next((found for codec in codecs if (found := codec.schema(data_type)) is not None), None)

    def _build(self) -> dict[str, Codec]:
        if not self._codecs:
            self._codecs = {section.topic: build_topic_stream(section).codec for section in self._sections}
        return self._codecs
