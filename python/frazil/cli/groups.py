"""Groups of commands that know ``help``, as in ``frazil help branch create``."""

from __future__ import annotations

from typing import Any

from frazil.cli.click import click


class Commands(click.Group):
    """A group whose own name alone prints its help to standard error, with status 2."""

    group_class = type  # groups inside this one are like it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_command(_help)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - given by click
        """In the order of definition, `help` last."""
        return [*(name for name in self.commands if name != _help.name), "help"]


@click.command("help", short_help="Print this message or the help of the given subcommand(s)")
@click.argument("names", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def _help(context: click.Context, names: tuple[str, ...]) -> None:
    """Print the help of a command."""
    about = context.parent
    assert about is not None
    for name in names:
        command = about.command.get_command(about, name) if isinstance(about.command, click.Group) else None
        if command is None:
            raise click.UsageError(f"No such command '{name}'.", about)
        about = click.Context(command, info_name=name, parent=about)
    click.echo(about.get_help())
