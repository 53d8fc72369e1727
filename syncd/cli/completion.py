"""`syncd completion`: the lines with which a shell completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from syncd.cli.options import COMPLETE_VARIABLE


@click.command(
    epilog="""\b
Example:
  eval "$(syncd completion bash)"            in ~/.bashrc
  eval "$(syncd completion zsh)"             in ~/.zshrc
  syncd completion fish | source             in ~/.config/fish/config.fish"""
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the lines that make SHELL complete syncd's commands, options, accounts, regions, sinks and images."""
    shell_complete = get_completion_class(shell)
    assert shell_complete is not None
    click.echo(shell_complete(context.find_root().command, {}, "syncd", COMPLETE_VARIABLE).source())
