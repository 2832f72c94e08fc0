"""Headrace in a person's own program: load a model, or serve a stream of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.core.settings import JoinSettings
from headrace.engines.embedded.serving import Serving
from headrace.errors import ConfigurationError
from headrace.loading import LoadOptions, find_format, open_loader
from headrace.records import SwitchMode
from headrace.stores.contents import DirectoryContents, LayeredContents, MemoryContents
from headrace.transports.model_log import ModelLog, contents_of
from headrace.wire.descriptor import decode_appended_at, decode_command

if TYPE_CHECKING:
    from headrace.abc.loader import Loader
    from headrace.abc.model import Model
    from headrace.abc.source import ModelSource


def load(model: str | Path | bytes, model_type: str = "") -> Model:
    """Load a model from a file or from bytes, in this process: a plain function for any pipeline.

    ``model_type`` names the format; "" finds it by looking. The model's own verification is run. For bytes that you do
    not trust, publish them to a stream instead: there they are checked in a child process under limits.

    Raises ``ModelError`` and its kin, and ``ConfigurationError`` where there is no such file.
    """
    content = model if isinstance(model, bytes) else _read(Path(model))
    found = find_format(content, model_type, LoadOptions())
    prepared = found.prepare(content)
    loaded = found.assemble(prepared)
    found.verify(loaded, prepared)
    return loaded


def serve(
    models: str | Path,
    data_type: str,
    *,
    settings: JoinSettings | None = None,
    options: LoadOptions | None = None,
    wait: float = 60.0,
) -> Serving:
    """Serve the models of a log directory (what ``headrace publish --log`` appends to) in your own loop.

    Returns when what was published so far has a verdict, or after ``wait`` seconds. Raises ``ConfigurationError`` for a
    switch mode other than ``ready``.
    """
    chosen = settings or JoinSettings()
    if chosen.switch is not SwitchMode.READY:
        message = f"a loop of your own switches by 'ready', not {chosen.switch.value!r}: run an engine for that"
        raise ConfigurationError(message)
    log = Path(models)
    supply = _Supply(
        ModelLog(log, decode_command, decode_appended_at),
        open_loader(options or LoadOptions()),
        LayeredContents(MemoryContents(), (DirectoryContents(contents_of(log)),)),
    )
    serving = Serving(chosen, supply, data_type)
    serving.wait_ready(wait)
    return serving


@dataclass(frozen=True, slots=True)
class _Supply:
    models: ModelSource
    loader: Loader
    contents: LayeredContents


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the model {path} cannot be read: {error.strerror}"
        raise ConfigurationError(message) from error
