"""What a state directory or a running engine tells, as the JSON values that commands print and notebooks show."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from headrace.app.inspection import add_up, list_versions, read_observed
from headrace.core.spreads import summarise_drift
from headrace.errors import SourceError

if TYPE_CHECKING:
    from headrace.app.inspection import VersionView
    from headrace.core.statistics import Counts

_PATIENCE = 10.0
TIMES = ("total", "min", "mean", "p50", "p99", "max")


def names_engine(address: str) -> bool:
    """Tell whether an address is that of a running engine's monitor."""
    return address.startswith(("http://", "https://"))


def read_running_engine(url: str, path: str, token_env: str) -> dict[str, Any]:
    """Read a document from the monitor of a running engine; ``token_env`` names the variable of its token.

    Raises ``SourceError``.
    """
    token = os.environ.get(token_env, "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(url.rstrip("/") + path, headers=headers)  # noqa: S310 who names it has checked its scheme
    try:
        with urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310 the same
            told: dict[str, Any] = json.load(response)
    except HTTPError as error:
        hint = f"; put the token into the environment variable {token_env}" if error.code == 401 else ""
        raise SourceError(f"{url} answers {error.code} {error.reason}{hint}") from error
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise SourceError(f"no engine answers at {url}: {reason}; is it running, with a table [monitor]?") from error
    except ValueError as error:
        raise SourceError(f"what answers at {url} is no monitor of Headrace: {error}") from error
    return told


def read_state_models(state: Path) -> dict[str, Any]:
    """Read the models of a state directory. Raises ``StateError``."""
    observed = read_observed(state)
    views = list_versions(observed.snapshot)
    return {"committed_at": observed.committed_at, "models": [describe_view(view) for view in views]}


def describe_view(view: VersionView) -> dict[str, Any]:
    """Give a publication as JSON values; times are milliseconds since the epoch."""
    saved = view.saved
    return {
        "data_type": view.slot.data_type,
        "slot": view.slot.name,
        "name": saved.descriptor.name,
        "version": view.version,
        "description": saved.descriptor.description,
        "digest": saved.digest,
        "position": saved.position,
        "state": str(saved.state),
        "pinned": view.pinned,
        "retained": view.retained,
        "since": saved.statistics.since,
        "until": saved.statistics.until,
        "records": saved.statistics.records,
        "reason": saved.reason,
    }


def read_state_statistics(state: Path) -> dict[str, Any]:
    """Read the statistics of a state directory. Raises ``StateError``."""
    observed = read_observed(state)
    views = [view for view in list_versions(observed.snapshot) if view.saved.state != "rejected"]
    total, wrong = add_up(observed)
    return {
        "committed_at": observed.committed_at,
        "versions": [_describe(view) for view in views],
        "slots": [
            {"data_type": slot.key.data_type, "slot": slot.key.name, **_describe_counts(slot.counts)}
            for slot in observed.slots
        ],
        "unaddressed": _describe_counts(observed.unaddressed),
        "total": _describe_counts(total),
        "adds_up": not wrong,
        "differences": wrong,
    }


def _timing(view: VersionView) -> dict[str, float | None]:
    timing = view.saved.statistics.timing
    shares = {"p50": timing.quantile(0.5), "p99": timing.quantile(0.99)}
    ends = {"min": timing.min_ns, "mean": timing.mean_ns, "max": timing.max_ns}
    return {name: {**shares, **ends, "total": timing.total_ns}[name] for name in TIMES}


def _describe(view: VersionView) -> dict[str, Any]:
    saved = view.saved
    numbers = saved.statistics
    return {
        "data_type": view.slot.data_type,
        "slot": view.slot.name,
        "name": saved.descriptor.name,
        "version": view.version,
        "digest": saved.digest,
        "position": saved.position,
        "state": str(saved.state),
        "records": numbers.records,
        "errors": numbers.errors,
        "last_error": numbers.last_error,
        "drift": summarise_drift(saved.descriptor.profile, numbers.spread),
        "since": numbers.since,
        "until": numbers.until,
        **{f"{name}_ns": value for name, value in _timing(view).items()},
        "load_ns": numbers.load_ns,
        "verify_ns": numbers.verify_ns,
        "warm_ns": numbers.warm_ns,
        "memory_bytes": numbers.memory,
    }


def _describe_counts(counts: Counts) -> dict[str, int]:
    found = (counts.received, counts.scored, counts.dead_lettered, counts.skipped)
    return dict(zip(("in", "scored", "dead_lettered", "skipped"), found, strict=True))
