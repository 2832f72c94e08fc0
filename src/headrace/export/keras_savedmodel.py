"""Keras to a SavedModel with a signature of a given name, as one zip archive.

The signature's inputs and outputs have the names that ``headrace.export.keras_model`` tells. Nothing but the serving
function is saved: no optimizer, no code of training.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.export.keras_model import Served, describe, import_tensorflow, make_descriptor
from headrace.records import Descriptor

SIGNATURE = "serving_default"
_MOMENT = (1980, 1, 1, 0, 0, 0)  # of every file in the archive, so that the same model gives the same names


def to_saved_model(
    model: Any,
    *,
    target_name: str,
    feature_names: Sequence[str] | None = None,
    classes: Sequence[object] = (),
    signature: str = SIGNATURE,
) -> bytes:
    """Write a trained model as a zip archive of a SavedModel.

    ``classes`` are the labels of a classifier, in the order of its outputs. Raises as ``keras_graph.to_graph`` does.
    """
    served = describe(model, target_name=target_name, feature_names=feature_names, classes=classes)
    return _save(served, signature)


def descriptor_for(
    model: Any,
    *,
    name: str,
    data_type: str,
    target_name: str,
    examples: Any,
    feature_names: Sequence[str] | None = None,
    classes: Sequence[object] = (),
    signature: str = SIGNATURE,
    golden_rows: int = 20,
    **fields: Any,
) -> Descriptor:
    """Make the publication of a trained model: its archive, golden records of Keras' own predictions, the mapping.

    ``examples`` are a matrix of features; ``fields`` are further fields of ``Descriptor``. Raises as
    ``to_saved_model`` does.
    """
    served = describe(model, target_name=target_name, feature_names=feature_names, classes=classes)
    return make_descriptor(
        model,
        served,
        examples,
        classes=classes,
        golden_rows=golden_rows,
        fields=fields,
        name=name,
        data_type=data_type,
        model_type="savedmodel",
        content=_save(served, signature),
    )


def _save(served: Served, signature: str) -> bytes:
    tf = import_tensorflow()
    function = tf.function(served.function).get_concrete_function(**served.specs)
    module = tf.Module()
    module.kept = list(function.graph.variables)  # what is not reached from here is not restored by a session
    with tempfile.TemporaryDirectory(prefix="headrace-export-") as name:
        tf.saved_model.save(module, name, signatures={signature: function})
        return _archive(Path(name))


def _archive(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != "fingerprint.pb":
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder)), _MOMENT), path.read_bytes())
    return packed.getvalue()
