"""The page as axe sees it, in both themes, and the pictures of it that the documentation shows."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.records import FieldProfile
from tests.app.project import Project, linear
from tests.monitor.axe import find_barriers
from tests.monitor.browser import Page, browse
from tests.monitor.conftest import Served, configure, serve

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PLACES = ("#/", "#/models", "#/models/0", "#/events", "#/dead-letters")
PROFILE = (
    FieldProfile("x", edges=(100.0, 200.0, 300.0), counts=(100, 100, 100, 100, 0)),
    FieldProfile("y", output=True, edges=(400.0, 800.0), counts=(200, 180, 20, 0)),
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browse(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page, quiet_project: Project) -> Iterator[tuple[Page, Served]]:
    """The page of an engine that has switched, refused a model, and failed at a record."""
    quiet_project.publish(linear(), name="quality", version="1", profile=PROFILE)
    quiet_project.write_records(*range(300), "no json")
    with serve(quiet_project) as served:
        served.until_scored(300)
        quiet_project.publish(linear(5), name="quality", version="2", profile=PROFILE)
        served.until("/v1/models", lambda told: told["models"][-1]["state"] == "serving")
        quiet_project.publish(b"<PMML", name="quality", version="3")
        served.until("/v1/models", lambda told: told["models"][-1]["state"] == "rejected")
        browser.problems.clear()
        browser.size(1280, 900)
        browser.be("light")
        browser.open(str(served.client.base_url))
        browser.until("document.querySelector('.serving')?.innerText === 'quality 2'")
        yield browser, served
        browser.open("about:blank")


def show(page: Page, place: str) -> None:
    page.run(f"location.hash = '{place}'")
    page.until("document.querySelector('main table tbody tr')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: tuple[Page, Served], theme: str) -> None:
    shown, _ = page
    shown.run(f"document.documentElement.dataset.theme = '{theme}'")
    for place in PLACES:
        show(shown, place)
        assert [] == find_barriers(shown), place
    for button in ("Publish…", "Pin…", "Roll back…"):
        shown.run("location.hash = '#/'")
        shown.click(button)
        shown.until("document.querySelector('dialog[open]')")
        assert [] == find_barriers(shown), button
        shown.press("Escape", 27)
        shown.until("!document.querySelector('dialog')")
    assert [] == shown.problems


def test_axe_finds_what_is_wrong(page: tuple[Page, Served]) -> None:
    shown, _ = page
    shown.run("document.querySelector('main').append(document.createElement('input'))")
    assert ["label"] == [each.split()[0] for each in find_barriers(shown)]


def test_drift_is_drawn(page: tuple[Page, Served]) -> None:
    shown, _ = page
    show(shown, "#/models/0")
    shown.until("document.querySelectorAll('.spread').length === 2")
    text = shown.text()
    told = ("Drift", "steady", "output", "Population stability index")
    assert told == tuple(each for each in told if each in text)
    label = shown.run("document.querySelector('.spread').getAttribute('aria-label')")
    assert label.startswith("x: below 100: 33.3 %, expected 25.0 %; 100 to 200: 33.3 %")


def test_a_token_is_asked_for_until_it_is_right(
    browser: Page, quiet_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_WRITE", "writer")
    monkeypatch.setenv("HEADRACE_READ", "reader")
    configure(quiet_project, 'port = 0\nread_token_env = "HEADRACE_READ"\nwrite_token_env = "HEADRACE_WRITE"\n')
    quiet_project.publish(linear(), name="quality", version="1")
    quiet_project.write_records(1, 2)
    with serve(quiet_project, {"authorization": "Bearer reader"}) as served:
        served.until_scored(2)
        browser.open(str(served.client.base_url))
        browser.until("document.querySelector('dialog[open] input[name=token]')")
        assert "A token is needed" in browser.text()
        assert [] == find_barriers(browser)
        enter_token(browser, "wrong")
        browser.until("document.querySelector('dialog[open] input[name=token]')?.value === ''")
        enter_token(browser, "writer")
        browser.until("document.querySelector('.serving')?.innerText === 'quality 1'")
        browser.until("!document.querySelector('dialog')")
        assert "writer" == browser.run("sessionStorage.getItem('headrace-token')")
        assert browser.run(ASK_LATE)
        assert not browser.run("document.querySelector('dialog')")
        browser.click("Pin…")
        browser.click("Pin", "dialog")
        served.until("/v1/slots", lambda told: told["slots"][0]["pinned"])
        browser.open("about:blank")


ASK_LATE = """(async () => {
  const { get } = await import("/site/api.js");
  const [token, ask] = [sessionStorage.getItem("headrace-token"), window.fetch];
  let answer;
  const held = new Promise((resolve) => { answer = resolve; });
  window.fetch = async (...given) => { await held; return ask(...given); };
  sessionStorage.setItem("headrace-token", "wrong");
  const told = get("/v1/slots");
  window.fetch = ask;
  sessionStorage.setItem("headrace-token", token);
  answer();
  return (await told).slots.length === 1;
})()"""
"""Has the answer to a request with a wrong token come when the right one is known."""


def enter_token(page: Page, token: str) -> None:
    page.run("document.querySelector('dialog input[name=token]').focus()")
    page.type(token)
    page.click("Continue", "dialog")


def test_pictures_for_the_documentation(browser: Page, quiet_project: Project, tmp_path: Path) -> None:
    """Drawn on every run; kept where the variable HEADRACE_PICTURES names a folder."""
    folder = Path(os.environ.get("HEADRACE_PICTURES") or tmp_path)
    quiet_project.publish(linear(), name="linear", version="1", profile=PROFILE)
    with serve(quiet_project) as served:
        browser.size(1280, 900)
        browser.be("light")
        browser.open(str(served.client.base_url))
        for second in range(15):
            if second == 5:
                quiet_project.publish(linear(5), name="steeper", version="2", profile=PROFILE)
            if second == 10:
                quiet_project.publish(b"<PMML", name="broken", version="3")
            flow(served, second)
        browser.until("document.querySelector('.serving')?.innerText === 'steeper 2'")
        browser.until(
            "[...document.querySelectorAll('.plot .refusal')].some((each) => each.textContent.includes('broken'))"
        )
        for name, place, at in (("page", "#/", "h1"), ("drift", "#/models/1", ".spread")):
            show(browser, place)
            browser.until(f"document.querySelector('{at}')")
            browser.run(
                f"document.activeElement.blur(); document.querySelector('{at}').scrollIntoView({{block: 'center'}})"
            )
            file = folder / f"{name}.png"
            browser.picture(file, whole=False)
            content = file.read_bytes()
            assert (b"\x89PNG", (1280, 900)) == (content[:4], struct.unpack(">II", content[16:24]))
        browser.open("about:blank")


def flow(served: Served, second: int) -> None:
    """Let records flow until there is another point of the series; their x shifts over time."""
    rows = [{"kind": "wine", "id": f"{second}-{x}", "at": x, "x": x % 400 + 15 * second} for x in range(300)]
    lines = [json.dumps(row) for row in rows] + ["no json"] * (second % 4 == 3)
    points = len(served.get("/v1/series")["points"])
    with (served.project.path / "records.jsonl").open("a") as records:
        records.writelines(f"{line}\n" for line in lines)
    served.until("/v1/series", lambda told: len(told["points"]) > points)
