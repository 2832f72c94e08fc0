# mypy: disable-error-code="type-arg"
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelDescriptor(_message.Message):
    __slots__ = ("name", "description", "dataType", "modeltype", "data", "location", "format", "command", "slot", "version", "publication_id", "digest", "switch_mode", "valid_from", "golden", "golden_tolerance", "mapping", "replaces_signature", "appended_at", "options", "profile")
    class ModelType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TENSORFLOW: _ClassVar[ModelDescriptor.ModelType]
        TENSORFLOWSAVED: _ClassVar[ModelDescriptor.ModelType]
        PMML: _ClassVar[ModelDescriptor.ModelType]
        ONNX: _ClassVar[ModelDescriptor.ModelType]
        OTHER: _ClassVar[ModelDescriptor.ModelType]
    TENSORFLOW: ModelDescriptor.ModelType
    TENSORFLOWSAVED: ModelDescriptor.ModelType
    PMML: ModelDescriptor.ModelType
    ONNX: ModelDescriptor.ModelType
    OTHER: ModelDescriptor.ModelType
    class Command(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PUBLISH: _ClassVar[ModelDescriptor.Command]
        ROLLBACK: _ClassVar[ModelDescriptor.Command]
        PIN: _ClassVar[ModelDescriptor.Command]
        UNPIN: _ClassVar[ModelDescriptor.Command]
        RETIRE: _ClassVar[ModelDescriptor.Command]
    PUBLISH: ModelDescriptor.Command
    ROLLBACK: ModelDescriptor.Command
    PIN: ModelDescriptor.Command
    UNPIN: ModelDescriptor.Command
    RETIRE: ModelDescriptor.Command
    class SwitchMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CONFIGURED: _ClassVar[ModelDescriptor.SwitchMode]
        READY: _ClassVar[ModelDescriptor.SwitchMode]
        ORDERED: _ClassVar[ModelDescriptor.SwitchMode]
        EVENT_TIME: _ClassVar[ModelDescriptor.SwitchMode]
    CONFIGURED: ModelDescriptor.SwitchMode
    READY: ModelDescriptor.SwitchMode
    ORDERED: ModelDescriptor.SwitchMode
    EVENT_TIME: ModelDescriptor.SwitchMode
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DATATYPE_FIELD_NUMBER: _ClassVar[int]
    MODELTYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PUBLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SWITCH_MODE_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    MAPPING_FIELD_NUMBER: _ClassVar[int]
    REPLACES_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    APPENDED_AT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    dataType: str
    modeltype: ModelDescriptor.ModelType
    data: bytes
    location: str
    format: str
    command: ModelDescriptor.Command
    slot: str
    version: str
    publication_id: str
    digest: str
    switch_mode: ModelDescriptor.SwitchMode
    valid_from: int
    golden: _containers.RepeatedCompositeFieldContainer[GoldenRecord]
    golden_tolerance: float
    mapping: _containers.RepeatedCompositeFieldContainer[InputMapping]
    replaces_signature: bool
    appended_at: int
    options: _containers.ScalarMap[str, str]
    profile: _containers.RepeatedCompositeFieldContainer[FieldProfile]
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., dataType: _Optional[str] = ..., modeltype: _Optional[_Union[ModelDescriptor.ModelType, str]] = ..., data: _Optional[bytes] = ..., location: _Optional[str] = ..., format: _Optional[str] = ..., command: _Optional[_Union[ModelDescriptor.Command, str]] = ..., slot: _Optional[str] = ..., version: _Optional[str] = ..., publication_id: _Optional[str] = ..., digest: _Optional[str] = ..., switch_mode: _Optional[_Union[ModelDescriptor.SwitchMode, str]] = ..., valid_from: _Optional[int] = ..., golden: _Optional[_Iterable[_Union[GoldenRecord, _Mapping]]] = ..., golden_tolerance: _Optional[float] = ..., mapping: _Optional[_Iterable[_Union[InputMapping, _Mapping]]] = ..., replaces_signature: bool = ..., appended_at: _Optional[int] = ..., options: _Optional[_Mapping[str, str]] = ..., profile: _Optional[_Iterable[_Union[FieldProfile, _Mapping]]] = ...) -> None: ...

class GoldenRecord(_message.Message):
    __slots__ = ("inputs", "outputs")
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    inputs: str
    outputs: str
    def __init__(self, inputs: _Optional[str] = ..., outputs: _Optional[str] = ...) -> None: ...

class FieldProfile(_message.Message):
    __slots__ = ("name", "output", "edges", "values", "counts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    output: bool
    edges: _containers.RepeatedScalarFieldContainer[float]
    values: _containers.RepeatedScalarFieldContainer[str]
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., output: bool = ..., edges: _Optional[_Iterable[float]] = ..., values: _Optional[_Iterable[str]] = ..., counts: _Optional[_Iterable[int]] = ...) -> None: ...

class InputMapping(_message.Message):
    __slots__ = ("input", "fields")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    input: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, input: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ...) -> None: ...

class ScoringResult(_message.Message):
    __slots__ = ("id", "key", "data_type", "slot", "model", "version", "digest", "position", "scored_at", "score_ns", "source", "partition", "offset", "outputs")
    ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SCORED_AT_FIELD_NUMBER: _ClassVar[int]
    SCORE_NS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    key: bytes
    data_type: str
    slot: str
    model: str
    version: str
    digest: str
    position: int
    scored_at: int
    score_ns: int
    source: str
    partition: int
    offset: int
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    def __init__(self, id: _Optional[str] = ..., key: _Optional[bytes] = ..., data_type: _Optional[str] = ..., slot: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[str] = ..., digest: _Optional[str] = ..., position: _Optional[int] = ..., scored_at: _Optional[int] = ..., score_ns: _Optional[int] = ..., source: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: Value
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("number", "integer", "text", "flag", "data", "list")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    number: float
    integer: int
    text: str
    flag: bool
    data: bytes
    list: Values
    def __init__(self, number: _Optional[float] = ..., integer: _Optional[int] = ..., text: _Optional[str] = ..., flag: bool = ..., data: _Optional[bytes] = ..., list: _Optional[_Union[Values, _Mapping]] = ...) -> None: ...

class Values(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...
