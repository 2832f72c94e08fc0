"""The PMML format: bytes to plan and arrays, plan and arrays to a model."""

from __future__ import annotations

import gc

import pyarrow as pa

from headrace.abc.model import Model, Prepared
from headrace.errors import ModelFormatError
from headrace.formats.pmml.document import pack, unpack
from headrace.formats.pmml.model import PmmlModel, compile_document
from headrace.formats.pmml.registry import find_collectors, find_reducers
from headrace.formats.pmml.verification import verify
from headrace.formats.pmml.xml import parse

_LOOKED_AT = 4096


class PmmlFormat:
    """PMML 3.0 to 4.4, evaluated here: see ``abc.model.Format``."""

    name = "pmml"

    def recognises(self, content: bytes) -> bool:
        """Tell whether the first bytes hold a PMML element, in any of the encodings that XML may have."""
        start = content[:_LOOKED_AT].replace(b"\x00", b"")
        return b"<PMML" in start or b":PMML" in start

    def prepare(self, content: bytes) -> Prepared:
        """Parse and compile a document. Raises ``ModelFormatError`` or ``UnsupportedError`` with element and line."""
        try:
            return self._prepare(content)
        except RecursionError:
            raise ModelFormatError("expressions or elements are nested too deeply in the document") from None

    def _prepare(self, content: bytes) -> Prepared:
        collects = gc.isenabled()
        gc.disable()  # what is built lives to the end: looking for garbage in it takes a third of the time
        try:
            root = parse(content, find_reducers, find_collectors)
            _try_out(compile_document(root))  # bulky parts of the tree are compiled ones from here on
            return pack(root)
        finally:
            if collects:
                gc.enable()

    def assemble(self, prepared: Prepared) -> Model:
        """Compile the reduced document again. Raises ``ModelFormatError``."""
        return compile_document(unpack(prepared))

    def verify(self, model: Model, prepared: Prepared) -> None:
        """Score the model's ModelVerification. Raises ``VerificationError``."""
        del prepared  # the compiled model holds its records
        assert isinstance(model, PmmlModel)
        verify(model.verification, {field.name for field in model.signature.inputs}, model.score)


def _try_out(model: PmmlModel) -> None:
    """Score one record that lacks everything: what breaks independently of the data breaks here."""
    model.score(pa.RecordBatch.from_arrays([pa.nulls(1)], names=[""]))
