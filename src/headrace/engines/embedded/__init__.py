"""The engine in one process: no broker, no JVM."""

from headrace.engines.embedded.engine import EmbeddedEngine
from headrace.engines.embedded.parts import Parts
from headrace.machinery.parts import Cadence
from headrace.machinery.summary import Summary

__all__ = ["Cadence", "EmbeddedEngine", "Parts", "Summary"]
