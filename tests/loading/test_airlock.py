"""Every test starts its own children: about a second each."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.abc.loader import Stage
from headrace.errors import ConfigurationError, LimitError, ModelFormatError, UnsupportedError, VerificationError
from headrace.loading import LoadOptions, ProcessChecker
from headrace.loading.checking import Checked
from headrace.records import Descriptor, GoldenRecord

pytestmark = pytest.mark.slow

DESCRIPTOR = Descriptor("doubler", "numbers")
Write = Callable[..., bytes]


@contextmanager
def open_checker(options: LoadOptions) -> Iterator[ProcessChecker]:
    checker = ProcessChecker(options)
    try:
        yield checker
    finally:
        checker.close()


def run(checker: ProcessChecker, content: bytes, descriptor: Descriptor = DESCRIPTOR) -> Checked:
    return checker.check(content, descriptor, lambda stage: None)


def find_pid(checker: ProcessChecker) -> int:
    assert checker._child is not None
    return checker._child._process.pid


def test_one_child_checks_candidate_after_candidate(options: LoadOptions, write: Write) -> None:
    with open_checker(options) as checker:
        stages: list[Stage] = []
        content = write(size=2**20)
        checked = checker.check(content, DESCRIPTOR, stages.append)
        child = find_pid(checker)
        assert stages == [Stage.LOADING, Stage.VERIFYING, Stage.WARMING]
        assert checked.format == "fake"
        arrays = checked.prepared.arrays
        assert np.array_equal(np.arange(2**20, dtype=np.float64).reshape(2, -1), arrays["numbers"])
        assert np.array_equal([[0, 3], [1, 4], [2, 5]], arrays["transposed"])
        assert arrays["content"].tobytes() == content
        with pytest.raises(UnsupportedError, match="what is not supported"):
            run(checker, write("refuse"))
        with pytest.raises(VerificationError, match=r"expected 5\.0, got 4\.0"):
            run(checker, write(), replace(DESCRIPTOR, golden=(GoldenRecord({"x": 2}, {"y": 5.0}),)))
        run(checker, write("print"))
        assert child == find_pid(checker)


def test_a_child_is_shut_off(options: LoadOptions, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with open_checker(options) as checker, pytest.raises(UnsupportedError) as raised:
        run(checker, write("look"))
    assert msgspec.json.decode(str(raised.value)) == {
        "directory": [],
        "variables": [],
        "interfaces": [],
        "session": True,
        "files": 64,
        "core": 0,
        "large": False,
    }


def test_a_child_gives_way_to_what_serves(options: LoadOptions, write: Write) -> None:
    with open_checker(options) as checker:
        run(checker, write())
        child = find_pid(checker)
        assert options.niceness == os.getpriority(os.PRIO_PROCESS, child)
        group = Path(f"/proc/{child}/autogroup")
        if group.exists() and (told := group.read_text()):  # a container's processes have no such group
            assert told.rstrip().endswith(f" nice {options.niceness}")


def test_limits_are_no_verdict_and_the_child_is_replaced(options: LoadOptions, write: Write) -> None:
    limited = replace(options, cpu_seconds=1, wall_seconds=90.0, memory_bytes=2**28)
    with open_checker(limited) as checker:
        checker.start()
        for what, message in [
            ("spin", "'doubler' used more than 1 s of CPU time"),
            ("memory", "'doubler' took more memory than is allowed"),
            ("crash of memory", "'doubler' took more memory than is allowed: .*bad_alloc"),
        ]:
            child = find_pid(checker)
            with pytest.raises(LimitError, match=message):
                run(checker, write(what))
            assert child != find_pid(checker)
        run(checker, write())


def test_a_candidate_that_never_ends(options: LoadOptions, write: Write) -> None:
    limited, message = replace(options, wall_seconds=0.5), r"'doubler' took more than 0\.5 s"
    with open_checker(limited) as checker, pytest.raises(LimitError, match=message):
        run(checker, write("hang"))


@pytest.mark.parametrize(
    ("what", "how"), [("crash", "SIGSEGV"), ("exit", "exit code 3"), ("garbage", "answered what is no answer")]
)
def test_a_crash_that_repeats_is_a_verdict(
    options: LoadOptions, write: Write, caplog: pytest.LogCaptureFixture, what: str, how: str
) -> None:
    with open_checker(options) as checker:
        with caplog.at_level(logging.WARNING), pytest.raises(ModelFormatError, match=f"twice: {how}"):
            run(checker, write(what))
        assert "trying again" in caplog.text
        run(checker, write())


def test_a_child_is_replaced_after_so_many_checks(options: LoadOptions, write: Write) -> None:
    with open_checker(replace(options, checks_per_child=2)) as checker:
        children = []
        for _ in range(3):
            run(checker, write())
            children.append(find_pid(checker))
        assert children[0] != children[1]
        assert children[1] == children[2]


def test_a_child_that_cannot_start_says_why(options: LoadOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", ["/nowhere"])
    monkeypatch.setattr("sys.executable", "/bin/false")
    with open_checker(options) as checker, pytest.raises(ConfigurationError, match="the loading process cannot start"):
        run(checker, b"")


def test_nothing_is_left(options: LoadOptions, write: Write) -> None:
    with open_checker(options) as checker:
        run(checker, write())
        assert checker._child is not None
        left = [Path(checker._child._directory), Path(f"/proc/{find_pid(checker)}")]
        assert all(path.is_dir() for path in left)
    assert not any(path.exists() for path in left)
