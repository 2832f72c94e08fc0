"""A model topic of Kafka in Beam: models that are larger than a message come in parts, and are put together here.

The topic has one partition, whose order is the order of models; a message's position is its offset. Parts precede the
publication that names their digest, and are held in the state until it comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam import coders
from apache_beam.transforms.userstate import BagStateSpec

from headrace.engines.beam.kafka_source import ReadFromKafka
from headrace.machinery.assembling import fill, read_unfilled
from headrace.machinery.elements import ModelElement
from headrace.transports.kafka.parts import decode_part_key

if TYPE_CHECKING:
    from apache_beam.pvalue import PBegin

    from headrace.engines.beam.kafka_source import KafkaRecord
    from headrace.transports.kafka.settings import Setting

_PARTS = beam.DoFn.StateParam(BagStateSpec("parts", coders.TupleCoder((coders.BytesCoder(), coders.BytesCoder()))))


class ReadModelsFromKafka(beam.PTransform[Any, Any]):
    """Read a model topic from its beginning, as ``ModelElement`` values. ``bounded`` ends at what is there."""

    def __init__(self, settings: Mapping[str, Setting], topic: str, *, bounded: bool = False) -> None:
        super().__init__()
        self._read = ReadFromKafka(settings, [topic], bounded=bounded)

    def expand(self, begin: PBegin) -> Any:
        """Build the graph."""
        keyed = begin | "Messages" >> self._read | "ByTopic" >> beam.Map(_by_topic).with_output_types(tuple[str, Any])
        return keyed | "PutTogether" >> beam.ParDo(_PutTogether())  # type: ignore[no-untyped-call]


class _PutTogether(beam.DoFn):
    """Messages and parts to whole messages."""

    def process(self, element: tuple[str, KafkaRecord], parts: Any = _PARTS) -> Iterator[ModelElement]:
        """Hold a part, or give a message."""
        record = element[1]
        if record.value is None:
            return
        if decode_part_key(record.key) is not None:
            parts.add((record.key, record.value))
            return
        message, unfilled = record.value, read_unfilled(record.value)
        filled = None if unfilled is None else fill(unfilled, parts.read())
        if filled is not None:
            message, left = filled
            parts.clear()
            for part in left:
                parts.add(part)
        yield ModelElement(message, record.offset)


def _by_topic(record: KafkaRecord) -> tuple[str, KafkaRecord]:
    return record.topic, record
