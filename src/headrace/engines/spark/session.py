"""A Spark session that can serve: the state store, the workers' Python and the Kafka connector.

A session that is there already is taken as it is; ``serve`` says what it lacks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from headrace.engines.spark.jars import check_java, find_jars
from headrace.engines.spark.reasons import find_reason
from headrace.engines.spark.serving import PROVIDER, ROCKS_DB
from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ENDED = "JAVA_GATEWAY_EXITED"
_PYTHONS = ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
_SETTINGS = MappingProxyType(
    {
        PROVIDER: ROCKS_DB,
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.python.authenticate.socketTimeout": "300s",  # a busy machine takes long to start Python
    }
)


def open_session(
    master: str = "local[*]",
    conf: Mapping[str, str] = MappingProxyType({}),
    *,
    name: str = "headrace",
    kafka: bool = True,
) -> SparkSession:
    """Open a session, or give the one that is open. ``conf`` goes before what is set here.

    Raises ``MissingExtraError`` without pyspark, and ``ConfigurationError`` without Java or the connector.
    """
    check_java()
    settings = dict(_SETTINGS)
    if kafka:
        given = conf.get("spark.jars", "")
        settings["spark.jars"] = ",".join([*filter(None, [given]), *map(str, find_jars())])
    settings |= {key: value for key, value in conf.items() if key != "spark.jars"}
    for variable in _PYTHONS:
        os.environ.setdefault(variable, sys.executable)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name).master(master)
    for key, value in settings.items():
        builder = builder.config(key, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        reason = "Java ended before Spark had begun" if _ENDED in str(error) else find_reason(str(error))
        raise ConfigurationError(f"Spark does not start on {master!r}: {reason}") from error
