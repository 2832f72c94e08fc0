"""Every error that Headrace raises on purpose.

::

    HeadraceError
    ├── ConfigurationError      a configuration that cannot be run: key, value, file or port
    ├── MissingExtraError       a part that was asked for needs a package that is not installed
    ├── RecordError             one record cannot be decoded, bound or scored
    ├── ModelError              one model cannot be served
    │   ├── UnknownFormatError      no format recognises the bytes
    │   ├── ModelFormatError        the bytes are not a sound model of their format
    │   ├── UnsupportedError        a sound model that uses what the format's support leaves out
    │   ├── VerificationError       golden records or the model's own verification disagree
    │   └── SignatureError          the model does not fit its slot or the records
    ├── CommandError            a message of the model stream that cannot be obeyed
    │   └── DescriptorError         bytes that are not a descriptor, or one that contradicts itself
    ├── LimitError              a limit of time or memory was met: not a verdict on the model
    ├── StateError              a state directory or snapshot that cannot be used
    ├── TransitionError         an illegal change of a model's state: a defect of the caller
    └── SourceError, SinkError  a transport that failed

Each message names what is wrong, where, and what to do. Errors that other libraries raise are turned into one of
these at the edge where that library is called.
"""

from __future__ import annotations


class HeadraceError(Exception):
    """The root: catching it catches everything that Headrace raises on purpose."""


class ConfigurationError(HeadraceError):
    """A configuration cannot be run; the message names the key or file and what it may be."""


class MissingExtraError(HeadraceError):
    """A part needs an optional package; the message holds the pip line that brings it."""


class RecordError(HeadraceError):
    """One record cannot be decoded, bound to a model's inputs, or scored."""


class ModelError(HeadraceError):
    """A model cannot be served. Verdicts of this kind depend on the bytes alone."""


class UnknownFormatError(ModelError):
    """No installed format recognises the bytes."""


class ModelFormatError(ModelError):
    """The bytes are not a sound model of their format; the message names element and line where there are any."""


class UnsupportedError(ModelError):
    """The model is sound and uses something that the format's page lists as not supported."""


class VerificationError(ModelError):
    """Golden records, or the verification that the model carries, disagree with what it computes."""


class SignatureError(ModelError):
    """The model's inputs are not in the records, or its outputs differ from those of its slot."""


class CommandError(HeadraceError):
    """A message of the model stream cannot be obeyed."""


class DescriptorError(CommandError):
    """The bytes are not a model descriptor, or the descriptor contradicts itself."""


class LimitError(HeadraceError):
    """A limit of time or memory was met while loading; shown and tried again, never a verdict on the model."""


class StateError(HeadraceError):
    """A state directory, snapshot or model log cannot be used as it is."""


class TransitionError(HeadraceError):
    """A model was asked to make a change of state that its table does not hold; nothing was changed."""


class SourceError(HeadraceError):
    """A source of records or models failed."""


class SinkError(HeadraceError):
    """A sink of results or dead letters failed."""
