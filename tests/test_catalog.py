import sys
import types
from pathlib import Path

import pytest

from headrace import catalog
from headrace.errors import ConfigurationError, MissingExtraError, UnknownFormatError


class Shouting:
    name = "shouting"

    def recognises(self, content: bytes) -> bool:
        return content.startswith(b"LOUD")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A catalog of one format that always imports, so that no test depends on what is installed."""
    module = types.ModuleType("own_formats_of_test")
    module.Shouting = Shouting  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_formats_of_test", module)
    monkeypatch.setattr(catalog, "ENTRIES", {"format": {}})
    return {"shouting": "own_formats_of_test:Shouting"}


def test_names_are_listed_in_order() -> None:
    assert catalog.find_names("format") == ("onnx", "pmml", "savedmodel", "tensorflow")


def test_an_unknown_kind_lists_the_kinds() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown kind of part 'fromat'; there are: engine, format"):
        catalog.find_names("fromat")


def test_an_unknown_name_lists_what_exists_and_the_closest() -> None:
    known = "onnx, pmml, savedmodel, tensorflow"
    with pytest.raises(ConfigurationError, match=rf"unknown format 'onx'; there are: {known}; did you mean 'onnx'\?"):
        catalog.load("format", "onx")


def test_load_gives_the_attribute(monkeypatch: pytest.MonkeyPatch, own: dict[str, str]) -> None:
    monkeypatch.setattr(catalog, "ENTRIES", {"format": {"shouting": catalog.Entry(own["shouting"])}})
    assert Shouting is catalog.load("format", "shouting")


def test_a_missing_package_names_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: dict[str, str]
) -> None:
    (tmp_path / "format_of_test.py").write_text("import absent_package_of_test\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry = catalog.Entry("format_of_test:Format", extra="special")
    monkeypatch.setattr(catalog, "ENTRIES", {"format": {"special": entry}})
    with pytest.raises(MissingExtraError, match=r"'absent_package_of_test'.*pip install 'headrace\[special\]'"):
        catalog.load("format", "special")


@pytest.mark.parametrize("target", ["nothing", ":thing", "module:", ""])
def test_a_target_that_is_not_module_and_attribute(target: str) -> None:
    with pytest.raises(ConfigurationError, match=r"package\.module:attribute"):
        catalog.load_target(target)


def test_a_module_that_does_not_exist_is_no_missing_extra() -> None:
    with pytest.raises(ConfigurationError, match=r"no module 'headrace\.nowhere'"):
        catalog.load_target("headrace.nowhere:Thing")


def test_an_attribute_that_does_not_exist() -> None:
    with pytest.raises(ConfigurationError, match=r"module 'headrace\.errors' has no 'NoSuchError'"):
        catalog.load_target("headrace.errors:NoSuchError")


def test_recognise_returns_the_format_that_knows_the_bytes(own: dict[str, str]) -> None:
    assert catalog.recognise(b"LOUD and clear", own).name == "shouting"


def test_bytes_of_no_format_name_what_was_tried_and_how_they_start(own: dict[str, str]) -> None:
    with pytest.raises(UnknownFormatError, match=r"tried shouting; the first bytes are b'quiet'"):
        catalog.recognise(b"quiet", own)


def test_no_bytes(own: dict[str, str]) -> None:
    with pytest.raises(UnknownFormatError, match="there are no bytes"):
        catalog.recognise(b"", own)


def test_bytes_are_not_judged_while_a_format_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, str]
) -> None:
    monkeypatch.setattr(catalog, "ENTRIES", {"format": {"absent": catalog.Entry("absent_package_of_test:Format")}})
    with pytest.raises(MissingExtraError, match=r"not a model of shouting .* no module 'absent_package_of_test'"):
        catalog.recognise(b"quiet", own)
