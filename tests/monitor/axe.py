"""Axe over what a page shows: what would keep people from using it."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

from tests.monitor.browser import Page

SERIOUS = {"serious", "critical"}


def find_barriers(page: Page) -> list[str]:
    """List the serious findings: rule, what is wrong, and the first elements that it is about."""
    if not page.run("typeof axe === 'object'"):
        source = importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        page.run(f"{source};0")
    told = page.run("axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found))")
    found: dict[str, Any] = json.loads(told)
    assert found["passes"], "axe has looked at nothing"
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]
