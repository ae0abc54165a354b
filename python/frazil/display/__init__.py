"""How objects show themselves: as Python code, as text for people, and in notebooks."""

from frazil.display.html import html
from frazil.display.mixins import ExecutableDisplay, StructuralDisplay
from frazil.display.parts import Default, Fields, Parts, Shown, Verbatim
from frazil.display.scalars import code, quoted
from frazil.display.text import executable, structural

__all__ = [
    "Default",
    "ExecutableDisplay",
    "Fields",
    "Parts",
    "Shown",
    "StructuralDisplay",
    "Verbatim",
    "code",
    "executable",
    "html",
    "quoted",
    "structural",
]
