"""What the commands that read a state directory have in common."""

from __future__ import annotations

from pathlib import Path

import click


def find_state(state: Path | None, config: Path | None) -> Path:
    """Find the state directory by option or configuration. Raises ``UsageError`` and ``ConfigurationError``."""
    if state is not None:
        return state
    if config is None:
        raise click.UsageError("name the engine's state directory: --state DIR, or --config FILE that names it")
    from headrace.app.configuration import load_configuration

    configured = load_configuration(config)
    if configured.state is None:
        raise click.UsageError(f"{config} has no [state]: its engine keeps nothing that could be read")
    return configured.state.directory
