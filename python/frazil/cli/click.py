"""click, or the name of the extra that brings it."""

from __future__ import annotations

from frazil.integrations.optional import needs

with needs("click", extra="cli"):
    import click

__all__ = ["click"]
