"""Keras to a frozen graph: one binary GraphDef, variables as constants, optimised by TensorFlow's own grappler.

Inputs and outputs are nodes of their own names, as ``headrace.export.keras_model`` tells; the graph computes in single
precision what Keras computes, and agrees with it to about 1e-6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.export.keras_model import Served, describe, import_tensorflow, make_descriptor
from headrace.records import Descriptor

_OPTIMIZERS = ("constfold", "arithmetic", "dependency", "remap", "constfold")


def to_graph(
    model: Any, *, target_name: str, feature_names: Sequence[str] | None = None, classes: Sequence[object] = ()
) -> bytes:
    """Write a trained model as a frozen graph.

    ``classes`` are the labels of a classifier, in the order of its outputs. Raises ``ModelError`` for names and classes
    that do not fit, ``UnsupportedError`` for inputs or outputs that records cannot have, ``MissingExtraError``.
    """
    return _freeze(describe(model, target_name=target_name, feature_names=feature_names, classes=classes))


def descriptor_for(
    model: Any,
    *,
    name: str,
    data_type: str,
    target_name: str,
    examples: Any,
    feature_names: Sequence[str] | None = None,
    classes: Sequence[object] = (),
    golden_rows: int = 20,
    **fields: Any,
) -> Descriptor:
    """Make the publication of a trained model: its graph, golden records of Keras' own predictions, the mapping.

    ``examples`` are a matrix of features; ``fields`` are further fields of ``Descriptor``. Raises as ``to_graph`` does.
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
        model_type="tensorflow",
        content=_freeze(served),
    )


def _freeze(served: Served) -> bytes:
    tf = import_tensorflow()
    from tensorflow.core.protobuf import config_pb2
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    from tensorflow.python.grappler import tf_optimizer

    concrete = tf.function(served.function).get_concrete_function(**served.specs)
    graph = convert_variables_to_constants_v2(concrete).graph
    definition = graph.as_graph_def()
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.optimizers.extend(_OPTIMIZERS)
    meta = tf.compat.v1.train.export_meta_graph(graph_def=definition, graph=graph)
    fetches = meta.collection_def["train_op"].node_list.value
    fetches.extend(served.outputs)
    optimised = tf_optimizer.OptimizeGraph(config, meta)
    optimised.library.Clear()
    return bytes(optimised.SerializeToString(deterministic=True))
