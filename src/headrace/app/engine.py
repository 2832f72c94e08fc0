"""A configuration to an engine that is ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from headrace.app.inlets import Stream, build_stream
from headrace.app.journal import Journal
from headrace.app.outlets import build_dead_letters, build_results
from headrace.app.roster import check_roster, write_roster
from headrace.app.settings import build_settings
from headrace.app.supply import build_contents, build_loader, build_model_log
from headrace.engines.embedded.engine import EmbeddedEngine
from headrace.engines.embedded.parts import Parts
from headrace.machinery.parts import Cadence
from headrace.stores.state import StateDirectory

if TYPE_CHECKING:
    from headrace.abc.observer import Observer
    from headrace.app.configuration import Configuration, RecordsSection


def build_engine(configuration: Configuration, observers: Sequence[Observer] = ()) -> EmbeddedEngine:
    """Build an engine; running it closes what is opened here. Give it a thread that runs nothing else.

    Raises ``ConfigurationError``, ``MissingExtraError``, ``SourceError`` where files are not there or not those of the
    state, and ``StateError`` where another engine holds the state directory.
    """
    with ExitStack() as opened:
        streams = [_open(section, opened) for section in configuration.streams]
        settings = build_settings(configuration, streams)
        state = None if configuration.state is None else StateDirectory(configuration.state.directory)
        journal: list[Observer] = []
        if state is not None:
            opened.callback(state.close)
            for stream in streams:
                check_roster(state.path, stream)
            write_roster(state.path, streams)
            journal = [Journal(state)]
        loader = build_loader(configuration, settings)
        opened.callback(loader.close)
        parts = Parts(
            inlets=[stream.inlet for stream in streams],
            models=build_model_log(configuration),
            loader=loader,
            contents=build_contents(configuration, state),
            results=build_results(configuration.results),
            dead_letters=build_dead_letters(configuration.dead_letters),
            state=state,
            observers=[*journal, *observers],
        )
        engine = EmbeddedEngine(settings, parts, build_cadence(configuration))
        opened.pop_all()
        return engine


def build_cadence(configuration: Configuration) -> Cadence:
    """Give how much an engine takes at once, and how often it does what."""
    section = configuration.engine
    return Cadence(section.batch_records, section.commit_seconds, section.poll_seconds, section.retry_seconds)


def _open(section: RecordsSection, opened: ExitStack) -> Stream:
    stream = build_stream(section)
    opened.callback(stream.files.close)
    return stream
