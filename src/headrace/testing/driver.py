"""Runs a scenario on joins, in an order of events drawn at random, with deferrals, crashes and moved partitions.

A ``Node`` is one instance: a join, its place in the model stream, what its loader is at, and what it has put out. What
it puts out after its last commit is lost with a crash, as an engine's uncommitted output is. Every node reads the whole
model stream; each partition belongs to one node at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from headrace.core.join import Join
from headrace.core.models import LoadCost
from headrace.core.snapshot import decode_snapshot, encode_snapshot, restore_snapshot, take_snapshot
from headrace.core.states import State
from headrace.core.timeline import END
from headrace.testing.oracle import Fate, Place
from headrace.testing.scenario import SOURCE, Scenario, digest_of, index_of, offset_of
from headrace.testing.toymodels import Recipe, ToyModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from headrace.core.events import Event
    from headrace.core.join import Outcome
    from headrace.records import DeadLetters, ModelVersion, Results, SlotKey

    CandidateId = tuple[SlotKey, int]

_STAGES = (State.VERIFYING, State.WARMING)
_PACES = (1, 1, 2, 5)
STUCK = 1_000
"""So many rounds without an end are a join that starves somebody."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one ``advance`` put out: rows that left, by partition (first, after the last), fates and skips."""

    left: dict[int, tuple[int, int]]
    fates: tuple[tuple[Place, Fate, int], ...]
    skipped: dict[SlotKey, int]


@dataclass(slots=True)
class Load:
    """A candidate in the loader, and how far it has come."""

    candidate: CandidateId
    stage: int = 0


@dataclass(slots=True)
class Node:
    """One instance."""

    join: Join
    owned: set[int]
    next_message: int = 0
    loads: dict[CandidateId, Load] = field(default_factory=dict)
    offered: dict[int, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    models: list[ToyModel] = field(default_factory=list)
    saved: bytes | None = None
    kept: int = 0
    lives: list[list[Event]] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """A scenario on ``nodes`` instances. ``arrived`` notes what an oracle of ``ordered`` by arrival has to know."""

    scenario: Scenario
    random: Random
    nodes: list[Node] = field(default_factory=list)
    arrived: dict[Place, int] = field(default_factory=dict)
    misuses: list[str] = field(default_factory=list)
    cold: bool = False
    _ticks: Iterator[int] = field(default_factory=lambda: count(1))

    def start(self, instances: int, *, cold: bool = False) -> Run:
        """Make the instances, with the partitions spread over them.

        ``cold``: each loads the newest candidate of a slot alone until records come. Which one fits then depends on the
        start, so that instances agree only where all models have the same outputs.
        """
        self.cold = cold
        partitions = range(len(self.scenario.partitions))
        for number in range(instances):
            self.nodes.append(self._begin({each for each in partitions if each % instances == number}))
        return self

    def _begin(self, owned: set[int]) -> Node:
        join = Join(self.scenario.settings, lambda: 1_000 + next(self._ticks), lambda: 100 * next(self._ticks))
        join.models.cold = self.cold
        node = Node(join, owned)
        for partition in owned:
            node.join.assign((SOURCE, partition))
        node.offered = dict.fromkeys(owned, 0)
        return node

    def deliver(self, node: Node) -> None:
        """Let the next message of the model stream arrive."""
        node.join.models.receive(self.scenario.messages[node.next_message])
        node.next_message += 1

    def read_up_to(self, node: Node) -> None:
        """Tell the join all that can be promised about the messages to come."""
        coming = self.scenario.messages[node.next_message :]
        sent = self.scenario.messages[: node.next_message]
        appended = max((each.appended_at for each in sent), default=0)
        node.join.models.read_up_to(max(appended, coming[0].appended_at) - 1 if coming else END)

    def request(self, node: Node) -> None:
        """Hand over to the loader what the join wants loaded."""
        for wish in node.join.models.load_requests():
            identity = (wish.slot, wish.position)
            if identity in node.loads:
                self.misuses.append(f"{identity} was handed to the loader twice")
            node.loads[identity] = Load(identity)

    def load(self, node: Node, load: Load) -> None:
        """Take one load a stage further, the last of which is the verdict."""
        slot, position = load.candidate
        models = node.join.models
        descriptor = models.candidate(slot, position).descriptor
        judged = self.scenario.judge(descriptor)
        if load.stage < len(_STAGES) and isinstance(judged, Recipe):
            models.progress(slot, position, _STAGES[load.stage])
            load.stage += 1
            return
        del node.loads[load.candidate]
        if isinstance(judged, Recipe):
            model = ToyModel(judged, self.misuses)
            node.models.append(model)
            digest = digest_of(self.scenario.fetch(descriptor))
            models.accept(slot, position, model, digest, LoadCost(1, 2, 3, 4))
        else:
            models.reject(slot, position, judged)

    def defer(self, node: Node, load: Load) -> None:
        """Let a limit cut a load short."""
        del node.loads[load.candidate]
        node.join.models.defer(*load.candidate, "out of memory")

    def offer(self, node: Node, partition: int, rows: int) -> None:
        """Let records arrive."""
        start = node.offered[partition]
        batch = self.scenario.read(partition, start, rows)
        for index in range(start, start + len(batch)):
            self.arrived[partition, index] = node.join.models.position
        node.offered[partition] = start + len(batch)
        node.join.offer(batch)
        if self.exhausted(node, partition):
            node.join.finish((SOURCE, partition))

    def exhausted(self, node: Node, partition: int) -> bool:
        """Tell whether all records of a partition have been offered."""
        return node.offered[partition] == len(self.scenario.partitions[partition])

    def done(self, node: Node, partition: int) -> int:
        """Give the place of the first record that has not left."""
        return index_of(node.join.partitions[SOURCE, partition].done) + 1 if self._begun(node, partition) else 0

    def _begun(self, node: Node, partition: int) -> bool:
        return node.join.partitions[SOURCE, partition].done >= offset_of(0)

    def advance(self, node: Node) -> bool:
        """Score what can be scored, note what came out, close what is to be closed; tell whether anything left."""
        before = {partition: self.done(node, partition) for partition in node.owned}
        outcome = node.join.advance()
        self.watch(node)
        if outcome:
            left = {each: (first, self.done(node, each)) for each, first in before.items()}
            node.steps.append(Step(left, tuple(_fates(outcome)), dict(outcome.skipped)))
        for model in node.join.take_closing():
            model.close()
        return bool(outcome)

    def watch(self, node: Node) -> None:
        """Take the events."""
        node.events += node.join.models.events()

    def commit(self, node: Node) -> None:
        """Make durable what is out."""
        self.watch(node)
        node.saved = encode_snapshot(take_snapshot(node.join))
        node.kept = len(node.steps)

    def crash(self, node: Node) -> None:
        """Lose what is not durable, and start again from what is."""
        self.watch(node)
        fresh = self._begin(node.owned)
        if node.saved is not None:
            restore_snapshot(fresh.join, decode_snapshot(node.saved))
        read = [each for each in self.scenario.messages if each.position <= fresh.join.models.position]
        node.next_message = len(read)
        node.join, node.loads = fresh.join, {}
        for partition in node.owned:
            node.join.assign((SOURCE, partition))
            node.offered[partition] = self.done(node, partition)
        del node.steps[node.kept :]
        node.lives.append(node.events)
        node.events, node.models = [], []

    def move(self, node: Node, partition: int, to: Node) -> None:
        """Give a partition to another instance, with what was committed of it."""
        node.owned.remove(partition)
        to.owned.add(partition)
        to.join.assign((SOURCE, partition), node.join.release((SOURCE, partition)))
        del node.offered[partition]
        to.offered[partition] = self.done(to, partition)
        self.commit(node)
        self.commit(to)

    def wander(self, steps: int, *, crashes: bool = False, moves: bool = False) -> Run:
        """Let so many things happen at each instance; how often each kind happens is drawn first."""
        kinds: dict[str, Callable[[Node], object]] = {
            "deliver": self._deliver_next,
            "read": self.read_up_to,
            "request": self.request,
            "load": self._load_some,
            "offer": self._offer_some,
            "advance": self.advance,
            "defer": self._defer_some,
            "retry": lambda node: node.join.models.retry_deferred(),
            "commit": self.commit,
            **({"crash": self.crash} if crashes else {}),
            **({"move": self._move_some} if moves else {}),
        }
        often = [self.random.choice(_PACES) for _ in kinds]
        for _ in range(steps * len(self.nodes)):
            node = self.random.choice(self.nodes)
            (happens,) = self.random.choices(list(kinds.values()), often)
            happens(node)
            self.watch(node)
        return self

    def _deliver_next(self, node: Node) -> None:
        if node.next_message < len(self.scenario.messages):
            self.deliver(node)

    def _load_some(self, node: Node) -> None:
        self.request(node)
        if node.loads:
            load = self.random.choice(list(node.loads.values()))
            self.load(node, load)
            while self.random.randrange(2) and load.candidate in node.loads:
                self.load(node, load)

    def _defer_some(self, node: Node) -> None:
        if node.loads:
            self.defer(node, self.random.choice(list(node.loads.values())))

    def _offer_some(self, node: Node) -> None:
        wanted = [each for each in sorted(node.owned) if node.join.wants((SOURCE, each))]
        if wanted:
            partition = self.random.choice(wanted)
            if not self.exhausted(node, partition):
                self.offer(node, partition, self.random.choice((1, 2, 3, 5, 9)))

    def _move_some(self, node: Node) -> None:
        to = self.random.choice(self.nodes)
        if to is not node and node.owned:
            self.move(node, self.random.choice(sorted(node.owned)), to)

    def drain(self) -> Run:
        """Let everything arrive that is still to come, and all that can leave."""
        for node in self.nodes:
            for _ in range(STUCK):
                if not self._drain_once(node):
                    break
            else:
                self.misuses.append(f"not drained after {STUCK} rounds")
        return self

    def _drain_once(self, node: Node) -> bool:
        moved = False
        if node.next_message < len(self.scenario.messages):
            self.deliver(node)
            moved = True
        self.read_up_to(node)
        node.join.models.retry_deferred()
        self.request(node)
        for load in list(node.loads.values()):
            self.load(node, load)
            moved = True
        for partition in sorted(node.owned):
            if not self.exhausted(node, partition) and node.join.wants((SOURCE, partition)):
                self.offer(node, partition, 3)
                moved = True
            elif self.exhausted(node, partition):
                node.join.finish((SOURCE, partition))
        moved |= self.advance(node)
        self.watch(node)
        return moved


def _fates(outcome: Outcome) -> Iterator[tuple[Place, Fate, int]]:
    for results in outcome.results:
        yield from read_results(results)
    for letters in outcome.dead_letters:
        yield from read_letters(letters)


def read_results(results: Results) -> Iterator[tuple[Place, Fate, int]]:
    """Give each result as a record, its fate and its ``score_ns``, in the order in which they leave."""
    raw = results.batch.raw
    name = results.outputs.schema.names[0]
    for place, row in enumerate(results.rows.tolist()):
        version = results.versions[int(results.version_of[place])]
        output = (name, results.outputs.column(0)[place].as_py())
        fate = Fate("scored", results.slot, "", _name(version), output)
        yield (raw.partition, index_of(int(raw.offsets[row]))), fate, int(results.score_ns[place])


def read_letters(letters: DeadLetters) -> Iterator[tuple[Place, Fate, int]]:
    """Give each dead letter as a record and its fate."""
    raw = letters.batch.raw
    version = None if letters.version is None else _name(letters.version)
    for failure in letters.failures:
        place = (raw.partition, index_of(int(raw.offsets[failure.row])))
        yield place, Fate("dead", letters.slot, failure.code, version), 0


def _name(version: ModelVersion) -> tuple[str, str, str, int]:
    return version.name, version.version, version.digest, version.position
