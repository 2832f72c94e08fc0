"""Records as protobuf messages of any type."""

from headrace.wire.protobuf.codec import ProtobufCodec
from headrace.wire.protobuf.loading import find_message

__all__ = ["ProtobufCodec", "find_message"]
