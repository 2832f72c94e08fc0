"""TensorFlow models, frozen graphs and SavedModels, scored by TensorFlow's C library."""

from headrace.formats.tensorflow.format import TensorflowFormat
from headrace.formats.tensorflow.saved import SavedModelFormat

__all__ = ["SavedModelFormat", "TensorflowFormat"]
