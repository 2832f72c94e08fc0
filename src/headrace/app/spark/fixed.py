"""What a checkpoint's first run fixes: by what its state is divided. It lies beside Spark's own files.

A later run that divides records otherwise would find no state where it looks, and skip its records without a word: it
is refused. Paths are Hadoop's, so that a checkpoint may lie wherever Spark's may.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError

from headrace.engines.spark.reasons import find_reason
from headrace.errors import ConfigurationError
from headrace.machinery.keys import Keys
from headrace.records import SlotKey

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from headrace.app.spark.configuration import SparkConfiguration
    from headrace.core.settings import JoinSettings

FILE = "headrace.json"


def require_fixed(
    session: SparkSession, checkpoint: str, configuration: SparkConfiguration, settings: JoinSettings
) -> None:
    """Compare with what the first run wrote down, and be the first where nothing has run.

    Raises ``ConfigurationError`` for what differs, and where the checkpoint cannot be read or written.
    """
    now = _describe(configuration, settings)
    try:
        known = _read(session, checkpoint)
        if known is None:
            _write(session, checkpoint, now)
            return
    except Py4JError as error:
        raise ConfigurationError(f"the checkpoint {checkpoint!r} cannot be used: {find_reason(str(error))}") from error
    differing = [
        f"{name} is {value}, and was {known.get(name)}" for name, value in now.items() if known.get(name) != value
    ]
    if differing:
        raise ConfigurationError(
            f"the state in the checkpoint {checkpoint!r} is divided otherwise than configured: {'; '.join(differing)}. "
            "Set it back, or name another checkpoint, which begins anew"
        )


def _describe(configuration: SparkConfiguration, settings: JoinSettings) -> dict[str, Any]:
    keys = Keys(settings)
    types = sorted({slot.data_type for slot in settings.slots})
    divided = [keys.of_type(name) for name in types if keys.of_type(name) != [(name, "")]]
    return {
        "engine.salts": configuration.engine.salts,
        "engine.parts": configuration.engine.parts,
        "slots": [str(SlotKey(*key)) for each in divided for key in each],
    }


def _find(session: SparkSession, *parts: str) -> tuple[Any, Any]:
    jvm, java = session._jvm, session._jsc  # noqa: SLF001 the only way to Hadoop's file systems
    assert jvm is not None
    path = jvm.org.apache.hadoop.fs.Path("/".join(parts))
    return path.getFileSystem(java.hadoopConfiguration()), path


def _read(session: SparkSession, checkpoint: str) -> dict[str, Any] | None:
    """Read what is fixed; None where no query has read anything, or none that wrote it down."""
    system, offsets = _find(session, checkpoint, "offsets")
    _, file = _find(session, checkpoint, FILE)
    if not system.exists(file) or not system.exists(offsets) or not len(system.listStatus(offsets)):
        return None
    stream = system.open(file)
    try:
        found: dict[str, Any] = json.loads(bytes(stream.readAllBytes()))
    except ValueError:
        return None
    finally:
        stream.close()
    return found


def _write(session: SparkSession, checkpoint: str, fixed: dict[str, Any]) -> None:
    system, file = _find(session, checkpoint, FILE)
    stream = system.create(file, True)
    try:
        stream.write(bytearray(json.dumps(fixed, indent=1).encode()))
    finally:
        stream.close()
