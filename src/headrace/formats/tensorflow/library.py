"""TensorFlow's C library, as the wheel of ``tensorflow`` brings it: called through ctypes, without its Python package.

1. Importing ``tensorflow`` takes many seconds of the interpreter, which in the serving process are taken from
   records; the library alone is there in one or two, and the interpreter is let go meanwhile.
2. The C interface (tensorflow/c/c_api.h) is the one that TensorFlow promises to keep.
3. What may take long (``slow``) lets other threads run; what is short (``quick``) does not, since to get the
   interpreter back from a busy thread can take milliseconds.
"""

from __future__ import annotations

import ctypes as ct
import functools
import importlib.util
import os
from pathlib import Path
from typing import Any

from headrace.errors import ConfigurationError, HeadraceError, LimitError, MissingExtraError, ModelFormatError

_NAMES = ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")
_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # what it would say, its errors say
    "TF_ENABLE_ONEDNN_OPTS": "0",  # sums in another order on each kind of processor, and writes to stderr that it does
}
_RTLD_NOW = 2
_RESOURCE_EXHAUSTED, _OUT_OF_MEMORY = 8, ("OOM", "out of memory", "bad_alloc", "Cannot allocate")
_LONGEST = 400


class Output(ct.Structure):
    """``TF_Output``: an operation and the number of one of its outputs."""

    _fields_ = (("operation", ct.c_void_p), ("index", ct.c_int))


class Buffer(ct.Structure):
    """``TF_Buffer``."""

    _fields_ = (("data", ct.c_void_p), ("length", ct.c_size_t), ("deallocator", ct.c_void_p))


class TensorflowError(Exception):
    """A call of the library failed; ``code`` is TensorFlow's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(shorten(message))
        self.code = code

    @property
    def is_of_memory(self) -> bool:
        """Whether memory was what lacked."""
        return self.code == _RESOURCE_EXHAUSTED or any(sign in str(self) for sign in _OUT_OF_MEMORY)


class Library:
    """The functions that are used here, with their types."""

    def __init__(self, directory: Path) -> None:
        handles = [_open(directory / name) for name in _NAMES]
        self.slow = ct.CDLL(str(directory / _NAMES[1]), handle=handles[1])
        self.quick = ct.PyDLL(str(directory / _NAMES[1]), handle=handles[1])
        _declare(self.slow, _SLOW)
        _declare(self.quick, _QUICK)
        self.version = str(self.quick.TF_Version().decode())
        self.status = self.quick.TF_NewStatus

    def check(self, status: int) -> None:
        """Raise ``TensorflowError`` for a status that is not OK, and free the status."""
        code = self.quick.TF_GetCode(status)
        message = "" if code == 0 else self.quick.TF_Message(status).decode(errors="replace")
        self.quick.TF_DeleteStatus(status)
        if code:
            raise TensorflowError(code, message)


@functools.cache
def load_library() -> Library:
    """Load the library once. Raises ``MissingExtraError`` and ``ConfigurationError``."""
    found = importlib.util.find_spec("tensorflow")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(
            "TensorFlow models need the package 'tensorflow', which is not installed: "
            "pip install 'headrace[tensorflow]'"
        )
    quieten()
    try:
        return Library(Path(next(iter(found.submodule_search_locations))))
    except (OSError, AttributeError) as error:
        raise ConfigurationError(
            f"the TensorFlow that is installed cannot be used ({error}): pip install --upgrade 'headrace[tensorflow]'"
        ) from error


def quieten() -> None:
    """Set the environment that TensorFlow reads as it is loaded, where it is not set."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def explain(error: TensorflowError, what: str) -> HeadraceError:
    """Turn an error at load into one of ours; ``what`` is the kind of model."""
    if error.is_of_memory:
        return LimitError(f"TensorFlow lacks the memory for the model: {error}")
    return ModelFormatError(f"not a sound {what}: {error}")


def shorten(text: str) -> str:
    """Put a message of TensorFlow on one line of some length."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _open(path: Path) -> int:
    """Open a shared library by a foreign call: ctypes' own way holds the interpreter for seconds."""
    system = ct.CDLL(None)
    system.dlopen.restype, system.dlopen.argtypes = ct.c_void_p, [ct.c_char_p, ct.c_int]
    system.dlerror.restype = ct.c_char_p
    handle: int | None = system.dlopen(os.fsencode(path), _RTLD_NOW)
    if handle is None:
        raise OSError((system.dlerror() or b"").decode(errors="replace") or f"{path} cannot be opened")
    return handle


def _declare(library: Any, functions: dict[str, tuple[Any, tuple[Any, ...]]]) -> None:
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


_P, _S, _I, _Z = ct.c_void_p, ct.c_char_p, ct.c_int, ct.c_size_t
_SLOW: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "TF_GraphImportGraphDef": (None, (_P, _P, _P, _P)),
    "TF_NewSession": (_P, (_P, _P, _P)),
    "TF_LoadSessionFromSavedModel": (_P, (_P, _P, _S, ct.POINTER(_S), _I, _P, _P, _P)),
    "TF_SessionRun": (
        None,
        (_P, _P, ct.POINTER(Output), ct.POINTER(_P), _I, ct.POINTER(Output), ct.POINTER(_P), _I, _P, _I, _P, _P),
    ),
    "TF_CloseSession": (None, (_P, _P)),
    "TF_DeleteSession": (None, (_P, _P)),
    "TF_DeleteGraph": (None, (_P,)),
    "TF_NewBufferFromString": (ct.POINTER(Buffer), (_P, _Z)),
    "TF_AppendWritableFile": (None, (_P, _P, _Z, _P)),
    "TF_DeleteRecursively": (None, (_S, ct.POINTER(ct.c_int64), ct.POINTER(ct.c_int64), _P)),
}
_QUICK: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "TF_Version": (_S, ()),
    "TF_NewStatus": (_P, ()),
    "TF_DeleteStatus": (None, (_P,)),
    "TF_GetCode": (_I, (_P,)),
    "TF_Message": (_S, (_P,)),
    "TF_NewGraph": (_P, ()),
    "TF_DeleteBuffer": (None, (ct.POINTER(Buffer),)),
    "TF_GetAllOpList": (ct.POINTER(Buffer), ()),
    "TF_NewImportGraphDefOptions": (_P, ()),
    "TF_DeleteImportGraphDefOptions": (None, (_P,)),
    "TF_NewSessionOptions": (_P, ()),
    "TF_SetConfig": (None, (_P, _S, _Z, _P)),
    "TF_DeleteSessionOptions": (None, (_P,)),
    "TF_GraphOperationByName": (_P, (_P, _S)),
    "TF_OperationNumOutputs": (_I, (_P,)),
    "TF_OperationOutputType": (_I, (Output,)),
    "TF_GraphGetTensorNumDims": (_I, (_P, Output, _P)),
    "TF_GraphGetTensorShape": (None, (_P, Output, ct.POINTER(ct.c_int64), _I, _P)),
    "TF_AllocateTensor": (_P, (_I, ct.POINTER(ct.c_int64), _I, _Z)),
    "TF_DeleteTensor": (None, (_P,)),
    "TF_TensorType": (_I, (_P,)),
    "TF_NumDims": (_I, (_P,)),
    "TF_Dim": (ct.c_int64, (_P, _I)),
    "TF_TensorByteSize": (_Z, (_P,)),
    "TF_TensorData": (_P, (_P,)),
    "TF_CreateDir": (None, (_S, _P)),
    "TF_NewWritableFile": (None, (_S, ct.POINTER(_P), _P)),
    "TF_CloseWritableFile": (None, (_P, _P)),
}
