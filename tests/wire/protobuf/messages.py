"""Message types for the tests, built without a compiler."""

from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Kind

# name, number, type or its name, and what else: "optional", "repeated", "required" or "oneof NAME"
Field = tuple[str, int, Any, str]
SCALARS = {
    "double": Kind.TYPE_DOUBLE,
    "float": Kind.TYPE_FLOAT,
    "int32": Kind.TYPE_INT32,
    "int64": Kind.TYPE_INT64,
    "uint32": Kind.TYPE_UINT32,
    "uint64": Kind.TYPE_UINT64,
    "sint32": Kind.TYPE_SINT32,
    "sint64": Kind.TYPE_SINT64,
    "fixed32": Kind.TYPE_FIXED32,
    "fixed64": Kind.TYPE_FIXED64,
    "sfixed32": Kind.TYPE_SFIXED32,
    "sfixed64": Kind.TYPE_SFIXED64,
    "bool": Kind.TYPE_BOOL,
    "string": Kind.TYPE_STRING,
    "bytes": Kind.TYPE_BYTES,
}
LABELS = {"repeated": Kind.LABEL_REPEATED, "required": Kind.LABEL_REQUIRED}


def new_file(syntax: str = "proto3") -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="test.proto", package="test", syntax=syntax)
    file.dependency.extend(["google/protobuf/timestamp.proto", "google/protobuf/wrappers.proto"])
    color = file.enum_type.add(name="Color")
    for name, number in {"RED": 0, "GREEN": 1, "DARK": -3, "FAR": 100_000}.items():
        color.value.add(name=name, number=number)
    return file


def add_message(file: descriptor_pb2.FileDescriptorProto, name: str, fields: Sequence[Field]) -> None:
    message = file.message_type.add(name=name)
    oneofs = list(dict.fromkeys(what.split()[1] for *_, what in fields if what.startswith("oneof")))
    for oneof in oneofs:
        message.oneof_decl.add(name=oneof)
    for field_name, number, kind, what in fields:
        field = message.field.add(name=field_name, number=number, label=LABELS.get(what, Kind.LABEL_OPTIONAL))
        if isinstance(kind, str):
            field.type = Kind.TYPE_ENUM if kind == "test.Color" else Kind.TYPE_MESSAGE
            field.type_name = f".{kind}"
        else:
            field.type = kind
        if what.startswith("oneof"):
            field.oneof_index = oneofs.index(what.split()[1])
        elif what == "optional" and file.syntax == "proto3":
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field_name}")


def build(file: descriptor_pb2.FileDescriptorProto) -> dict[str, Descriptor]:
    pool: Any = descriptor_pool.DescriptorPool()
    for imported in (timestamp_pb2, wrappers_pb2):
        pool.AddSerializedFile(imported.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return {message.name: pool.FindMessageTypeByName(f"test.{message.name}") for message in file.message_type}


def serialize(message: Descriptor, **values: Any) -> bytes:
    made: Any = message_factory.GetMessageClass(message)
    data: bytes = made(**values).SerializePartialToString()
    return data


def rich_file(syntax: str) -> descriptor_pb2.FileDescriptorProto:
    """A file whose messages have every kind of field that the walk covers."""
    file = new_file(syntax)
    plain = [(f"f_{name}", number, kind, "") for number, (name, kind) in enumerate(SCALARS.items(), start=1)]
    optional = [
        (f"o_{name}", number, kind, "optional") for number, (name, kind) in enumerate(SCALARS.items(), start=21)
    ]
    inner: list[Field] = [
        ("a", 1, Kind.TYPE_INT32, ""),
        ("b", 2, Kind.TYPE_STRING, ""),
        ("deep", 3, "test.Deep", ""),
    ]
    others: list[Field] = [
        ("e_double", 61, Kind.TYPE_DOUBLE, "oneof either"),
        ("e_string", 62, Kind.TYPE_STRING, "oneof either"),
        ("e_inner", 63, "test.Inner", "oneof either"),
        ("color", 41, "test.Color", ""),
        ("o_color", 42, "test.Color", "optional"),
        ("inner", 43, "test.Inner", ""),
        ("at", 44, "google.protobuf.Timestamp", ""),
        ("wrapped", 45, "google.protobuf.DoubleValue", ""),
        ("wrapped_text", 46, "google.protobuf.StringValue", ""),
        ("again", 47, "test.Rich", ""),
        ("far", 3000, Kind.TYPE_INT32, ""),
    ]
    add_message(file, "Inner", inner)
    add_message(file, "Deep", [("c", 1, Kind.TYPE_SINT64, "optional"), ("color", 2, "test.Color", "")])
    add_message(file, "Rich", [*plain, *optional, *others])
    return file
