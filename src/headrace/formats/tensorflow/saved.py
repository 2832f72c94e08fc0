"""The format of SavedModels: an archive of a directory, or its one message, to a model.

1. Of several MetaGraphs and signatures the one asked for is taken, or the only one. Signatures that take and give the
   same count as one: exporters write the default under two names.
2. What scores is the signature; what loads are the operations that restore variables from the model's own checkpoint
   and fill tables from its own assets. Everything else is cut away.
3. What was checked and cut is handed over as files in memory, and TensorFlow never sees another.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from headrace.abc.model import Model, Prepared
from headrace.errors import ModelFormatError
from headrace.formats.tensorflow.archives import looks_like_archive, read_archive
from headrace.formats.tensorflow.choices import Choices, read_choices
from headrace.formats.tensorflow.format import read_settings
from headrace.formats.tensorflow.library import TensorflowError, explain
from headrace.formats.tensorflow.meta_graph import Selected, cut_meta_graph, select
from headrace.formats.tensorflow.model import TensorflowModel
from headrace.formats.tensorflow.ports import Ports, read_ports
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.formats.tensorflow.reading import looks_like_saved_model, read_saved_model
from headrace.formats.tensorflow.session import Session, open_saved, warm_up
from headrace.formats.tensorflow.tensors import Tensor
from headrace.formats.tensorflow.trial import try_out

_WHAT = "SavedModel"
_MESSAGE, _TEXT = "saved_model.pb", "saved_model.pbtxt"


class SavedModelFormat:
    """SavedModels of TensorFlow 1 and 2, as a zip or tar archive, or as one message where there are no variables.

    The options are those of ``TensorflowFormat``.
    """

    name = "savedmodel"

    def __init__(self, intra_op_threads: int = 1, inter_op_threads: int = 1) -> None:
        self._settings = read_settings(intra_op_threads, inter_op_threads)
        self._choices = Choices()

    def with_options(self, options: Mapping[str, str]) -> SavedModelFormat:
        """Give the format as a publication asks for it: ``tags``, ``signature``, ``outputs``, ``argmax``.

        Raises ``DescriptorError``.
        """
        made = SavedModelFormat(self._settings.intra_op_threads, self._settings.inter_op_threads)
        made._choices = read_choices(options, ("tags", "signature", "outputs", "argmax"), self.name)
        return made

    def load_library(self) -> None:
        """Load TensorFlow's library and make a first session, which take a second or two.

        Raises ``MissingExtraError`` and ``ConfigurationError``.
        """
        warm_up(self._settings)

    def recognises(self, content: bytes) -> bool:
        """Tell from the top of the bytes whether this may be a SavedModel."""
        return looks_like_archive(content) or looks_like_saved_model(content)

    def prepare(self, content: bytes) -> Prepared:
        """Unpack and check the bytes, cut the graph to what runs, and load it once, to read the signature.

        Raises ``ModelFormatError``, ``UnsupportedError``, ``DescriptorError``, ``LimitError`` or ``MissingExtraError``.
        """
        files = _read_files(content)
        message = files.pop(_MESSAGE, b"") or files.pop(_TEXT, b"")
        selected = select(read_saved_model(message), self._choices)
        used = cut_meta_graph(selected, [path.removeprefix("assets/") for path in files if path.startswith("assets/")])
        saved = pb.SavedModel(saved_model_schema_version=1, meta_graphs=[selected.meta_graph])
        arrays = {_MESSAGE: np.frombuffer(saved.SerializeToString(), np.uint8)}
        kept = {f"assets/{name}" for name in used}
        for path, content_of in files.items():
            if path in kept or path.startswith("variables/variables."):
                arrays[path] = np.frombuffer(content_of, np.uint8)
        tags = list(selected.meta_graph.meta_info_def.tags)
        try:
            ports = self._try_out(arrays, tags, selected)
        except TensorflowError as error:
            raise explain(error, _WHAT) from error
        return Prepared({"ports": msgspec.to_builtins(ports), "tags": tags}, arrays)

    def _try_out(self, files: Mapping[str, Tensor], tags: list[str], selected: Selected) -> Ports:
        session: Session = open_saved(files, tags, self._settings)
        try:
            ports = read_ports(session, selected.inputs, selected.outputs, self._choices.argmax)
            return try_out(session, ports)
        finally:
            session.close()

    def assemble(self, prepared: Prepared) -> Model:
        """Load the files and make the session. Raises ``ModelFormatError``."""
        try:
            ports = msgspec.convert(prepared.plan["ports"], Ports)
            tags = msgspec.convert(prepared.plan["tags"], list[str])
        except (KeyError, msgspec.ValidationError) as error:
            raise ModelFormatError(f"what was prepared is not a {_WHAT}: {error}") from error
        try:
            return TensorflowModel(open_saved(prepared.arrays, tags, self._settings), ports)
        except TensorflowError as error:
            raise explain(error, _WHAT) from error

    def verify(self, model: Model, prepared: Prepared) -> None:
        """Pass: a SavedModel carries no verification of its own."""


def _read_files(content: bytes) -> dict[str, bytes]:
    """Give the files of a SavedModel by their paths within its directory. Raises ``ModelFormatError``."""
    if not looks_like_archive(content):
        return {_MESSAGE: content}
    files = read_archive(content)
    folders = {path.rpartition("/")[0] for path in files if path.rpartition("/")[2] in {_MESSAGE, _TEXT}}
    if len(folders) != 1:
        found = f"{len(folders)} of them: {', '.join(sorted(folders)[:5])}" if folders else "none"
        raise ModelFormatError(f"the archive should hold one SavedModel, a folder with {_MESSAGE}; it holds {found}")
    prefix = f"{folder}/" if (folder := folders.pop()) else ""
    return {path.removeprefix(prefix): file for path, file in files.items() if path.startswith(prefix)}
