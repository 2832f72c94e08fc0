"""``serve``: two streaming frames in, one out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from pyspark.sql import functions as sql

from headrace.core.settings import JoinSettings
from headrace.engines.spark.carriage import KEY, LEAVING_DDL, TRAVELLING_DDL, Kind
from headrace.engines.spark.decoding import PLACE, MessageRouter, RecordDecoder
from headrace.engines.spark.keyed import Manner, ServeKeyed
from headrace.engines.spark.parts import put_together
from headrace.errors import ConfigurationError
from headrace.loading import LoadOptions
from headrace.wire.descriptor import decode_command
from headrace.wire.results import select

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from headrace.abc.codec import Codec
    from headrace.records import Command
    from headrace.stores.statistics import Place

PROVIDER = "spark.sql.streaming.stateStore.providerClass"
ROCKS_DB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


def serve(
    records: DataFrame,
    models: DataFrame,
    codec: Codec,
    settings: JoinSettings | None = None,
    options: LoadOptions | None = None,
    *,
    salts: int = 1,
    delay: str = "10 seconds",
    in_child: bool = True,
    decode: Callable[[bytes], Command] = decode_command,
    statistics: Place | None = None,
    members: Collection[str] = (),
    parts: bool = False,
) -> DataFrame:
    """Score records with the models that a model stream brings, by data type and slot.

    ``records`` and ``models`` have the columns of Spark's Kafka source, of which only ``value`` is needed; records
    without ``value`` are taken as columns, for a codec of tables. ``salts`` spreads the partitions of a key's records
    over so many joins, each with its models. ``delay`` is how far records and messages may be out of order, for slots
    that switch by time. ``statistics`` is the database, and the job's name in it, to which the workers write what each
    key has done. What comes out is told in ``headrace.engines.spark.carriage``; ``results``, ``dead_letters``
    and ``events`` choose from it.

    ``members`` chooses what a result's line holds, as ``[results] members`` does; none named means all. ``parts`` puts
    models together that ``headrace publish`` has divided, in a step with a state of its own.

    Raises ``ConfigurationError`` where the session keeps state otherwise than in RocksDB, for a member that no result
    has, and for ``parts`` of models without key and offset.
    """
    if salts < 1:
        raise ConfigurationError(f"salts is {salts}: a key has at least one")
    if parts and not set(models.columns) >= _OF_PARTS:
        raise ConfigurationError(
            f"models in parts need the columns {', '.join(sorted(_OF_PARTS))}, as Kafka's source has"
        )
    provider = records.sparkSession.conf.get(PROVIDER, "")
    if provider != ROCKS_DB:
        raise ConfigurationError(f"transformWithState keeps its state in RocksDB: set {PROVIDER} to {ROCKS_DB}")
    settings = settings or JoinSettings()
    manner = Manner(settings, options or LoadOptions(), in_child, uuid.uuid4().hex, decode, statistics, select(members))
    travelling = bring_together(
        records, models, RecordDecoder(codec, settings, salts), MessageRouter(settings, salts, decode), parts=parts
    )
    if manner.by_time:
        # The watermark's column goes no further: with it Spark would drop late records, without a word.
        travelling = travelling.withColumn("moment", sql.timestamp_millis("at")).withWatermark("moment", delay)
    return (
        travelling.drop("moment", "at")
        .groupBy(*KEY)
        .transformWithStateInPandas(
            ServeKeyed(manner), LEAVING_DDL, outputMode="append", timeMode="EventTime" if manner.by_time else "None"
        )
    )


def bring_together(
    records: DataFrame, models: DataFrame, decoder: RecordDecoder, router: MessageRouter, *, parts: bool = False
) -> DataFrame:
    """Give what travels to the keyed step, as ``headrace.engines.spark.carriage`` tells it."""
    travelling = _place(records).mapInArrow(decoder.decode, TRAVELLING_DDL)
    messages = _place(models, "models")
    if parts:
        messages = put_together(messages)
    return travelling.unionByName(messages.mapInArrow(router.route, TRAVELLING_DDL))


def results(served: DataFrame) -> DataFrame:
    """Choose the results."""
    return served.where(sql.col("kind") == Kind.RESULT.value)


def dead_letters(served: DataFrame) -> DataFrame:
    """Choose the records that could not be scored."""
    return served.where(sql.col("kind") == Kind.DEAD_LETTER.value)


def events(served: DataFrame) -> DataFrame:
    """Choose what happened to models."""
    return served.where(sql.col("kind") == Kind.EVENT.value)


def _place(frame: DataFrame, source: str = "records") -> DataFrame:
    """Give a frame the columns that decoding takes, in one shape for every source."""
    known = frame.columns
    at = sql.unix_millis(sql.col("timestamp")) if "timestamp" in known else sql.lit(None).cast("bigint")
    places = {
        "source": sql.coalesce(sql.col("topic"), sql.lit(source)) if "topic" in known else sql.lit(source),
        "partition": sql.col("partition").cast("int") if "partition" in known else sql.lit(0),
        "offset": sql.col("offset").cast("bigint") if "offset" in known else sql.lit(_UNPLACED[source]).cast("bigint"),
        "at": at,
    }
    held: list[Column] = [sql.col(name) for name in known if name not in {*PLACE, "topic", "timestamp"}]
    if "value" in known:
        key = sql.col("key") if "key" in known else sql.lit(None)
        held = [sql.col("value").cast("binary").alias("value"), key.cast("binary").alias("key")]
    return frame.select(*held, *(column.alias(name) for name, column in places.items()))


_OF_PARTS = {"key", "value", "partition", "offset"}
_UNPLACED = {"records": -1, "models": None}
