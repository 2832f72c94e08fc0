"""A configuration to a job of Flink that serves topics of Kafka.

Rules:

1. Without a target the job runs on a mini cluster in a process of its own, on this machine.
2. A job goes on from its newest checkpoint or savepoint in ``engine.checkpoints``; without one it begins where
   ``records.start`` says, or where its group has come to.
3. To stop is to take a savepoint: what was read is scored and committed.
4. A failing job is restarted a limited number of times, so that it does not hide.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyflink
from py4j.protocol import Py4JError
from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment

from headrace.app.flink.checkpoints import find_newest
from headrace.app.flink.looking import place_checkpoints
from headrace.app.flink.options import read_flink_options
from headrace.app.flink.premises import check_cluster, check_flink, find_connector
from headrace.app.kafka.codecs import CodecByTopic
from headrace.app.kafka.engine import build_topic_stream
from headrace.app.settings import build_settings
from headrace.app.supply import build_options, read_mappings, with_mappings
from headrace.engines.flink import Form, serve_keyed, serve_partitioned
from headrace.engines.flink.kafka import Topics
from headrace.errors import SourceError
from headrace.records import SwitchMode
from headrace.transports.kafka.settings import flatten_settings, read_settings
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from pyflink.common import JobClient

    from headrace.app.flink.configuration import FlinkConfiguration
    from headrace.core.settings import JoinSettings
    from headrace.engines.flink import Served

_LOOK = 0.2
_RESTARTS = 20
_REST_PORT = 8081
_REASON = re.compile(r"^\s*(?:Caused by: )?(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception): (.+)$", re.MULTILINE)


class FlinkRun:
    """A job that runs: ``stop`` ends it, from a signal handler or another thread."""

    def __init__(self, client: JobClient, savepoints: str) -> None:
        self._client, self._savepoints = client, savepoints
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask for the end."""
        self._stopped.set()

    def wait(self) -> None:
        """Wait for the end. Raises ``SourceError`` with the reason where it failed."""
        try:
            ended = self._client.get_job_execution_result()  # a mini cluster that has ended answers nothing else
            while not ended.done() and not self._stopped.wait(_LOOK):
                pass
            if self._stopped.is_set() and not ended.done():
                self._stop()
            ended.result()
        except Exception as error:
            raise SourceError(f"the job failed: {find_reason(str(error))}") from error

    def _stop(self) -> None:
        # PyFlink's own call names a method that Flink 2 has no more.
        client = self._client._j_job_client  # noqa: SLF001
        client.stopWithSavepoint(False, self._savepoints, _savepoint_format()).get()


def _savepoint_format() -> Any:
    return get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType.CANONICAL


def find_reason(told: str) -> str:
    """Find what went wrong in what Flink tells, which is several stacks of calls: the first cause is the last."""
    reasons = _REASON.findall(told)
    return str(reasons[-1] if reasons else told.split("\n", 1)[0]).strip()


def start_job(configuration: FlinkConfiguration, directory: Path, options: Sequence[str] = ()) -> FlinkRun:
    """Build and submit the job; ``options`` are ``--target``, ``--jobmanager`` and ``-D``, as ``flink run`` takes them.

    Raises ``ConfigurationError``, ``MissingExtraError``, and ``SourceError`` where Flink does not take the job.
    """
    check_flink()
    jar = find_connector()
    client = {name: _write(value) for name, value in _read_client(configuration, directory).items()}
    checkpoints = place_checkpoints(configuration.engine.checkpoints, directory)
    conf = _defaults(configuration, checkpoints, jar) | _flatten(configuration.engine.conf)
    conf |= read_flink_options(options)
    if conf["execution.target"] == "remote":
        check_cluster(str(conf.get("rest.address", "localhost")), str(conf.get("rest.port", _REST_PORT)))
    if conf["execution.target"] != "local":
        conf["pipeline.jars"] = f"{conf['pipeline.jars']};{find_python_jar().as_uri()}"
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # workers call python
    told = Configuration()
    for name, value in conf.items():
        told.set_string(name, _write(value))
    try:
        env = _open_environment(told, is_local=conf["execution.target"] == "local")
        build_job(env, configuration, client)
        return FlinkRun(env.execute_async(f"headrace {configuration.engine.name}"), f"{checkpoints}/savepoints")
    except Py4JError as error:
        raise SourceError(f"Flink does not take the job: {find_reason(str(error))}") from error


def _open_environment(told: Configuration, *, is_local: bool) -> StreamExecutionEnvironment:
    """Open what a job is built in. PyFlink's own call makes a mini cluster, whatever the target."""
    if is_local:
        return StreamExecutionEnvironment.get_execution_environment(told)
    java = get_gateway().jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
    return StreamExecutionEnvironment(java(told._j_configuration))  # noqa: SLF001


def build_job(env: StreamExecutionEnvironment, configuration: FlinkConfiguration, client: Mapping[str, str]) -> None:
    """Put the job together. Raises ``ConfigurationError``."""
    section, first = configuration.engine, configuration.streams[0]
    streams = [build_topic_stream(each) for each in configuration.streams]
    settings = build_settings(configuration, streams)
    topics = Topics(StreamTableEnvironment.create(env), client)
    start = {"oldest": "earliest-offset", "newest": "latest-offset"}[first.start]
    served = _serve(
        configuration,
        settings,
        topics.read_records(
            [each.topic for each in configuration.streams],
            group=section.group,
            start="group-offsets" if section.group else start,
            bounded=not first.follow,
        ),
        topics.read_models(configuration.models.topic, bounded=not configuration.models.follow),
    )
    outlets = {
        "results": (served.results, configuration.results.topic),
        "dead_letters": (served.dead_letters, configuration.dead_letters.topic),
    }
    if configuration.events is not None:
        outlets["events"] = (served.events, configuration.events.topic)
    for name, (lines, topic) in outlets.items():
        topics.write(lines, topic, name=name, delivery=section.delivery, prefix=section.transactions)
    topics.attach()


def _serve(configuration: FlinkConfiguration, settings: JoinSettings, records: Any, models: Any) -> Served:
    section = configuration.engine
    shared: dict[str, Any] = {
        "options": build_options(configuration, settings),
        "form": Form.JSON,
        "batch_records": section.batch_records,
        "delay_ms": section.delay_ms,
        "step_ms": section.step_ms,
        "in_child": configuration.loading.checker == "process",
        "decode": _read_command(configuration),
        "members": configuration.results.members,
    }
    codec = CodecByTopic(configuration.streams)
    if section.name == "flink-keyed":
        return serve_keyed(records, models, codec, settings, salt=section.salt, **shared)
    return serve_partitioned(records, models, codec, settings, lanes=section.lanes, **shared)


def _defaults(configuration: FlinkConfiguration, checkpoints: str, jar: Path) -> dict[str, Any]:
    """Give what Flink is told where neither the configuration nor the command line says otherwise."""
    section = configuration.engine
    conf: dict[str, Any] = {
        "execution.target": "local",
        "parallelism.default": section.parallelism,
        "pipeline.jars": jar.as_uri(),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "python.fn-execution.bundle.time": section.delay_ms,
        "execution.checkpointing.interval": f"{section.checkpoint_ms} ms",
        "execution.checkpointing.dir": checkpoints,
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        # Without it Flink names sources and sinks by what is chained to them, which changes with the parallelism.
        "table.exec.uid.generation": "ALWAYS",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1 s",
        "restart-strategy.exponential-delay.max-backoff": "5 s",
        "restart-strategy.exponential-delay.reset-backoff-threshold": "60 s",
        "restart-strategy.exponential-delay.attempts-before-reset-backoff": _RESTARTS,
    }
    if configuration.switch.mode is not SwitchMode.READY:
        conf["table.exec.source.idle-timeout"] = "1 s"
    newest = find_newest(checkpoints)
    return conf if newest is None else conf | {"execution.state-recovery.path": newest}


def find_python_jar() -> Path:
    """Give the jar of Flink's Python steps, which a cluster has not got by itself."""
    (jar,) = (Path(pyflink.__file__).parent / "opt").glob("flink-python-*.jar")
    return jar


def _read_client(configuration: FlinkConfiguration, directory: Path) -> Mapping[str, Any]:
    return read_settings(flatten_settings(configuration.kafka, directory)).values


def _flatten(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Join the names that TOML took apart."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _write(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_command(configuration: FlinkConfiguration) -> Callable[[bytes], Any]:
    mappings = read_mappings(configuration)
    return with_mappings(decode_command, mappings) if mappings else decode_command
