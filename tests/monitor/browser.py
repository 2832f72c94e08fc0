"""A real Chromium, driven over the pipe of its own debugging protocol: no package beside the browser is needed."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 30.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip


class Page:
    """One page of a browser. ``problems`` are what its scripts have thrown or logged as errors."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._rest = b""
        self._last = 0
        self._session = ""
        self.problems: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Network", "Log"):
            self._call(f"{domain}.enable")
        self.requests: list[str] = []

    def _call(self, method: str, **params: Any) -> Any:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            told = self._receive()
            if told.get("id") == self._last:
                assert "error" not in told, told
                return told["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._reads], [], [], PATIENCE)
            assert ready, "the browser says nothing"
            said = os.read(self._reads, 1 << 20)
            assert said, "the browser has ended"
            self._rest += said
        first, self._rest = self._rest.split(b"\0", 1)
        told: dict[str, Any] = json.loads(first)
        self._note(told)
        return told

    def _note(self, told: dict[str, Any]) -> None:
        params = told.get("params", {})
        match told.get("method"):
            case "Runtime.exceptionThrown":
                self.problems.append(json.dumps(params["exceptionDetails"])[:500])
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.problems.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])

    def open(self, url: str) -> None:
        """Go to an address."""
        self._call("Page.navigate", url=url)

    def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        """Make the window of a size."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def be(self, theme: str) -> None:
        """Prefer light or dark, as a person's system does."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def run(self, expression: str) -> Any:
        """Evaluate an expression of JavaScript."""
        told = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def until(self, expression: str) -> Any:
        """Evaluate until it is true."""
        ends = time.monotonic() + PATIENCE
        while not (told := self.run(f"!!({expression})")):
            assert time.monotonic() < ends, f"{expression}; the page: {self.text()}; its problems: {self.problems}"
            self.run("new Promise((resolve) => setTimeout(resolve, 50))")
        return told

    def text(self) -> str:
        """Give the text that is shown."""
        return str(self.run("document.body.innerText"))

    def click(self, text: str, within: str = "body") -> None:
        """Click the visible button or link of a text, as a mouse does, once it is there."""
        found = (
            f"[...document.querySelectorAll({json.dumps(within + ' button, ' + within + ' a')})]"
            f".find((each) => each.innerText.trim() === {json.dumps(text)} && each.offsetParent)"
        )
        self.until(f"!!{found}")
        x, y = self.run(
            f"(() => {{ const each = {found}; each.scrollIntoView({{ block: 'center' }});"
            " const box = each.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self._call("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def choose_file(self, selector: str, file: Path) -> None:
        """Choose a file in an input."""
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", files=[str(file)], nodeId=node)

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Write a PNG of the page."""
        shot = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browse(directory: Path) -> Iterator[Page]:
    """Run a browser with a profile of its own in a directory."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "these tests drive a real browser: install Chromium (Debian: apt-get install chromium)"
    commands, writes = os.pipe()
    reads, answers = os.pipe()

    own = [program, *FLAGS, f"--user-data-dir={directory}", "about:blank"]
    command = ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", *own]  # the browser looks for 3 and 4
    process = subprocess.Popen(
        command, pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(commands)
    os.close(answers)
    try:
        yield Page(reads, writes)
    finally:
        process.terminate()
        process.wait(PATIENCE)
        os.close(reads)
        os.close(writes)
