"""``headrace completion``: the script that lets a shell complete commands, options and file names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

HOW = {
    "bash": 'eval "$(headrace completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(headrace completion zsh)"    # in ~/.zshrc',
    "fish": "headrace completion fish | source    # in ~/.config/fish/config.fish",
}


@click.command(epilog="\b\n" + "\n".join(HOW.values()))
@click.argument("shell", type=click.Choice(list(HOW)))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    from headrace.cli.program import program

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(program, {}, "headrace", "_HEADRACE_COMPLETE").source())
