"""The engine in one process: no broker, no JVM."""

from headrace.engines.embedded.engine import EmbeddedEngine
from headrace.engines.embedded.parts import Cadence, Parts
from headrace.engines.embedded.summary import Summary

__all__ = ["Cadence", "EmbeddedEngine", "Parts", "Summary"]
