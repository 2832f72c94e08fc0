"""ONNX models, scored by onnxruntime."""

from headrace.formats.onnx.format import OnnxFormat

__all__ = ["OnnxFormat"]
