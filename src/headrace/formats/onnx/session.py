"""Sessions of onnxruntime: how they are made, and what its errors mean here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

import onnxruntime as ort

from headrace.errors import ConfigurationError, HeadraceError, LimitError, ModelFormatError, UnsupportedError

_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ")
_PLACE = re.compile(r"Load model from \S+ failed:|/\S+\.(?:cc|h):\d+ [^()]*\([^()]*\)(?: const)? ?")
_OF_MEMORY = re.compile(r"bad.?alloc|failed to allocate|out of memory|cannot allocate", re.IGNORECASE)
_NOT_SUPPORTED = re.compile(
    r"NOT_IMPLEMENTED|unsupported model IR version|is not a registered function/op|under development|"
    r"could not find an implementation|unrecognized attribute|no op registered|not currently registered",
    re.IGNORECASE,
)
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How sessions run. One thread each by default: the engine decides what runs beside what."""

    intra_op_threads: int = 1
    inter_op_threads: int = 1
    providers: tuple[str, ...] = ("CPUExecutionProvider",)

    def __post_init__(self) -> None:
        """Refuse providers that this onnxruntime does not have. Raises ``ConfigurationError``."""
        there = ort.get_available_providers()
        unknown = [name for name in self.providers if name not in there]
        if unknown:
            raise ConfigurationError(f"onnxruntime has no provider {', '.join(unknown)}; it has {', '.join(there)}")


def open_session(content: memoryview, settings: SessionSettings) -> Any:
    """Make a session from bytes. Raises ``ModelFormatError``, ``UnsupportedError`` or ``LimitError``."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.intra_op_threads
    options.inter_op_num_threads = settings.inter_op_threads
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    handle = _write_file(content)
    source = content.tobytes() if handle is None else f"/proc/self/fd/{handle}"
    try:
        return ort.InferenceSession(source, options, providers=list(settings.providers))
    except Exception as error:
        raise explain(error) from error
    finally:
        if handle is not None:
            os.close(handle)


def _write_file(content: memoryview) -> int | None:
    """Write a model to a file in memory: onnxruntime lets other threads run while it reads a file, not bytes.

    Returns its descriptor, or None where the system or a limit refuses.
    """
    try:
        handle = os.memfd_create("model.onnx", os.MFD_CLOEXEC)
    except (AttributeError, OSError):
        return None
    try:
        done = 0
        while done < len(content):
            done += os.write(handle, content[done:])
    except OSError:
        os.close(handle)
        return None
    return handle


def explain(error: Exception) -> HeadraceError:
    """Turn an error of onnxruntime at load into one of ours."""
    text = str(error)
    if isinstance(error, MemoryError) or _OF_MEMORY.search(text):
        return LimitError(f"onnxruntime lacks the memory for the model: {shorten(text)}")
    if _NOT_SUPPORTED.search(text):
        return UnsupportedError(f"onnxruntime {ort.__version__} does not support the model: {shorten(text)}")
    return ModelFormatError(f"not a sound ONNX model: {shorten(text)}")


def shorten(text: str) -> str:
    """Leave out of a message of onnxruntime what is about its own code."""
    line = " ".join(_PLACE.sub("", _PREFIX.sub("", text)).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
