"""What of a configuration needs looking at other files: what would run, and every problem, not only the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.app.inlets import Stream, build_stream
from headrace.app.inspection import Observed, find_observed
from headrace.app.monitoring import build_access
from headrace.app.outlets import build_dead_letters, build_results
from headrace.app.premises import check_directory, check_outlet
from headrace.app.reading import suggest
from headrace.app.roster import check_roster
from headrace.app.settings import build_settings, list_data_types, read_slot
from headrace.catalog import load_target
from headrace.core.settings import OrderedBy
from headrace.errors import ConfigurationError, HeadraceError
from headrace.records import SwitchMode

if TYPE_CHECKING:
    from headrace.abc.sink import Sink
    from headrace.app.configuration import Configuration
    from headrace.core.settings import JoinSettings


@dataclass(slots=True)
class Survey:
    """What looking found. ``plan`` is what would run, as JSON values; ``notes`` are what a person may want to know."""

    problems: list[HeadraceError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)

    def require(self, file: Path) -> None:
        """Raise the first problem of a configuration file, with the messages of all; do nothing where there is none."""
        if len(self.problems) > 1:
            told = "\n".join(f"- {problem}" for problem in self.problems)
            raise type(self.problems[0])(f"{file}: {len(self.problems)} problems:\n{told}")
        for problem in self.problems:
            raise type(problem)(f"{file}: {problem}") from problem

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Note what goes wrong with one part, and go on with the next."""
        try:
            yield
        except HeadraceError as error:
            self.problems.append(type(error)(f"{name}: {error}"))


def survey(configuration: Configuration) -> Survey:
    """Look at everything that a run would need, without leaving anything open or written."""
    found = Survey()
    with ExitStack() as opened:
        streams = [stream for stream in _open_streams(configuration, found, opened) if stream is not None]
    whole = len(streams) == len(configuration.streams)
    _check_times(configuration, found)
    if whole:
        _check_slots(configuration, streams, found)
    _check_parts(configuration, found)
    observed = _check_state(configuration, streams, found)
    _check_outlets(configuration, found, first=observed is None)
    if configuration.monitor is not None:
        with found.part("monitor"):
            build_access(configuration.monitor)
    settings = build_settings(configuration, streams)
    found.plan = _describe(configuration, streams, settings, observed)
    return found


def _open_streams(configuration: Configuration, found: Survey, opened: ExitStack) -> Iterator[Stream | None]:
    for section in configuration.streams:
        stream = None
        with found.part(f"records {section.stream!r}"):
            stream = build_stream(section)
            opened.callback(stream.files.close)
        yield stream


def _check_times(configuration: Configuration, found: Survey) -> None:
    """Check that records have a time where models switch by it."""
    by_time = []
    modes = {"switch.mode": configuration.switch.mode} | {
        f'slots."{name}".mode': section.mode for name, section in configuration.slots.items() if section.mode
    }
    for key, mode in modes.items():
        if mode is SwitchMode.EVENT_TIME:
            by_time.append(f"{key} is event-time")
        elif mode is SwitchMode.ORDERED and configuration.switch.ordered_by is OrderedBy.TIMESTAMP:
            by_time.append(f"{key} is ordered, by timestamp")
    for section in configuration.streams if by_time else ():
        if not section.time:
            hint = ', or set switch.ordered_by = "arrival"' if "ordered" in by_time[0] else ""
            message = f"its records have no time, and {by_time[0]}: name the field of their time{hint}"
            found.problems.append(ConfigurationError(f"records {section.stream!r}: {message}"))


def _check_slots(configuration: Configuration, streams: Sequence[Stream], found: Survey) -> None:
    """Check that the data types of declared slots are some that records can be of."""
    if not all(list_data_types(stream) for stream in streams):
        return
    known = sorted({data_type for stream in streams for data_type in list_data_types(stream)})
    for name in configuration.slots:
        data_type = read_slot(name).data_type
        if data_type not in known:
            hint = suggest(data_type, known) or ";"
            message = f'slots."{name}": no records are of data type {data_type!r}{hint} there are: {", ".join(known)}'
            found.problems.append(ConfigurationError(message))


def _check_parts(configuration: Configuration, found: Survey) -> None:
    for name, target in configuration.loading.formats.items():
        with found.part(f"loading.formats.{name}"):
            load_target(target)
    log = configuration.models.log
    if log.exists() and not log.is_dir():
        message = f"models.log: {log} is not a directory: name the directory that publishers append to"
        found.problems.append(ConfigurationError(message))
    elif not log.exists():
        found.notes.append(f"the model log {log} is not there yet: the first publication makes it")


def _check_outlets(configuration: Configuration, found: Survey, *, first: bool) -> None:
    outlets: dict[str, Callable[[], Sink[Any]]] = {
        "results": lambda: build_results(configuration.results),
        "dead_letters": lambda: build_dead_letters(configuration.dead_letters),
    }
    for name, build in outlets.items():
        with found.part(name):
            if not build().exactly_once:
                found.notes.append(f"{name} cannot be taken back after a crash: some may be there twice")
            check_outlet(getattr(configuration, name), first=first)


def _check_state(configuration: Configuration, streams: Sequence[Stream], found: Survey) -> Observed | None:
    if configuration.state is None:
        found.notes.append("there is no [state]: nothing outlives the process, and a restart begins anew")
        return None
    directory = configuration.state.directory
    observed = None
    with found.part("state"):
        check_directory(directory)
        observed = find_observed(directory)
    for stream in () if observed is None else streams:
        with found.part(f"records {stream.section.stream!r}"):
            check_roster(directory, stream)
    return observed


def _describe(
    configuration: Configuration, streams: Sequence[Stream], settings: JoinSettings, observed: Observed | None
) -> dict[str, Any]:
    switch, state = configuration.switch, configuration.state
    return {
        "engine": configuration.engine.name,
        "records": [_describe_stream(stream) for stream in streams],
        "models": {"log": str(configuration.models.log), "follow": configuration.models.follow},
        "switch": {"mode": str(switch.mode), "no_model": str(switch.no_model), "ordered_by": str(switch.ordered_by)},
        "slots": [
            {
                "slot": str(slot),
                "mode": str(each.switch or switch.mode),
                "no_model": str(each.no_model or switch.no_model),
            }
            for slot, each in settings.slots.items()
        ],
        "results": {"path": str(configuration.results.path), "format": configuration.results.format},
        "dead_letters": {"path": str(configuration.dead_letters.path), "format": configuration.dead_letters.format},
        "state": None if state is None else str(state.directory),
        "restores": None if observed is None else observed.committed_at,
    }


def _describe_stream(stream: Stream) -> dict[str, Any]:
    data_types = list_data_types(stream)
    schemas = {data_type: stream.codec.schema(data_type) for data_type in data_types}
    return {
        "name": stream.section.stream,
        "format": stream.section.format,
        "files": [str(path) for path in stream.files.files],
        "data_types": list(data_types),
        "fields": {
            data_type: {field.name: str(field.type) for field in schema}
            for data_type, schema in schemas.items()
            if schema is not None
        },
    }
