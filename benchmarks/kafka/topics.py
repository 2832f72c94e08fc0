"""The topics of a run: records, models for the engine and for its peers, results."""

from __future__ import annotations

from typing import Any

import numpy as np
import skl2onnx
from confluent_kafka import Producer

from benchmarks.embedded.models import DATA_TYPE, Forest, write_wines
from headrace.records import Descriptor, Publish
from headrace.stores.contents import digest_of
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.publishing import ModelPublisher
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import WHOLE, Plan, make_topic
from headrace.wire.descriptor import encode_command
from headrace.wire.wine import FEATURES

LARGEST = 64 * 2**20
"""Bytes of a message that holds a whole model, as the peers take them."""


def make_topics(bootstrap: str, topic: str) -> None:
    """Make the topics of one run, each of one partition."""
    connection = Connection(ClientSettings({"bootstrap.servers": bootstrap}))
    for name in (topic, f"{topic}-letters", f"{topic}-results", f"{topic}-peers-results"):
        make_topic(connection, Plan(name, 1, 1))
    make_topic(connection, Plan(f"{topic}-models", 1, 1, WHOLE))
    make_topic(connection, Plan(f"{topic}-peers-models", 1, 1, {**WHOLE, "max.message.bytes": str(LARGEST)}))


def fill(bootstrap: str, topic: str, count: int) -> None:
    """Append the records."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 2_000_000})
    values: list[dict[str, Any]] = [{"value": value} for value in write_wines(count).to_pylist()]
    producer.produce_batch(topic, values, partition=0)
    producer.flush()


def publish(bootstrap: str, topic: str, name: str, content: bytes) -> None:
    """Publish to the engine as ``headrace publish`` does: in parts where it is large."""
    connection = Connection(ClientSettings({"bootstrap.servers": bootstrap}))
    digest = digest_of(content)
    with ModelPublisher(connection, f"{topic}-models") as publisher:
        inline = publisher.takes_inline(len(content))
        if not inline:
            publisher.put(content, digest)
        within = content if inline else None
        descriptor = Descriptor(
            name, DATA_TYPE, model_type="pmml", content=within, digest=digest, replaces_signature=True
        )
        publisher.append(encode_command(Publish(descriptor)), "publish", DATA_TYPE, "")


def publish_to_peers(bootstrap: str, topic: str, name: str, content: bytes) -> None:
    """Publish to the peers: the model within one message."""
    sizes = {"message.max.bytes": LARGEST, "queue.buffering.max.kbytes": 2 * LARGEST // 1024}
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, **sizes})
    descriptor = Descriptor(name, DATA_TYPE, model_type="pmml", content=content)
    producer.produce(f"{topic}-peers-models", encode_command(Publish(descriptor)), partition=0)
    if producer.flush(60):
        raise SystemExit("the model did not reach the topic of the peers")


def to_onnx(forest: Forest) -> bytes:
    """Convert a forest for onnxruntime: single precision, labels only as the first output."""
    sample = np.zeros((1, len(FEATURES)), np.float32)
    made = skl2onnx.to_onnx(forest.trained, sample, options={id(forest.trained): {"zipmap": False}})
    content: bytes = made.SerializeToString()
    return content
