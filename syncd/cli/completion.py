"""`syncd completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_SYNCD_COMPLETE"


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
    """Write the lines that teach SHELL to complete syncd's commands and options."""
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "syncd", VARIABLE).source())
