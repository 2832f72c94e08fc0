"""TensorFlow's messages, as far as they must be known here."""
