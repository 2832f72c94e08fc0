"""What an error of librdkafka or of a broker means to a person: one table of codes to what is wrong and what to do."""

# ruff: noqa: SLF001 the library puts an underscore before the names of its own codes

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from confluent_kafka import KafkaError, KafkaException


@dataclass(frozen=True, slots=True)
class Advice:
    """What is wrong, and what to do. ``detail``: the library's own text says more (an address, a certificate)."""

    wrong: str
    remedy: str
    detail: bool = False


_GRANT = "grant it to this client's user (kafka-acls), or have it use another"
_REACH = "see that the broker runs, and that [kafka] bootstrap.servers and security.protocol are its own"
_LOGIN = "see that the user, its password or token, and sasl.mechanism are what the broker knows"
_FENCE = "give every running instance a name of its own"

TROUBLES: Mapping[int, Advice] = MappingProxyType(
    {
        KafkaError._TRANSPORT: Advice("no broker can be reached", _REACH, detail=True),
        KafkaError._ALL_BROKERS_DOWN: Advice("no broker can be reached", _REACH),
        KafkaError._TIMED_OUT: Advice("the broker does not answer in time", _REACH),
        KafkaError._MSG_TIMED_OUT: Advice("the broker did not take the message in time", _REACH),
        KafkaError._TIMED_OUT_QUEUE: Advice("the broker does not answer in time", _REACH),
        KafkaError.REQUEST_TIMED_OUT: Advice("the broker could not do it in time", "see how busy it is"),
        KafkaError._RESOLVE: Advice(
            "the broker's host name is not known", "mend [kafka] bootstrap.servers", detail=True
        ),
        KafkaError._SSL: Advice(
            "TLS fails",
            "see that ssl.ca.location holds who signed the broker's certificate, for the host name used",
            detail=True,
        ),
        KafkaError._AUTHENTICATION: Advice("the broker refuses the login", _LOGIN, detail=True),
        KafkaError.SASL_AUTHENTICATION_FAILED: Advice("the broker refuses the login", _LOGIN, detail=True),
        KafkaError.UNSUPPORTED_SASL_MECHANISM: Advice(
            "the broker does not take this sasl.mechanism", _LOGIN, detail=True
        ),
        KafkaError.TOPIC_AUTHORIZATION_FAILED: Advice("the broker gives no right to the topic", _GRANT),
        KafkaError.GROUP_AUTHORIZATION_FAILED: Advice("the broker gives no right to the consumer group", _GRANT),
        KafkaError.CLUSTER_AUTHORIZATION_FAILED: Advice("the broker gives no right to the cluster", _GRANT),
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Advice(
            "the broker gives no right to the transactional id", _GRANT
        ),
        KafkaError.UNKNOWN_TOPIC_OR_PART: Advice("there is no such topic", "make it first, or mend its name"),
        KafkaError._UNKNOWN_TOPIC: Advice("there is no such topic", "make it first, or mend its name"),
        KafkaError._UNKNOWN_PARTITION: Advice("there is no such partition", "see that the topic was not made anew"),
        KafkaError.TOPIC_EXCEPTION: Advice("the topic's name is not valid", "use letters, digits, '.', '_' and '-'"),
        KafkaError.TOPIC_ALREADY_EXISTS: Advice("the topic is there already", "use it, or another name"),
        KafkaError.INVALID_PARTITIONS: Advice("the number of partitions is not valid", "ask for one or more"),
        KafkaError.INVALID_REPLICATION_FACTOR: Advice(
            "there are fewer brokers than replicas asked for", "ask for as many as there are brokers"
        ),
        KafkaError.INVALID_CONFIG: Advice("the broker refuses a setting of the topic", "mend it", detail=True),
        KafkaError.POLICY_VIOLATION: Advice("the broker's policy forbids it", "ask who runs it", detail=True),
        KafkaError.MSG_SIZE_TOO_LARGE: Advice(
            "the message is larger than the broker or the client allows",
            "raise the topic's max.message.bytes and [kafka] message.max.bytes",
        ),
        KafkaError.NOT_ENOUGH_REPLICAS: Advice("too few replicas are in step", "see that all brokers run"),
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND: Advice("too few replicas are in step", "see that all brokers run"),
        KafkaError.OFFSET_OUT_OF_RANGE: Advice(
            "what was to be read next is no longer there, or not yet",
            "see the topic's retention, and whether it was made anew",
        ),
        KafkaError._AUTO_OFFSET_RESET: Advice(
            "what was to be read next is no longer there, or not yet",
            "see the topic's retention, and whether it was made anew",
        ),
        KafkaError._FENCED: Advice("another producer of the same transactional id has taken over", _FENCE),
        KafkaError.INVALID_PRODUCER_EPOCH: Advice("another producer of the same id has taken over", _FENCE),
        KafkaError.FENCED_INSTANCE_ID: Advice("another member of the same name has joined the group", _FENCE),
        KafkaError.INCONSISTENT_GROUP_PROTOCOL: Advice(
            "the group's other members share partitions in another way",
            "set partition.assignment.strategy and group.protocol alike everywhere",
        ),
        KafkaError.INVALID_TRANSACTION_TIMEOUT: Advice(
            "transaction.timeout.ms is longer than the broker allows",
            "lower it, or raise transaction.max.timeout.ms there",
        ),
        KafkaError.UNSUPPORTED_VERSION: Advice("the broker is too old for this", "use Kafka 2.5 or later"),
        KafkaError._INVALID_ARG: Advice("a setting is not valid", "mend it", detail=True),
    }
)
"""Those that a person can do something about; what is not here is told in the library's own words."""

_LOGIN_CODES = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}
TELLING = _LOGIN_CODES | {KafkaError._SSL, KafkaError._RESOLVE, KafkaError.UNSUPPORTED_SASL_MECHANISM}
"""Why there is no connection: time does not mend these."""
VAGUE = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
}
"""That there is no connection, and not why: what a client has heard before may say."""
ABSENT = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}
FINAL = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError._AUTO_OFFSET_RESET,
    KafkaError._FATAL,
}
"""What ends a reader."""
NO_RIGHT = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
"""What a user may not do."""
REFUSED = (
    NO_RIGHT
    | TELLING
    | {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_TRANSACTION_TIMEOUT, KafkaError.UNSUPPORTED_VERSION}
)
"""What ends a writer: the same would be refused again."""
END = KafkaError._PARTITION_EOF
LATE = KafkaError(KafkaError._TIMED_OUT)


def error_of(error: KafkaError | KafkaException) -> KafkaError:
    """Give the error that an exception carries."""
    if isinstance(error, KafkaError):
        return error
    found = error.args[0] if error.args else None
    return found if isinstance(found, KafkaError) else KafkaError(KafkaError._FAIL, str(error))


def explain(error: KafkaError | KafkaException, right: str = "") -> str:
    """Say what an error means and what to do; ``right`` names the right that was needed, such as "Read on topic 'x'".

    The text is the library's where the table does not hold its code, and may hold what ``ClientSettings.redact`` takes
    out.
    """
    known = error_of(error)
    advice = TROUBLES.get(known.code())
    if advice is None:
        return f"{known.str()} ({known.name()})"
    wrong = f"{advice.wrong}: {known.str()}" if advice.detail and known.str() else advice.wrong
    needed = f" (needed: {right})" if right and advice.remedy is _GRANT else ""
    return f"{wrong}{needed}; {advice.remedy} ({known.name()})"
