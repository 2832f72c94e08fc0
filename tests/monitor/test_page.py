"""The page in a real browser: what a person sees of a run, and does to it by clicking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.project import linear
from tests.monitor.browser import Page, browse
from tests.monitor.conftest import Served

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browse(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page, served: Served) -> Iterator[Page]:
    """The page of a running engine; nothing may go wrong in it."""
    browser.problems.clear()
    browser.requests.clear()
    browser.size(1280, 900)
    browser.be("light")
    browser.open(str(served.client.base_url))
    browser.until("document.querySelector('.serving')?.innerText === 'line 7'")
    yield browser
    browser.open("about:blank")


def serving(page: Page, name: str) -> None:
    page.until(f"document.querySelector('.serving')?.innerText === '{name}'")


def test_what_flows(page: Page, served: Served) -> None:
    with (served.project.path / "records.jsonl").open("a") as records:
        records.writelines(json.dumps({"kind": "wine", "id": f"n{x}", "at": x, "x": x}) + "\n" for x in range(500))
    page.until("[...document.querySelectorAll('.tile')].some((each) => each.innerText.includes('502'))")
    page.until("document.querySelectorAll('svg.plot .curve').length > 2")
    page.until("document.body.innerText.includes('undecodable')")
    assert [] == page.problems


def test_nothing_is_fetched_from_elsewhere(page: Page) -> None:
    assert page.requests
    assert [] == [each for each in page.requests if not each.startswith(("http://127.0.0.1:", "data:"))]


def test_a_model_is_published_refused_and_rolled_back_by_clicking(page: Page, tmp_path: Path) -> None:
    for name, content in (("better", linear(9)), ("broken", b"<PMML")):
        file = tmp_path / f"{name}.pmml"
        file.write_bytes(content)
        page.click("Publish…")
        page.choose_file("dialog input[name=file]", file)
        page.click("Publish", "dialog")
        page.until("!document.querySelector('dialog')")
        page.until(f"document.querySelector('#toasts').innerText.includes('{name}')")
    serving(page, "better 1")
    page.until("[...document.querySelectorAll('.plot .switch')].some((each) => each.textContent.includes('better'))")
    page.until("[...document.querySelectorAll('.plot .refusal')].some((each) => each.textContent.includes('broken'))")
    page.until("document.querySelector('#toasts').innerText.includes('was rejected')")
    page.click("Roll back…")
    page.until("document.querySelector('dialog .option input:checked')")
    page.click("Roll back", "dialog")
    serving(page, "line 7")
    assert [] == page.problems


def test_pinning_asks_first(page: Page, served: Served) -> None:
    page.click("Pin…")
    page.click("Cancel", "dialog")
    assert not served.get("/v1/slots")["slots"][0]["pinned"]
    page.click("Pin…")
    page.click("Pin", "dialog")
    page.until("document.querySelector('.badge.pin')")
    assert served.get("/v1/slots")["slots"][0]["pinned"]


def test_one_models_page(page: Page, served: Served) -> None:
    page.click("line 7")
    page.until("document.querySelector('h1')?.innerText === 'line 7'")
    text = page.text()
    told = ("Checks", "warmed, outputs fit the slot", "Signature", "double", "History", "serving", "99 % within")
    assert told == tuple(each for each in told if each in text)
    assert 4 == page.run("document.querySelectorAll('.checks .passed').length")


@pytest.mark.parametrize("place", ["#/models", "#/events", "#/dead-letters"])
def test_the_other_pages(page: Page, place: str) -> None:
    page.run(f"location.hash = '{place}'")
    page.until("document.querySelector('main table tbody tr')")
    current = page.run("document.querySelector('nav [aria-current]').getAttribute('href')")
    assert place == current
    assert [] == page.problems


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.size(360, 740, mobile=True)
    for place in ("#/", "#/models", "#/models/0", "#/events", "#/dead-letters"):
        page.run(f"location.hash = '{place}'")
        page.until("!document.querySelector('main .empty')?.innerText.includes('Reading')")
        assert page.run("document.documentElement.scrollWidth") <= 360, place


def test_light_and_dark(page: Page) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.run(colour)
    page.run("document.getElementById('theme').click()")
    dark = page.run(colour)
    assert light != dark
    page.run("document.getElementById('theme').click()")


def test_by_keyboard_and_screen_reader(page: Page) -> None:
    page.run("document.activeElement.blur()")
    page.press("Tab", 9)
    assert "Skip to content" == page.run("document.activeElement.innerText")
    unnamed = page.run(
        "[...document.querySelectorAll('button, a, input, select, svg[role=img], [role=region]')].filter((each) =>"
        " !(each.innerText?.trim() || each.getAttribute('aria-label') || each.closest('label'))).length"
    )
    assert 0 == unnamed
    assert 1 == page.run("document.querySelectorAll('h1').length")
    assert "polite" == page.run("document.getElementById('toasts').getAttribute('aria-live')")
    page.run("document.querySelector('#publish').focus()")
    page.press(" ", 32)
    page.until("document.querySelector('dialog[open]')")
    page.press("Escape", 27)
    page.until("!document.querySelector('dialog')")
