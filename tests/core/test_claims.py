"""Which outputs a publication is held to."""

from __future__ import annotations

from headrace.core.claims import Claim, Claims, explain_misfit
from headrace.records import Field

Y = (Field("y", "int64"),)
Z = (Field("z", "double"),)


def test_nothing_is_claimed_at_first() -> None:
    assert Claim(-1) == Claims().before(0)


def test_a_claim_holds_for_what_comes_after_it() -> None:
    claims = Claims()
    claims.put(Claim(3, Y))
    assert [None, None, Y, Y] == [claims.before(position).outputs for position in (2, 3, 4, 99)]


def test_claims_may_be_put_in_any_order() -> None:
    claims = Claims()
    claims.put(Claim(7, Z))
    claims.put(Claim(3, Y))
    claims.put(Claim(5))
    assert [None, Y, None, Z] == [claims.before(position).outputs for position in (3, 5, 7, 8)]


def test_a_claim_of_the_same_position_is_replaced() -> None:
    claims = Claims()
    claims.put(Claim(3, Y))
    claims.put(Claim(3, Z))
    assert [Claim(-1), Claim(3, Z)] == claims.steps


def test_what_no_later_publication_is_held_to_is_forgotten() -> None:
    claims = Claims()
    for position, outputs in ((2, Y), (4, None), (6, Z)):
        claims.put(Claim(position, outputs))
    claims.forget_before(5)
    assert [Claim(4), Claim(6, Z)] == claims.steps
    assert [None, Z] == [claims.before(position).outputs for position in (5, 7)]


def test_outputs_that_agree_fit_in_any_order() -> None:
    assert explain_misfit(Y + Z, Z + Y) == ""


def test_each_difference_is_told() -> None:
    had = (Field("a", "int64"), Field("b", "double"), Field("c", "float", (3,)))
    have = (Field("b", "string"), Field("c", "float", (4,)), Field("d", "int64"))
    expected = "a is absent; d is new; b is string, was double; c is float[4], was float[3]"
    assert expected == explain_misfit(had, have)
