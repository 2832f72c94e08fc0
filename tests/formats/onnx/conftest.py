from collections.abc import Callable

import onnx
import pytest

from headrace.abc.model import Model
from headrace.formats.onnx import OnnxFormat


@pytest.fixture
def load() -> Callable[[onnx.ModelProto | bytes], Model]:
    """Prepare and assemble a model, as loading does."""

    def do(model: onnx.ModelProto | bytes) -> Model:
        content = model if isinstance(model, bytes) else model.SerializeToString()
        return OnnxFormat().assemble(OnnxFormat().prepare(content))

    return do
