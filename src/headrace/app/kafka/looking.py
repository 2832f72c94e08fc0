"""What a group has written, read by whoever has its configuration: no instance has to run, nor to be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.app.kafka.engine import open_connection
from headrace.app.model_streams import TopicStream
from headrace.core.join import Join
from headrace.core.memory import Memory
from headrace.core.settings import JoinSettings
from headrace.core.states import State
from headrace.engines.kafka.following import Follower
from headrace.errors import RecordError, SourceError
from headrace.machinery.clock import now_ms
from headrace.machinery.standing import Standing
from headrace.monitor.grouping import show_group
from headrace.monitor.view import View, take_view
from headrace.records import Publish
from headrace.stores.contents import digest_of
from headrace.transports.kafka.reading import Tail, read_last_messages, read_messages
from headrace.wire.dead_letters import DeadLetter, decode_dead_letter

if TYPE_CHECKING:
    from confluent_kafka import Message

    from headrace.app.kafka.configuration import KafkaConfiguration
    from headrace.core.tally import Tally
    from headrace.monitor.view import VersionView
    from headrace.records import ModelMessage, SlotKey
    from headrace.transports.kafka.connection import Connection


@dataclass(frozen=True, slots=True)
class GroupTopics:
    """The topics of one group. Every method raises ``SourceError`` where a topic cannot be read."""

    configuration: KafkaConfiguration
    connection: Connection

    def follow(self) -> Follower:
        """Give what follows the group's state."""
        return Follower(self.connection, self.configuration.engine.group, self.configuration.kept)

    def read_standing(self) -> Standing:
        """Read what the group has done. Raises ``StateError``."""
        return self.follow().read_once()

    def read_view(self) -> View:
        """Read what the group has done, with the publications of its model topic.

        What became of them is taken from the topic of events, as the last instance that spoke of it saw it; without
        such a topic, from what they have scored.
        """
        standing = self.read_standing()
        join = Join(JoinSettings(switch=self.configuration.switch.mode), now_ms, lambda: 0)
        for message in TopicStream(self.connection, self.configuration.models.topic).read():
            join.models.receive(_strip(message))
        own = take_view(join, Memory())
        verdicts = self._find_verdicts(standing)
        versions = tuple(
            each if each.position not in verdicts else _judge(each, *verdicts[each.position]) for each in own.versions
        )
        return show_group(msgspec.structs.replace(own, versions=versions), standing)

    @contextmanager
    def watch(self) -> Iterator[tuple[Callable[[], View], Callable[[], list[dict[str, Any]]]]]:
        """Follow the group for as long as the block takes: gives what reads its numbers, and its newest events."""
        follower = self.follow()
        follower.standing = follower.read_once()
        follower.start()
        topic = self.configuration.events
        tail = None if topic is None else Tail(self.connection, topic.topic)
        try:
            yield (
                lambda: show_group(View(at=0, position=-1), follower.standing or Standing()),
                lambda: [] if tail is None else [event for each in tail.read() for event in _read_event(each)],
            )
        finally:
            follower.close()
            if tail is not None:
                tail.close()

    def _find_verdicts(self, standing: Standing) -> dict[int, tuple[State, str]]:
        if self.configuration.events is None:
            return _guess_verdicts(standing.tally)
        states = {str(state) for state in State}
        told = [each for each in self.read_events() if each["kind"] in states]
        return {each["position"]: (State(each["kind"]), str(each.get("reason", ""))) for each in told}

    def read_events(self) -> Iterator[dict[str, Any]]:
        """Read what every instance told of models, in the order of the topic; nothing without one."""
        if self.configuration.events is not None:
            for message in read_messages(self.connection, self.configuration.events.topic):
                yield from _read_event(message)

    def read_last_events(self, most: int, instance: str) -> list[dict[str, Any]]:
        """Read the last events that one instance told, oldest first; none without a topic of events."""
        if self.configuration.events is None or most < 1:
            return []
        found = read_last_messages(self.connection, self.configuration.events.topic, most)
        told = [event for message in reversed(found) for event in _read_event(message)]
        return [each for each in told if each["instance"] == instance]

    def read_letters(self) -> Iterator[DeadLetter]:
        """Read all dead letters."""
        for message in read_messages(self.connection, self.configuration.dead_letters.topic):
            yield read_letter(message)

    def read_last_letters(self, most: int) -> list[DeadLetter]:
        """Read the last dead letters, newest first."""
        return [
            read_letter(each)
            for each in read_last_messages(self.connection, self.configuration.dead_letters.topic, most)
        ]


def open_group(configuration: KafkaConfiguration, directory: Path) -> GroupTopics:
    """Open the way to a group's topics. Raises ``ConfigurationError``."""
    return GroupTopics(configuration, open_connection(configuration, directory))


def _read_event(message: Message) -> Iterator[dict[str, Any]]:
    """Read an event with the instance that told it; what is none is left out."""
    try:
        told = msgspec.json.decode(message.value() or b"", type=dict[str, Any])
    except msgspec.MsgspecError:
        return
    headers: Mapping[str, Any] = dict(message.headers() or ())
    if {"at", "kind", "position"} <= told.keys():
        yield {**told, "instance": (headers.get("instance") or b"").decode("utf-8", "replace")}


def read_letter(message: Message) -> DeadLetter:
    """Read a message of the topic of dead letters. Raises ``SourceError`` for one that holds none."""
    try:
        return decode_dead_letter(message.value() or b"")
    except RecordError as error:
        place = f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
        raise SourceError(f"{place}: {error}") from error


def _strip(message: ModelMessage) -> ModelMessage:
    """Leave the bytes of a model out, and name them by digest."""
    command = message.command
    if not isinstance(command, Publish) or command.descriptor.content is None:
        return message
    descriptor = replace(command.descriptor, content=None, digest=digest_of(command.descriptor.content))
    return replace(message, command=Publish(descriptor))


def _judge(version: VersionView, state: State, reason: str) -> VersionView:
    return msgspec.structs.replace(version, state=state, reason=reason)


def _guess_verdicts(tally: Tally) -> dict[int, tuple[State, str]]:
    """Take what has scored last in its slot to serve, and all else that has scored to be retired."""
    last: dict[SlotKey, tuple[int, int]] = {}
    for (slot, position), account in tally.accounts.items():
        last[slot] = max(last.get(slot, (0, 0)), (account.statistics.until or 0, position))
    serving = {position for _, position in last.values()}
    return {
        position: (State.SERVING if position in serving else State.RETIRED, "")
        for (_, position), account in tally.accounts.items()
        if account.statistics.records
    }
