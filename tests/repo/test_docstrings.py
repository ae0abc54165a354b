"""Everything a user can name says what it is."""

import inspect
from collections.abc import Iterator

import pytest

import frazil


def members() -> Iterator[tuple[str, object]]:
    """The public names, and the public methods and properties that their classes define themselves."""
    for name in frazil.__all__:
        value = getattr(frazil, name)
        if inspect.isroutine(value) or inspect.isclass(value):
            yield name, value
        if inspect.isclass(value) and value.__module__.startswith("frazil"):
            for member, what in vars(value).items():
                plain = what.__func__ if isinstance(what, staticmethod | classmethod) else what
                if not member.startswith("_") and (inspect.isroutine(plain) or isinstance(plain, property)):
                    yield f"{name}.{member}", plain


@pytest.mark.parametrize(("name", "value"), list(members()), ids=lambda value: value if isinstance(value, str) else "")
def test_public_names_have_docstrings(name: str, value: object) -> None:
    assert len((inspect.getdoc(value) or "").split()) > 1, f"{name} has no docstring that says anything"
