"""Records as Avro, with or without the single-object framing."""

from headrace.wire.avro.codec import AvroCodec

__all__ = ["AvroCodec"]
