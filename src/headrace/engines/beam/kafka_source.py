"""Read topics of Kafka in Beam, in Python alone: no expansion service, no JVM.

What it promises:

1. Each partition is read by a splittable DoFn over offsets. Where it stands is in the runner's checkpoint, together
   with what the pipeline made of the records: a runner that restores checkpoints loses and repeats nothing.
2. With a group, offsets are committed to Kafka once the runner has made a bundle durable, and never before: a new
   pipeline that starts from what is committed loses nothing, and may repeat the last bundles (at least once).
3. An element's time is its record's. The watermark follows the greatest time read less ``out_of_order_ms``; once a
   partition's end has been seen, it follows the clock less ``idle_ms``, so that an idle partition holds nothing up.
   Records with times before that are late.
4. Only committed records of transactions are read, unless the settings say otherwise.
5. Records that retention removed after the group's last commit are an error, unless they shall be skipped.
6. Partitions that are added to a topic later are not seen until the pipeline starts again.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp
from confluent_kafka import KafkaException, TopicPartition

from headrace.engines.beam.kafka_group import TURNS, CommitToGroup, Turn, find_committed
from headrace.engines.beam.kafka_reader import POLL_SECONDS, Place, Reader
from headrace.errors import SourceError
from headrace.machinery.elements import ModelElement, RecordElement
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import Setting, read_settings
from headrace.transports.kafka.topics import find_topic

if TYPE_CHECKING:
    from apache_beam.pvalue import PBegin
    from confluent_kafka import Consumer, Message

Edge = Literal["oldest", "newest"]
Start = Literal["oldest", "newest", "committed"]
Lost = Literal["refuse", "skip"]

ENDLESS = 2**62
"""Where a restriction stops that has no end."""
_TURN_SECONDS = 2.0
_TURN_RECORDS = 20_000
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """A record of a topic. ``timestamp`` is milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    def to_record(self) -> RecordElement:
        """Give it as a record that ``ServeModels`` scores."""
        return RecordElement(self.value, self.key, self.topic, self.partition, self.offset)

    def to_model(self) -> ModelElement:
        """Give it as a message of the model stream; its offset is its position."""
        return ModelElement(self.value or b"", self.offset)


@dataclass(frozen=True, slots=True)
class Reading:
    """How topics are read. ``settings`` are the client's own, by its own names; secrets are named, not given."""

    settings: Mapping[str, Setting]
    start: Start = "oldest"
    bounded: bool = False
    group: str = ""
    out_of_order_ms: int = 0
    idle_ms: int = 1_000
    uncommitted: Edge = "oldest"
    lost_records: Lost = "refuse"

    def connect(self) -> Connection:
        """Open the way to the cluster. Raises ``ConfigurationError``."""
        return Connection(read_settings(self.settings))


class ReadFromKafka(beam.PTransform[Any, Any]):
    """Read topics as ``KafkaRecord`` values, each with its record's time.

    ``settings`` are the client's, such as ``{"bootstrap.servers": "localhost:9092"}``; a secret is named by ``.env`` or
    ``.file``, and is fetched by the workers. ``start`` says where partitions are begun; ``bounded`` ends at what is
    there when the pipeline starts; ``group`` names the group whose offsets are committed, "" commits none. Where
    ``start`` is "committed", ``uncommitted`` says where a partition is begun that has nothing committed, and
    ``lost_records`` whether it is refused or begun at its oldest record where what was to come next is gone.
    """

    def __init__(
        self,
        settings: Mapping[str, Setting],
        topics: Sequence[str],
        *,
        start: Start = "oldest",
        bounded: bool = False,
        group: str = "",
        out_of_order_ms: int = 0,
        idle_ms: int = 1_000,
        uncommitted: Edge = "oldest",
        lost_records: Lost = "refuse",
    ) -> None:
        super().__init__()
        self._topics, settings = list(topics), dict(settings)
        self._reading = Reading(settings, start, bounded, group, out_of_order_ms, idle_ms, uncommitted, lost_records)

    def expand(self, begin: PBegin) -> Any:
        """Build the graph."""
        read = _ReadBounded if self._reading.bounded else _ReadEndless
        found = (
            begin
            | "Topics" >> beam.Create(self._topics)
            | "Partitions" >> beam.ParDo(_ListPartitions(self._reading))
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(read(self._reading)).with_outputs(TURNS, main="records")
        )
        if self._reading.group:
            found[TURNS] | "Group" >> CommitToGroup(self._reading.settings, self._reading.group)
        return found.records


class _ListPartitions(beam.DoFn):
    """Topics to their partitions, each with where it is begun and where it ends."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reading = reading

    def process(self, topic: str) -> Iterator[tuple[str, int, int, int]]:
        """List the partitions of a topic. Raises ``SourceError`` where it or what comes next of it is not there."""
        connection = self._reading.connect()
        found = find_topic(connection, topic)
        if found is None:
            raise SourceError(
                f"Kafka at {connection.settings.servers} has no topic {topic!r}: make it, or mend its name"
            )
        reader = connection.open_reader({"group.id": self._reading.group} if self._reading.group else {})
        try:
            for partition in range(found.partitions):
                place = TopicPartition(topic, partition)
                oldest, newest = reader.get_watermark_offsets(place, timeout=connection.seconds)
                start = newest if self._reading.start == "newest" else oldest
                if self._reading.start == "committed":
                    committed = find_committed(connection, reader, place)
                    start = self._go_on(reader, place, committed, oldest, newest)
                yield topic, partition, start, newest if self._reading.bounded else ENDLESS
        except KafkaException as error:
            raise connection.fail(SourceError, f"cannot show topic {topic!r}", error) from None
        finally:
            reader.close()

    def _go_on(self, reader: Consumer, place: TopicPartition, committed: int, oldest: int, newest: int) -> int:
        reading = self._reading
        if committed < 0:
            if reading.uncommitted == "oldest":
                return oldest
            reader.commit(offsets=[TopicPartition(place.topic, place.partition, newest)], asynchronous=False)
            return newest  # a pipeline that starts again shall not begin later still
        if committed < oldest and reading.lost_records == "refuse":
            where = f"topic {place.topic!r}, partition {place.partition}"
            raise SourceError(
                f"{where}: group {reading.group!r} comes to offset {committed} next, and the oldest is {oldest}: "
                f"retention has removed {oldest - committed} records that were not read. To go on without them, "
                'set lost_records = "skip"'
            )
        return max(committed, oldest)


class Offsets(OffsetRestrictionTracker):
    """Tracks offsets; a range is split only where it stands: who commits what lies ahead passes over what does not."""

    def try_split(self, fraction_of_remainder: float) -> tuple[OffsetRange, OffsetRange] | None:
        """Split off what is still to be read."""
        if fraction_of_remainder:
            return None
        split: tuple[OffsetRange, OffsetRange] | None
        split = super().try_split(fraction_of_remainder)  # type: ignore[no-untyped-call]
        return split

    def is_bounded(self) -> bool:
        """Tell whether it ends."""
        return bool(self._range.stop < ENDLESS)


class _Provider(RestrictionProvider):
    """A partition as a range of offsets."""

    def initial_restriction(self, element: tuple[str, int, int, int]) -> OffsetRange:
        """Begin where the partition was found to begin."""
        return OffsetRange(element[2], max(element[2:]))

    def create_tracker(self, restriction: OffsetRange) -> Offsets:
        """Track it."""
        return Offsets(restriction)

    def restriction_size(self, element: tuple[str, int, int, int], restriction: OffsetRange) -> int:
        """Give the number of records, one for a range without an end."""
        del element
        return 1 if restriction.stop >= ENDLESS else int(restriction.size())

    def truncate(self, element: tuple[str, int, int, int], restriction: OffsetRange) -> OffsetRange | None:
        """End a range without an end when the pipeline is drained; finish the others."""
        del element
        return None if restriction.stop >= ENDLESS else restriction


_RESTRICTION = beam.DoFn.RestrictionParam(_Provider())
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


class _Read(beam.DoFn):
    """Reads a partition for a turn, then hands the rest back to the runner."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reading = reading
        self._reader: Reader | None = None

    def teardown(self) -> None:
        """Close the reader."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read(self, place: Place, tracker: Any, watermark: Any) -> Iterator[object]:
        last = yield from self._take_turn(place, tracker, watermark)
        if last >= 0 and self._reading.group:
            yield TaggedOutput(TURNS, Turn(place, last))

    def _take_turn(self, place: Place, tracker: Any, watermark: Any) -> Generator[object, None, int]:
        """Read for a turn; give the last offset, -1 where there was nothing."""
        reader = self._reader = self._reader or Reader(self._reading.connect())
        restriction = tracker.current_restriction()
        reader.go_to(place, restriction.start)
        end = time.monotonic() + _TURN_SECONDS
        last, count = -1, 0
        while count < _TURN_RECORDS and time.monotonic() < end:
            asked_at = time.time_ns() // 1_000_000
            messages = reader.read(min(_CHUNK, _TURN_RECORDS - count))
            for message in messages:
                if not tracker.try_claim(message.offset()):
                    reader.lose_place()
                    return last
                record = _to_record(message)
                last, count = record.offset, count + 1
                yield TimestampedValue(record, Timestamp(micros=record.timestamp * 1_000))
                _advance(watermark, record.timestamp - self._reading.out_of_order_ms)
            if reader.position >= restriction.stop:
                if last < restriction.stop - 1 and restriction.stop > restriction.start:
                    tracker.try_claim(restriction.stop - 1)
                return int(restriction.stop) - 1
            if not messages and reader.at_end:
                _advance(watermark, asked_at - self._reading.idle_ms)
                break
        tracker.defer_remainder(Duration(micros=int(POLL_SECONDS * 1_000_000)) if not count else Duration())
        return last


class _ReadEndless(_Read):
    """Reads for ever."""

    @beam.DoFn.unbounded_per_element()  # type: ignore[untyped-decorator]
    def process(
        self,
        element: tuple[str, int, int, int],
        tracker: Any = _RESTRICTION,
        watermark: Any = _WATERMARK,
    ) -> Iterator[object]:
        """Read a partition for a turn."""
        yield from self._read(element[:2], tracker, watermark)


class _ReadBounded(_Read):
    """Reads to the end that was found at the start."""

    def process(
        self,
        element: tuple[str, int, int, int],
        tracker: Any = _RESTRICTION,
        watermark: Any = _WATERMARK,
    ) -> Iterator[object]:
        """Read a partition for a turn."""
        yield from self._read(element[:2], tracker, watermark)


def _to_record(message: Message[bytes, bytes]) -> KafkaRecord:
    headers: Any = message.headers() or ()
    return KafkaRecord(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        int(message.timestamp()[1]),
        message.key(),
        message.value(),
        tuple((name, value) for name, value in headers),
    )


def _advance(watermark: Any, moment: int) -> None:
    reached = Timestamp(micros=moment * 1_000)
    now = watermark.current_watermark()
    if now is None or reached > now:
        watermark.set_watermark(reached)
