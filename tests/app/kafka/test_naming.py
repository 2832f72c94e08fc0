"""Names of instances that were given none."""

from __future__ import annotations

from pathlib import Path

from headrace.app.kafka.naming import claim_number


def test_each_instance_of_a_machine_has_the_lowest_free_number(tmp_path: Path) -> None:
    first, second = claim_number("group", tmp_path), claim_number("group", tmp_path)
    assert (0, 1) == (first.number, second.number)
    assert first.name != second.name
    first.release()
    third = claim_number("group", tmp_path)
    assert 0 == third.number
    another = claim_number("another", tmp_path)
    assert 0 == another.number
    for claim in (second, third, another):
        claim.release()
