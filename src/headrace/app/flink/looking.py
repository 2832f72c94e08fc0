"""What all tasks of a job have done, as of its newest checkpoint: asked from outside, while it runs or after."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from headrace.app.flink.checkpoints import read_newest
from headrace.app.inspection import restore_join
from headrace.core.memory import Memory
from headrace.core.settings import JoinSettings
from headrace.monitor.view import View, merge_views, take_view

if TYPE_CHECKING:
    from headrace.app.flink.configuration import FlinkConfiguration


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of the job that a configuration describes; ``checkpoints`` is a folder's address."""

    checkpoints: str

    def read_view(self) -> View:
        """Add up what the tasks' keys, or lanes, have done. Raises ``StateError`` where there is no checkpoint."""
        made, snapshots = read_newest(self.checkpoints)
        settings = JoinSettings(retain=sys.maxsize)
        views = [take_view(restore_join(each, settings), Memory()) for each in snapshots]
        return msgspec.structs.replace(merge_views(views), at=made) if views else View(at=made, position=-1)


def open_job(configuration: FlinkConfiguration, directory: Path) -> JobState:
    """Find the state of a configuration's job; relative names are within ``directory``."""
    return JobState(place_checkpoints(configuration.engine.checkpoints, directory))


def place_checkpoints(checkpoints: str, directory: Path) -> str:
    """Give the address of the folder of checkpoints."""
    return checkpoints if "://" in checkpoints else (directory / checkpoints).absolute().as_uri()
