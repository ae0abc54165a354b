"""The ``frazil`` command.  ``main`` is its entry point; everything else needs the extra ``cli``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command of this process's arguments, and leave with its status."""
    try:
        from frazil.cli.commands import frazil
    except ModuleNotFoundError as missing:
        if missing.name != "click":
            raise
        sys.exit(f"frazil: {missing}")
    frazil(prog_name="frazil")
