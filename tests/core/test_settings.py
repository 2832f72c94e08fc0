"""What the configuration says of a slot, and what it leaves open."""

from __future__ import annotations

from headrace.core.settings import JoinSettings, SlotSettings
from headrace.records import NoModelPolicy, SwitchMode
from tests.core.building import SECOND, WINE

SETTINGS = JoinSettings(
    switch=SwitchMode.ORDERED,
    no_model=NoModelPolicy.HOLD,
    slots={WINE: SlotSettings(switch=SwitchMode.READY, no_model=NoModelPolicy.SKIP), SECOND: SlotSettings()},
)


def test_a_slots_own_mode_goes_before_the_publications() -> None:
    assert SwitchMode.READY == SETTINGS.mode(WINE, SwitchMode.EVENT_TIME)


def test_the_publications_mode_goes_before_the_default() -> None:
    assert SwitchMode.EVENT_TIME == SETTINGS.mode(SECOND, SwitchMode.EVENT_TIME)
    assert SwitchMode.ORDERED == SETTINGS.mode(SECOND, None)


def test_a_slots_own_policy_goes_before_the_default() -> None:
    assert NoModelPolicy.SKIP == SETTINGS.policy(WINE)
    assert NoModelPolicy.HOLD == SETTINGS.policy(SECOND)
