"""A model topic of Kafka in Beam: models that are larger than a message come in parts, and are put together here.

The topic has one partition, whose order is the order of models; a message's position is its offset. Parts precede the
publication that names their digest, and are held in the state until it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam import coders
from apache_beam.transforms.userstate import BagStateSpec

from headrace.engines.beam.kafka_source import ReadFromKafka
from headrace.errors import HeadraceError
from headrace.machinery.elements import ModelElement
from headrace.records import Command, Publish
from headrace.transports.kafka.parts import Assembler, decode_part_key
from headrace.wire.descriptor import decode_command, encode_command

if TYPE_CHECKING:
    from apache_beam.pvalue import PBegin

    from headrace.engines.beam.kafka_source import KafkaRecord
    from headrace.transports.kafka.settings import Setting

_MOST_BYTES = 2**30
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
        yield ModelElement(_fill(record.value, parts), record.offset)


def _by_topic(record: KafkaRecord) -> tuple[str, KafkaRecord]:
    return record.topic, record


def _fill(message: bytes, parts: Any, decode: Callable[[bytes], Command] = decode_command) -> bytes:
    """Put the bytes that came in parts into the publication that names them."""
    try:
        command = decode(message)
    except HeadraceError:
        return message  # told where messages are decoded
    if not isinstance(command, Publish) or command.descriptor.content is not None or command.descriptor.location:
        return message
    held = list(parts.read())
    assembler = Assembler(_MOST_BYTES)
    for name, value in held:
        key = decode_part_key(name)
        assert key is not None
        assembler.add(key, value)
    content = assembler.take(command.descriptor.digest)
    if content is None:
        return message
    parts.clear()
    for name, value in held:
        key = decode_part_key(name)
        if key is not None and key.digest != command.descriptor.digest:
            parts.add((name, value))
    return encode_command(Publish(replace(command.descriptor, content=content)))
