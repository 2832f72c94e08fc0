"""A configuration to a query of Spark that serves topics of Kafka.

Rules:

1. One query writes all topics, by one checkpoint: what comes out names its topic. Spark's Kafka sink writes at least
   once, so that a micro-batch that was cut short is written again; a result's id tells it from its double.
2. Where topics are not followed, the query ends once it has read what was there when it began.
3. What Spark and its workers tell goes to a file: they write lines of their own for every micro-batch.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import functions as sql

from headrace.app.kafka.codecs import CodecByTopic
from headrace.app.kafka.engine import build_topic_stream
from headrace.app.settings import build_settings
from headrace.app.spark.fixed import require_fixed
from headrace.app.supply import build_options, read_mappings, with_mappings
from headrace.engines.spark import Kind, open_session, serve
from headrace.engines.spark.reasons import find_reason
from headrace.errors import ConfigurationError, SourceError
from headrace.transports.kafka.settings import flatten_settings, read_settings
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from headrace.app.spark.configuration import SparkConfiguration
    from headrace.transports.kafka.settings import ClientSettings

_COUNTS = "headrace"
_LOOK = 0.2


class SparkRun:
    """A query that runs: ``stop`` ends it, from a signal handler or another thread."""

    def __init__(self, session: SparkSession, query: StreamingQuery, topics: Sequence[str]) -> None:
        self._session, self._query = session, query
        self._named = ", ".join(topics)
        self._stopped = threading.Event()
        self._counts: dict[str, int] = {"scored": 0, "dead_lettered": 0, "skipped": 0}
        self._seen = -1

    def stop(self) -> None:
        """Ask for the end: a micro-batch that is under way is done again by the next run."""
        self._stopped.set()

    def wait(self) -> Mapping[str, int]:
        """Wait for the end; give the counts by name. Raises ``SourceError`` with the reason where it failed."""
        try:
            while self._query.isActive and not self._stopped.wait(_LOOK):
                self._count()
            self._query.stop()
            self._count()
            failure = self._query.exception()
        except (PySparkException, Py4JError) as error:
            raise self._explain(error) from error
        finally:
            self._session.stop()
        if failure is not None and not self._stopped.is_set():
            raise self._explain(failure)
        return dict(self._counts)

    def _explain(self, error: Exception) -> SourceError:
        return SourceError(f"the query over the topics {self._named} failed: {find_reason(str(error))}")

    def _count(self) -> None:
        """Add up the micro-batches that were done since the last look; Spark keeps the last hundred."""
        for progress in self._query.recentProgress:
            told = json.loads(progress.json)
            if told["batchId"] > self._seen and _COUNTS in told.get("observedMetrics", {}):
                self._seen = told["batchId"]
                for name, count in told["observedMetrics"][_COUNTS].items():
                    self._counts[name] += count or 0


def start_query(configuration: SparkConfiguration, directory: Path, options: Sequence[str] = ()) -> SparkRun:
    """Open a session and start the query; ``options`` are ``--master`` and ``--conf``, as spark-submit takes them.

    Raises ``ConfigurationError``, ``MissingExtraError``, and ``SourceError`` where Spark does not take the query.
    """
    master, conf = read_spark_options(options)
    section = configuration.engine
    given = {name: _write(value) for name, value in _flatten(section.conf).items()}
    defaults = {"spark.sql.shuffle.partitions": str(section.partitions)}
    client = read_settings(flatten_settings(configuration.kafka, directory))
    log, checkpoint = directory / section.log, _place(section.checkpoint, directory)
    with _told_to(log):
        try:
            session = open_session(master or section.master, defaults | given | conf)
        except ConfigurationError as error:
            if error.__cause__ is None:  # something is missing, and Spark was not started
                raise
            raise ConfigurationError(f"{error}; what Spark told is at the end of {log}") from error
    try:
        streams = [build_topic_stream(each) for each in configuration.streams]
        require_fixed(session, checkpoint, configuration, build_settings(configuration, streams))
        served = build_served(session, configuration, client, directory)
        writing = (
            served.writeStream.format("kafka")
            .options(**_name_client(client.tell("producer")))
            .option("checkpointLocation", checkpoint)
            .outputMode("append")
        )
        trigger: dict[str, Any] = {"availableNow": True}
        if configuration.streams[0].follow:
            trigger = {"processingTime": f"{section.trigger_ms} milliseconds"}
        return SparkRun(session, writing.trigger(**trigger).start(), _list_topics(configuration))
    except PySparkException as error:
        session.stop()
        raise SourceError(f"Spark does not take the query: {find_reason(str(error))}") from error
    except ConfigurationError:
        session.stop()
        raise


def build_served(
    session: SparkSession, configuration: SparkConfiguration, client: ClientSettings, directory: Path
) -> DataFrame:
    """Give what the query writes: topic, key and value. Raises ``ConfigurationError``."""
    streams = [build_topic_stream(section) for section in configuration.streams]
    settings = build_settings(configuration, streams)
    section, first = configuration.engine, configuration.streams[0]
    records = _read(session, client, ",".join(each.topic for each in configuration.streams)).options(
        startingOffsets={"oldest": "earliest", "newest": "latest"}[first.start],
        failOnDataLoss=str(first.lost_records == "refuse").lower(),
        maxOffsetsPerTrigger=section.batch_records,
    )
    models = _read(session, client, configuration.models.topic).option("startingOffsets", "earliest")
    served = serve(
        records.load(),
        models.load(),
        CodecByTopic(configuration.streams),
        settings,
        build_options(configuration, settings),
        salts=section.salts,
        delay=f"{section.delay_ms} milliseconds",
        in_child=configuration.loading.checker == "process",
        decode=_read_command(configuration),
        statistics=None if configuration.statistics is None else configuration.statistics.place(directory),
        members=configuration.results.members,
        parts=section.parts,
    )
    kind = sql.col("kind")
    skipped = sql.when(kind == Kind.COUNTS.value, sql.get_json_object("value", "$.skipped").cast("bigint"))
    counted = served.observe(
        _COUNTS,
        sql.count_if(kind == Kind.RESULT.value).alias("scored"),
        sql.count_if(kind == Kind.DEAD_LETTER.value).alias("dead_lettered"),
        sql.sum(skipped).alias("skipped"),
    )
    topic = sql.when(kind == Kind.RESULT.value, configuration.results.topic).when(
        kind == Kind.DEAD_LETTER.value, configuration.dead_letters.topic
    )
    if configuration.events is not None:
        topic = topic.when(kind == Kind.EVENT.value, configuration.events.topic)
    return counted.select(topic.alias("topic"), "key", "value").where(sql.col("topic").isNotNull())


def read_spark_options(options: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Read ``--master`` and ``--conf``, each as one word or two. Raises ``ConfigurationError`` for anything else."""
    master, conf = "", {}
    words = iter(options)
    for word in words:
        name, separator, value = word.partition("=")
        if name not in {"--master", "--conf"}:
            raise ConfigurationError(f"{word!r}: the engine 'spark' takes --master URL and --conf NAME=VALUE")
        value = value if separator else next(words, "")
        if name == "--master":
            master = value
            continue
        key, separator, setting = value.partition("=")
        if not separator:
            raise ConfigurationError(f"--conf {value!r} is no setting of Spark: write --conf NAME=VALUE")
        conf[key] = setting
    return master, conf


def _list_topics(configuration: SparkConfiguration) -> list[str]:
    outlets = (configuration.results, configuration.dead_letters, configuration.events)
    written = [section.topic for section in outlets if section is not None]
    return [*(section.topic for section in configuration.streams), configuration.models.topic, *written]


@contextmanager
def _told_to(file: Path) -> Iterator[None]:
    """Have the processes that are started meanwhile write to a file what they would tell on stderr."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with file.open("ab") as log:
            os.dup2(log.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _read(session: SparkSession, client: ClientSettings, topics: str) -> Any:
    told = {"isolation.level": "read_committed", **client.tell("consumer")}
    return session.readStream.format("kafka").options(**_name_client(told)).option("subscribe", topics)


def _name_client(client: Mapping[str, Any]) -> dict[str, str]:
    return {f"kafka.{name}": _write(value) for name, value in client.items()}


def _place(checkpoint: str, directory: Path) -> str:
    return checkpoint if "://" in checkpoint else str(directory / checkpoint)


def _flatten(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Join the names that TOML took apart."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _write(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_command(configuration: SparkConfiguration) -> Callable[[bytes], Any]:
    mappings = read_mappings(configuration)
    return with_mappings(decode_command, mappings) if mappings else decode_command
