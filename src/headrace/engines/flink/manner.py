"""How a job goes about serving, and what its streams are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyflink.common import Types
from pyflink.datastream import OutputTag

from headrace.core.settings import JoinSettings
from headrace.core.timeline import BEGINNING, END
from headrace.machinery.elements import Form, ModelElement, RecordElement
from headrace.records import SwitchMode
from headrace.wire.results import ALL, Selection

if TYPE_CHECKING:
    from headrace.loading import LoadOptions
    from headrace.records import Command

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
KEYED = Types.ROW([Types.STRING(), BYTES])
"""The key that holds a slot, or the lane, and a parcel."""
VALUES = Types.PICKLED_BYTE_ARRAY()

LAST = END
"""The watermark behind which nothing comes."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the serving steps go about it. ``delay`` and ``step`` are in milliseconds."""

    settings: JoinSettings
    options: LoadOptions
    form: Form
    batch_records: int
    delay: int
    step: int
    in_child: bool
    decode: Callable[[bytes], Command]
    selection: Selection = ALL

    @property
    def goes_by_time(self) -> bool:
        """Whether models switch by time where nothing else is said."""
        settings = self.settings
        modes = [settings.switch, *(own.switch for own in settings.slots.values())]
        return any(mode not in {None, SwitchMode.READY} for mode in modes)

    @property
    def output_type(self) -> Any:
        """The type of what comes out."""
        return BYTES if self.form is Form.JSON else VALUES

    @property
    def dead_letters(self) -> Any:
        """The side output of records that could not be scored."""
        return OutputTag("headrace-dead-letters", self.output_type)

    @property
    def events(self) -> Any:
        """The side output of what happened to models."""
        return OutputTag("headrace-events", self.output_type)


def read_record(element: Any) -> RecordElement:
    """Read an element of a stream of records: bytes, ``RecordElement``, or a row with the same fields."""
    if isinstance(element, RecordElement):
        return element
    return RecordElement(element) if isinstance(element, bytes) else RecordElement(*tuple(element)[:5])


def read_message(element: Any) -> tuple[bytes, int | None]:
    """Read an element of a stream of models: bytes, ``ModelElement``, or a row of message and position."""
    if isinstance(element, bytes):
        return element, None
    if isinstance(element, ModelElement):
        return element.message, element.position
    content, position = element
    return content or b"", position


def read_time(timestamp: int | None) -> int:
    """Read an element's timestamp in milliseconds; ``BEGINNING`` where it has none."""
    return BEGINNING if timestamp is None else timestamp
