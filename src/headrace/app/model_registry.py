"""A version of a model registry to what is published: its bytes, name, version and description.

A publication means one model for ever, and an alias moves: so it is resolved here, when it is published, and the bytes
go into the message.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from headrace.errors import ConfigurationError, SourceError
from headrace.loading import LoadOptions
from headrace.transports.mlflow import SCHEME, ModelRegistry

VARIABLE = "MLFLOW_TRACKING_URI"
_ENDINGS = (".onnx", ".pmml", ".pb")
"""What a file is called that a format here reads; of a SavedModel one file is not the whole."""

_PART_OF_SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True, slots=True)
class RegistryModel:
    """What a registry holds under a reference."""

    name: str
    version: str
    description: str
    content: bytes


def names_registry(model: str) -> bool:
    """Tell whether a model is named by a registry's reference and not by a path."""
    return model.startswith(f"{SCHEME}:/")


def read_registry_model(reference: str, artifact: str = "") -> RegistryModel:
    """Read ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION`` from the registry that ``MLFLOW_TRACKING_URI`` names.

    ``artifact`` is the path of the model's file, "" for the only one of a known ending. Logs in as MLflow's clients do,
    by ``MLFLOW_TRACKING_TOKEN``, or ``..._USERNAME`` and ``..._PASSWORD``.

    Raises ``ConfigurationError`` where no registry is named, ``SourceError`` and ``UnsupportedError``.
    """
    address = os.environ.get(VARIABLE, "")
    if not address:
        raise ConfigurationError(f"no registry is named: set {VARIABLE} to its address, such as http://localhost:5000")
    told = {name: os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("TOKEN", "USERNAME", "PASSWORD")}
    registry = ModelRegistry(address, token=told["TOKEN"], user=told["USERNAME"], password=told["PASSWORD"])
    found = registry.find(reference)
    path = artifact or _choose(reference, registry.list_files(found))
    content = registry.read(found, path, LoadOptions().max_model_bytes)
    if not content:
        raise SourceError(f"{path!r} of {reference} is empty")
    return RegistryModel(found.name, found.version, found.description, content)


def _choose(reference: str, files: list[str]) -> str:
    """Choose the model's file: the only one that a format here may read."""
    known = [each for each in files if each.endswith(_ENDINGS) and not each.endswith(_PART_OF_SAVED_MODEL)]
    if len(known) == 1:
        return known[0]
    listed = ", ".join(files) or "nothing"
    if known:
        raise SourceError(f"{reference} holds several models: name one by --artifact; there are: {', '.join(known)}")
    raise SourceError(
        f"{reference} holds no file that ends in {', '.join(_ENDINGS)}: log the model as ONNX or PMML,"
        f" or name its file by --artifact; there are: {listed}"
    )
