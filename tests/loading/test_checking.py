import sys
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from headrace.abc.loader import Stage
from headrace.errors import (
    ConfigurationError,
    LimitError,
    ModelFormatError,
    UnknownFormatError,
    UnsupportedError,
    VerificationError,
)
from headrace.loading import LoadOptions
from headrace.loading.checking import Checked, check, find_format, import_formats, make_example
from headrace.records import Descriptor, Field, GoldenRecord, Signature

DESCRIPTOR = Descriptor("doubler", "numbers")


def run(content: bytes, options: LoadOptions, descriptor: Descriptor = DESCRIPTOR) -> Checked:
    return check(content, descriptor, options, lambda stage: None)


def test_a_candidate_that_passes_reaches_every_stage(options: LoadOptions, write: Callable[..., bytes]) -> None:
    stages: list[Stage] = []
    checked = check(write(), DESCRIPTOR, options, stages.append)
    assert stages == [Stage.LOADING, Stage.VERIFYING, Stage.WARMING]
    assert checked.format == "fake"
    assert [each.name for each in checked.signature.inputs] == ["x"]
    assert checked.prepared.plan["factor"] == 2.0
    assert checked.timings.load_ns > 0
    assert checked.timings.warm_ns > 0


def test_golden_records_pass_through_the_mapping(options: LoadOptions, write: Callable[..., bytes]) -> None:
    golden = (GoldenRecord({"width": 2}, {"y": 4}), GoldenRecord({"width": -1}, {"y": -2.0, "name": None}))
    run(write(), options, replace(DESCRIPTOR, golden=golden, mapping={"x": ("width",)}))


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        (
            GoldenRecord({"x": 2}, {"y": 5.0}),
            r"golden record 1, output 'y': expected 5\.0, got 4\.0 \(tolerance 1e-06\)",
        ),
        (GoldenRecord({"x": 2}, {"z": 4}), r"names the output 'z', which the model does not have; it has 'y', 'name'"),
        (GoldenRecord({"x": 2000}, {"y": 4000}), "golden record 1 cannot be scored: x is above 1000"),
        (GoldenRecord({"x": 2}, {"name": None}), "'name': expected None, got 'fake'"),
        (GoldenRecord({"x": "two"}, {"y": 1}), "values of different types for the field 'x'"),
    ],
)
def test_golden_records_that_disagree(
    options: LoadOptions, write: Callable[..., bytes], golden: GoldenRecord, message: str
) -> None:
    good = GoldenRecord({"x": 1}, {"y": 2})
    with pytest.raises(VerificationError, match=message):
        run(write(), options, replace(DESCRIPTOR, golden=(good, golden)))


def test_golden_records_of_other_fields(options: LoadOptions, write: Callable[..., bytes]) -> None:
    golden = (GoldenRecord({"z": 1}, {"y": 2}),)
    with pytest.raises(VerificationError, match="the golden records do not fit the model: the record lacks an input"):
        run(write(), options, replace(DESCRIPTOR, golden=golden))


def test_the_model_s_own_verification(options: LoadOptions, write: Callable[..., bytes]) -> None:
    with pytest.raises(VerificationError, match="own verification disagrees"):
        run(write("disagree"), options)


def test_a_refusal_by_the_format_is_the_verdict(options: LoadOptions, write: Callable[..., bytes]) -> None:
    with pytest.raises(UnsupportedError, match="what is not supported"):
        run(write("refuse"), options)


def test_what_nobody_foresaw_is_a_verdict(options: LoadOptions, write: Callable[..., bytes]) -> None:
    with pytest.raises(ModelFormatError, match="'doubler' cannot be used: KeyError: 'nobody foresaw this'"):
        run(write("fail"), options)


def test_a_model_nested_too_deeply(options: LoadOptions, write: Callable[..., bytes]) -> None:
    depth = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        with pytest.raises(ModelFormatError, match="nested too deeply"):
            run(write("recurse"), options)
    finally:
        sys.setrecursionlimit(depth)


def test_memory_that_is_not_there_is_no_verdict(
    options: LoadOptions, write: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack(*_: object) -> None:
        raise MemoryError("64 GiB")

    monkeypatch.setattr("numpy.ones", lack)
    with pytest.raises(LimitError, match="took more memory than is allowed: 64 GiB"):
        run(write("memory"), options)


def test_a_format_is_found_by_its_bytes_or_its_name(options: LoadOptions, write: Callable[..., bytes]) -> None:
    assert find_format(write(), "", options).name == "fake"
    assert find_format(b"anything", "fake", options).name == "fake"


def test_a_format_is_made_with_its_options(options: LoadOptions, write: Callable[..., bytes]) -> None:
    tripled = replace(options, format_options={"fake": {"factor": 3.0}})
    assert run(write(), tripled).prepared.plan["factor"] == 6.0
    with pytest.raises(ConfigurationError, match="the options of the format 'fake' do not fit it"):
        run(write(), replace(options, format_options={"fake": {"faktor": 3.0}}))


def test_a_format_of_an_unknown_name(options: LoadOptions) -> None:
    with pytest.raises(UnknownFormatError, match="there is no format 'pfa' here; there are: fake, onnx, pmml"):
        find_format(b"", "pfa", options)


def test_an_example_has_the_types_of_the_inputs() -> None:
    inputs = [("a", "double"), ("b", "string"), ("c", "bool"), ("d", "date32"), ("e", "timestamp[ms]"), ("f", "int64")]
    fields = [Field(*each) for each in inputs] + [Field("v", "float", (2, 3)), Field("w", "float16", (-1,))]
    example = make_example(Signature(tuple(fields), ()))
    kinds = [pa.type_for_alias(kind) for _, kind in inputs]
    assert example.schema.types == [*kinds, pa.list_(pa.float32(), 6), pa.list_(pa.float16(), 1)]
    assert example.num_rows == 1


def test_a_format_that_cannot_be_imported_is_told_of_when_asked(options: LoadOptions) -> None:
    gone = {"gone": "no_such_module:Format"}
    import_formats(gone)
    with pytest.raises(ConfigurationError, match="no module 'no_such_module'"):
        find_format(b"", "gone", replace(options, formats=gone))
