import math
from collections.abc import Mapping

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import DescriptorError
from headrace.records import (
    Command,
    Descriptor,
    GoldenRecord,
    Malformed,
    Pin,
    Publish,
    Retire,
    Rollback,
    SlotKey,
    SwitchMode,
    Unpin,
)
from headrace.wire.descriptor import decode_appended_at, decode_command, encode_command
from headrace.wire.proto import headrace_pb2 as pb

DIGEST = "0123456789abcdef" * 4
WINE = SlotKey("wine")


def book_message() -> type[Message]:
    """The book's own message (example 3-2), built apart from ours."""
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="book.proto", syntax="proto3")
    message = file.message_type.add(name="ModelDescriptor")
    message.oneof_decl.add(name="MessageContent")
    enum = message.enum_type.add(name="ModelType")
    for number, name in enumerate(["TENSORFLOW", "TENSORFLOWSAVED", "PMML"]):
        enum.value.add(name=name, number=number)
    texts = {"name": 1, "description": 2, "dataType": 3}
    for name, number in texts.items():
        message.field.add(name=name, number=number, type=kind.TYPE_STRING, label=kind.LABEL_OPTIONAL)
    message.field.add(
        name="modeltype",
        number=4,
        type=kind.TYPE_ENUM,
        type_name=".ModelDescriptor.ModelType",
        label=kind.LABEL_OPTIONAL,
    )
    message.field.add(name="data", number=5, type=kind.TYPE_BYTES, label=kind.LABEL_OPTIONAL, oneof_index=0)
    message.field.add(name="location", number=6, type=kind.TYPE_STRING, label=kind.LABEL_OPTIONAL, oneof_index=0)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())  # type: ignore[no-untyped-call]
    found = pool.FindMessageTypeByName("ModelDescriptor")  # type: ignore[no-untyped-call]
    return message_factory.GetMessageClass(found)


BOOK = book_message()


def set_fields(message: Message) -> Mapping[str, object]:
    return {field.name: value for field, value in message.ListFields()}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"name": "tree", "description": "a tree", "dataType": "wine", "modeltype": 2, "data": b"<PMML/>"},
            Descriptor("tree", "wine", "a tree", "pmml", content=b"<PMML/>"),
        ),
        (
            {"name": "graph", "dataType": "wine", "data": b"\x00\xff"},
            Descriptor("graph", "wine", model_type="tensorflow", content=b"\x00\xff"),
        ),
        (
            {"name": "saved", "dataType": "wine", "modeltype": 1, "location": "/models/saved"},
            Descriptor("saved", "wine", model_type="savedmodel", location="/models/saved"),
        ),
    ],
)
def test_messages_of_the_book_are_read_and_written_byte_for_byte(
    fields: dict[str, object], expected: Descriptor
) -> None:
    theirs = BOOK(**fields).SerializeToString()

    assert Publish(expected) == decode_command(theirs)
    assert theirs == encode_command(Publish(expected))


def test_a_publication_has_these_bytes() -> None:
    command = Publish(Descriptor("m", "wine", "d", "pmml", content=b"<P/>"))

    assert bytes.fromhex("0a016d1201641a0477696e6520022a043c502f3e") == encode_command(command)


def test_our_fields_have_these_bytes() -> None:
    descriptor = Descriptor(
        "m",
        "w",
        model_type="own",
        location="/m",
        slot="s",
        version="7",
        publication_id="p",
        switch=SwitchMode.EVENT_TIME,
        valid_from=0,
        golden=(GoldenRecord({"a": 1}, {"b": 2.5}),),
        golden_tolerance=0.0,
        mapping={"x": ("a", "b")},
        replaces_signature=True,
        options={"k": "v"},
    )
    expected = (
        b"\x0a\x01m" + b"\x1a\x01w" + b"\x20\x04" + b"\x32\x02/m"
        + b"\x82\x01\x03own" + b"\x92\x01\x01s" + b"\x9a\x01\x017" + b"\xa2\x01\x01p"
        + b"\xb0\x01\x03" + b"\xb8\x01\x00"
        + b'\xc2\x01\x14\x0a\x07{"a":1}\x12\x09{"b":2.5}'
        + b"\xc9\x01" + bytes(8)
        + b"\xd2\x01\x09\x0a\x01x\x12\x01a\x12\x01b"
        + b"\xd8\x01\x01" + b"\xe0\x01\x05"
        + b"\xea\x01\x06\x0a\x01k\x12\x01v"
    )  # fmt: skip

    assert expected == encode_command(Publish(descriptor), appended_at=5)
    assert Publish(descriptor) == decode_command(expected)
    assert decode_appended_at(expected) == 5


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (Pin(SlotKey("w", "s")), b"\x1a\x01w\x88\x01\x02\x92\x01\x01s"),
        (Unpin(SlotKey("w")), b"\x1a\x01w\x88\x01\x03"),
        (Retire(SlotKey("w")), b"\x1a\x01w\x88\x01\x04"),
        (Retire(SlotKey("w"), DIGEST), b"\x1a\x01w\x88\x01\x04\xaa\x01\x40" + DIGEST.encode()),
        (
            Rollback(SlotKey("w"), DIGEST, 300, "p"),
            b"\x1a\x01w\x88\x01\x01\xa2\x01\x01p\xaa\x01\x40" + DIGEST.encode() + b"\xb8\x01\xac\x02",
        ),
    ],
)
def test_commands_have_these_bytes(command: Command, expected: bytes) -> None:
    assert expected == encode_command(command)
    assert command == decode_command(expected)
    assert decode_appended_at(expected) is None


def test_the_book_reads_our_messages_and_keeps_what_it_does_not_know() -> None:
    descriptor = Descriptor("m", "wine", "d", "pmml", content=b"<P/>", slot="s", digest=DIGEST, valid_from=9)
    theirs = BOOK.FromString(encode_command(Publish(descriptor)))

    assert set_fields(theirs) == {"name": "m", "description": "d", "dataType": "wine", "modeltype": 2, "data": b"<P/>"}
    assert Publish(descriptor) == decode_command(theirs.SerializeToString())


def test_the_book_reads_the_content_of_a_format_that_it_does_not_know() -> None:
    theirs = BOOK.FromString(encode_command(Publish(Descriptor("m", "wine", model_type="onnx", content=b"\x08"))))

    assert set_fields(theirs) == {"name": "m", "dataType": "wine", "modeltype": 3, "data": b"\x08"}


@pytest.mark.parametrize(
    ("model_type", "number", "name"),
    [
        ("tensorflow", 0, ""),
        ("savedmodel", 1, ""),
        ("pmml", 2, ""),
        ("onnx", 3, ""),
        ("", 4, ""),
        ("mine", 4, "mine"),
    ],
)
def test_formats_are_named(model_type: str, number: int, name: str) -> None:
    data = encode_command(Publish(Descriptor("m", "wine", model_type=model_type, content=b"x")))
    message = pb.ModelDescriptor.FromString(data)

    assert (number, name) == (message.modeltype, message.format)
    assert Publish(Descriptor("m", "wine", model_type=model_type, content=b"x")) == decode_command(data)


def test_a_format_by_name_wins_over_the_model_type() -> None:
    message = pb.ModelDescriptor(dataType="w", data=b"x", modeltype=pb.ModelDescriptor.PMML, format="onnx")

    assert Publish(Descriptor("", "w", model_type="onnx", content=b"x")) == decode_command(message.SerializeToString())


def test_fields_of_later_versions_are_ignored() -> None:
    later = encode_command(Pin(WINE)) + b"\xd2\x3e\x03abc" + b"\xd8\x3e\x01"

    assert Pin(WINE) == decode_command(later)


def test_a_digest_alone_is_content() -> None:
    command = Publish(Descriptor("m", "wine", model_type="pmml", digest=DIGEST))

    assert command == decode_command(encode_command(command))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "the message is empty"),
        (b"\xff\xff\xff", "the 3 bytes are not a model descriptor"),
        (b"\x0a\x02\xff\xff", "the 4 bytes are not a model descriptor"),
        (pb.ModelDescriptor(name="m", data=b"x"), "names no data type"),
        (b"\xd2\x3e\x03abc", "names no data type"),
        (pb.ModelDescriptor(dataType="w"), "neither bytes"),
        (pb.ModelDescriptor(dataType="w", data=b""), "message's data is empty"),
        (pb.ModelDescriptor(dataType="w", location=""), "message's location is empty"),
        (pb.ModelDescriptor(dataType="w", data=b"x", digest="abc"), "'abc' is not a SHA-256"),
        (pb.ModelDescriptor(dataType="w", data=b"x", digest=DIGEST.upper()), "is not a SHA-256"),
        (pb.ModelDescriptor(dataType="w", data=b"x", valid_from=-1), "valid_from is -1"),
        (b"\x1a\x01w\x20\x09\x2a\x01x", "unknown model type 9"),
        (b"\x1a\x01w\x2a\x01x\x88\x01\x09", "unknown command 9"),
        (b"\x1a\x01w\x2a\x01x\xb0\x01\x09", "unknown switch mode 9"),
        (pb.ModelDescriptor(dataType="w", command=pb.ModelDescriptor.ROLLBACK), "this one has none"),
        (pb.ModelDescriptor(dataType="w", data=b"x", golden_tolerance=-1), "golden tolerance is -1"),
        (pb.ModelDescriptor(dataType="w", data=b"x", golden_tolerance=math.nan), "golden tolerance is nan"),
        (
            pb.ModelDescriptor(dataType="w", data=b"x", golden=[pb.GoldenRecord(inputs="[1]", outputs="{}")]),
            "the inputs of golden record 0 are not a JSON object",
        ),
        (
            pb.ModelDescriptor(dataType="w", data=b"x", golden=[pb.GoldenRecord(inputs="{}", outputs="")]),
            "the outputs of golden record 0",
        ),
        (
            pb.ModelDescriptor(dataType="w", data=b"x", mapping=[pb.InputMapping(input="x")]),
            "leaves a name empty",
        ),
        (
            pb.ModelDescriptor(dataType="w", data=b"x", mapping=[pb.InputMapping(input="x", fields=["a"])] * 2),
            "names the model's input 'x' twice",
        ),
    ],
)
def test_what_is_wrong_with_a_message_is_said(message: bytes | pb.ModelDescriptor, reason: str) -> None:
    data = message if isinstance(message, bytes) else message.SerializeToString()
    with pytest.raises(DescriptorError, match=reason):
        decode_command(data)


def test_a_negative_time_of_append_is_refused() -> None:
    with pytest.raises(DescriptorError, match="time of the append is -1"):
        decode_appended_at(pb.ModelDescriptor(dataType="w", appended_at=-1).SerializeToString())


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Publish(Descriptor("m", "", content=b"x")), "names no data type"),
        (Publish(Descriptor("m", "w", content=b"x", location="/m")), "gives both"),
        (Publish(Descriptor("m", "w")), "neither bytes"),
        (Publish(Descriptor("m", "w", content=b"")), "has no bytes"),
        (Publish(Descriptor("m", "w", content=b"x", digest="z" * 64)), "is not a SHA-256"),
        (Publish(Descriptor("m", "w", content=b"x", valid_from=-2)), "valid_from is -2"),
        (Publish(Descriptor("m", "w", content=b"x", valid_from=2**63)), "valid_from is"),
        (Publish(Descriptor("m", "w", content=b"x", mapping={"x": ()})), "leaves a name empty"),
        (Publish(Descriptor("\ud800", "w", content=b"x")), "not valid Unicode"),
        (Publish(Descriptor("m", "w", content=b"x", golden=(GoldenRecord({"a": "NaN"}, {}),))), "read as a number"),
        (Publish(Descriptor("m", "w", content=b"x", golden=(GoldenRecord({}, {"b": b"x"}),))), "holds bytes"),
        (Publish(Descriptor("m", "w", content=b"x", golden=(GoldenRecord({}, {"b": {1}}),))), "set has no form"),
        (Rollback(WINE, ""), "is not a SHA-256"),
        (Pin(SlotKey("")), "names no data type"),
        (Malformed("garbage"), "cannot be sent: garbage"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(command: Command, reason: str) -> None:
    with pytest.raises(DescriptorError, match=reason):
        encode_command(command)


def test_golden_numbers_that_json_lacks_come_back() -> None:
    values = {"nan": math.nan, "inf": math.inf, "minus": [-math.inf, 1, None, True, "text"]}
    golden = (GoldenRecord(values, {"y": 1.0}),)
    decoded = decode_command(encode_command(Publish(Descriptor("m", "w", content=b"x", golden=golden))))

    assert isinstance(decoded, Publish)
    (back,) = decoded.descriptor.golden
    assert repr(values) == repr(dict(back.inputs))
    assert back.outputs == {"y": 1.0}
    assert isinstance(back.outputs["y"], float)


names = st.text(st.characters(codec="utf-8"), max_size=8)
some_name = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
times = st.none() | st.integers(0, 2**63 - 1)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | names
objects = st.dictionaries(names, plain | st.lists(plain, max_size=3), max_size=3)
slots = st.builds(SlotKey, some_name, names)
content = st.one_of(
    st.fixed_dictionaries({"content": st.binary(min_size=1, max_size=20), "digest": digests | st.just("")}),
    st.fixed_dictionaries({"location": some_name, "digest": digests | st.just("")}),
    st.fixed_dictionaries({"digest": digests}),
)
publications = content.flatmap(
    lambda given_content: st.builds(
        Descriptor,
        name=names,
        data_type=some_name,
        description=names,
        model_type=names,
        slot=names,
        version=names,
        publication_id=names,
        switch=st.none() | st.sampled_from(SwitchMode),
        valid_from=times,
        golden=st.lists(st.builds(GoldenRecord, objects, objects), max_size=2).map(tuple),
        golden_tolerance=st.floats(0, 1),
        mapping=st.dictionaries(some_name, st.lists(some_name, min_size=1, max_size=3).map(tuple), max_size=3),
        replaces_signature=st.booleans(),
        options=st.dictionaries(names, names, max_size=2),
        **{name: st.just(value) for name, value in given_content.items()},
    )
)
commands = st.one_of(
    st.builds(Publish, publications),
    st.builds(Rollback, slots, digests, times, names),
    st.builds(Pin, slots),
    st.builds(Unpin, slots),
    st.builds(Retire, slots, digests | st.just("")),
)


@given(commands, times)
def test_every_command_comes_back(command: Command, appended_at: int | None) -> None:
    data = encode_command(command, appended_at)

    assert command == decode_command(data)
    assert appended_at == decode_appended_at(data)
    assert data == encode_command(command, appended_at)


@given(commands, st.data())
def test_damaged_bytes_give_a_command_or_a_descriptor_error(command: Command, data: st.DataObject) -> None:
    damaged = bytearray(encode_command(command))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    try:
        decoded = decode_command(bytes(damaged))
    except DescriptorError:
        return
    assert decoded == decode_command(encode_command(decoded))
