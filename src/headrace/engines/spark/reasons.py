"""What went wrong, out of what Spark tells: the whole plan and a stack of calls."""

from __future__ import annotations

import re

_REASON = re.compile(r"(?:^|: )(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception): (.+)$", re.MULTILINE)


def find_reason(told: str) -> str:
    """Find the innermost reason, on one line."""
    reasons = _REASON.findall(told)
    return str(reasons[-1] if reasons else told.split("\n", 1)[0]).strip()
