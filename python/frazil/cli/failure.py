"""What ends a command with status 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from frazil.cli.click import click
from frazil.errors import IcechunkError


class Failure(click.ClickException):
    """A message for standard error, without the "Error: " that click would put before it."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=True)


@contextmanager
def failing(what: str) -> Iterator[None]:
    """Turn errors of the package into a ``Failure`` that says what was tried and why it failed."""
    try:
        yield
    except (IcechunkError, ValueError, TypeError, OSError) as problem:
        # The trace of operations is for programmers; `frazil.Repository` shows it.
        reason = str(problem).partition("\n\ncontext:")[0]
        raise Failure(f"{what}: {reason}") from problem
