"""What a roll back may name."""

from __future__ import annotations

from headrace.core.retention import Retention
from headrace.records import Descriptor

A, B, C = "a" * 64, "b" * 64, "c" * 64


def offered(limit: int, *digests: str) -> Retention:
    retention = Retention(limit)
    for position, digest in enumerate(digests):
        retention.offer(position, digest, Descriptor(f"model-{position}", "wine", content=b"bytes"))
    return retention


def test_what_was_offered_can_be_found_without_its_bytes() -> None:
    found = offered(10, A, B).find(A, 2)
    assert found is not None
    assert ("model-0", A, None) == (found.name, found.digest, found.content)


def test_a_publication_without_a_version_keeps_its_position_as_version() -> None:
    retention = offered(10, A)
    retention.offer(1, B, Descriptor("named", "wine", version="v7"))
    assert ["0", "v7"] == [offer.descriptor.version for offer in retention.kept().values() if offer.descriptor]


def test_beyond_the_limit_the_oldest_is_forgotten() -> None:
    assert [B, C] == list(offered(2, A, B, C).kept())


def test_bytes_offered_again_count_as_new() -> None:
    assert [A, C] == list(offered(2, A, B, A, C).kept())


def test_only_what_came_before_the_roll_back_counts() -> None:
    retention = offered(2, A, B, C)
    assert retention.find(A, 2) is not None
    assert retention.find(A, 3) is None
    assert retention.find(C, 2) is None


def test_a_retired_digest_is_forgotten_until_it_is_offered_again() -> None:
    retention = offered(10, A, B)
    retention.retire(2, A)
    assert [B] == list(retention.kept())
    retention.offer(3, A, Descriptor("again", "wine"))
    assert [B, A] == list(retention.kept())


def test_an_offer_learnt_late_takes_its_place_by_position() -> None:
    """Bytes from a location: their digest is known when they have been fetched."""
    retention = Retention(10)
    retention.retire(2, A)
    retention.offer(1, A, Descriptor("late", "wine"))
    assert {} == retention.kept()
    assert retention.find(A, 2) is not None


def test_forgetting_the_past_changes_no_later_answer() -> None:
    retention = offered(2, A, B, A, C)
    retention.retire(4, C)
    before = list(retention.kept())
    retention.compact()
    assert before == list(retention.kept()) == [offer.digest for offer in retention.offers]
