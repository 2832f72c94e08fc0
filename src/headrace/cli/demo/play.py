"""The story: what is published when, and when the engine dies."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.app.wine import DATA_TYPE, WineModel, read_models
from headrace.cli.demo.progress import LineReader, Progress
from headrace.errors import HeadraceError
from headrace.stores.contents import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.cli.demo.stage import Stage
    from headrace.cli.demo.view import View

LOOK = 0.1
PATIENCE = 60.0


@dataclass(slots=True)
class Told:
    """What the demo did: the engine's runs, and what each command answered."""

    kills: int = 0
    exits: list[int] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Actor:
    """Runs the engine and the commands, as processes of their own."""

    stage: Stage
    told: Told = field(default_factory=Told)
    engine: subprocess.Popen[bytes] | None = None
    pending: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """Start the engine."""
        with self.stage.output.open("ab") as output:
            command = [sys.executable, "-m", "headrace", "run", str(self.stage.configuration)]
            self.engine = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)  # noqa: S603 our own command

    def kill(self) -> None:
        """Kill the engine with SIGKILL, in the middle of its work."""
        if self.engine is not None:
            self.engine.send_signal(signal.SIGKILL)
            self.told.exits.append(self.engine.wait())
            self.told.kills += 1

    def publish(self, model: WineModel) -> None:
        """Publish a model with its golden records."""
        mapping = [f"--map={name}={','.join(fields)}" for name, fields in model.mapping.items()]
        slot = [f"--slot={model.slot}"] if model.slot else []
        self._ask(
            "publish",
            str(model.file),
            f"--data-type={DATA_TYPE}",
            f"--name={model.name}",
            f"--version={model.version}",
            f"--golden={model.golden}",
            *slot,
            *mapping,
        )

    def roll_back(self, model: WineModel) -> None:
        """Roll back the default slot to a model that served before, named by its digest."""
        self._ask(
            "rollback", digest_of(model.file.read_bytes()), f"--data-type={DATA_TYPE}", f"--state={self.stage.state}"
        )

    def _ask(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "headrace", *arguments, f"--log={self.stage.log}", "--json"]
        self.pending.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))  # noqa: S603 our own command

    def collect(self) -> None:
        """Take in the answers of commands that have ended."""
        for process in [each for each in self.pending if each.poll() is not None]:
            self._take(process)

    def _take(self, process: subprocess.Popen[bytes]) -> None:
        output, errors = process.communicate()
        self.pending.remove(process)
        if process.returncode != 0:
            message = f"a command ended with {process.returncode}: {errors.decode().strip()}"
            raise HeadraceError(message)
        self.told.answers.append(json.loads(output))

    def finish(self) -> None:
        """Wait for everything that was started."""
        for process in list(self.pending):
            process.wait(PATIENCE)
            self._take(process)
        if self.engine is not None:
            self.told.exits.append(self.engine.wait(PATIENCE))

    def stop(self) -> None:
        """End whatever still runs."""
        for process in (*self.pending, self.engine):
            if process is not None and process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                if process.poll() is None:
                    process.kill()


@dataclass(frozen=True, slots=True)
class Step:
    """What happens when so many records (a share of all) have been scored."""

    share: float
    title: str
    act: Callable[[Actor], None]


def write_story(models: dict[str, WineModel]) -> list[Step]:
    """List the steps in their order."""

    def kill_and_restart(actor: Actor) -> None:
        actor.kill()
        actor.start()

    return [
        Step(0.10, "publish ridge.pmml to a slot of its own", lambda actor: actor.publish(models["ridge"])),
        Step(
            0.22, "publish network.onnx: the default slot is to switch", lambda actor: actor.publish(models["network"])
        ),
        Step(0.36, "publish truncated.pmml, which is corrupt", lambda actor: actor.publish(models["truncated"])),
        Step(0.46, "publish shuffled.pmml, whose golden records fail", lambda actor: actor.publish(models["shuffled"])),
        Step(0.56, "kill the engine with SIGKILL, and start it again", kill_and_restart),
        Step(0.72, "roll back to the forest", lambda actor: actor.roll_back(models["forest"])),
    ]


def play(stage: Stage, view: View) -> Told:
    """Play the story to its end. Raises ``HeadraceError`` where a command or the engine fails."""
    models = read_models()
    actor = Actor(stage)
    progress = Progress(LineReader(stage.results), LineReader(stage.state / "events.jsonl"))
    steps = write_story(models)
    with _ending(actor):
        view.step("publish forest.pmml")
        actor.publish(models["forest"])
        actor.finish()
        view.step("start the engine: it reads the model log first, then the records")
        if stage.page:
            view.step(f"watch it in a browser: {stage.page}")
        actor.start()
        while actor.engine is not None and actor.engine.poll() is None:
            view.show(progress.look(), progress)
            actor.collect()
            while steps and progress.records >= steps[0].share * stage.records:
                step = steps.pop(0)
                view.step(step.title)
                step.act(actor)
            time.sleep(LOOK)
        actor.finish()
        view.show(progress.look(), progress)
    if actor.told.exits[-1] != 0 or steps:
        message = f"the engine ended with {actor.told.exits[-1]} before its records did: see {stage.output}"
        raise HeadraceError(message)
    return actor.told


@contextlib.contextmanager
def _ending(actor: Actor) -> Iterator[None]:
    """Leave no process behind, however the story ends."""
    previous = signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        yield
    finally:
        actor.stop()
        signal.signal(signal.SIGTERM, previous)
