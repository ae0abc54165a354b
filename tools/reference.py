"""Write docs/reference.md: every public name with its signature and docstring.

python tools/reference.py           # rewrite it (`make reference`)
python tools/reference.py --check   # status 1 if it is out of date
"""

import enum
import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import UnionType

import frazil

TARGET = Path(__file__).resolve().parents[1] / "docs" / "reference.md"

HEAD = """# Reference

Every name of the package `frazil`, from its docstrings; `make reference` rewrites this file.
The functions and methods that have an asynchronous twin have it under the same name with `_async` at the end, with the
same arguments and result.
"""

STARS: dict[object, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def signature(function: Callable[..., object]) -> str:
    """The parameters as they are written, with annotations and defaults."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return "(...)"
    written, seen_keyword = [], False
    for parameter in parameters:
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            seen_keyword = True
        if parameter.kind is parameter.KEYWORD_ONLY and not seen_keyword:
            written.append("*")
            seen_keyword = True
        prefix = STARS.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f"={shown_default(parameter.default)}"
        written.append(prefix + parameter.name + default)
    return f"({', '.join(written)})"


def shown_default(value: object) -> str:
    """A default as a reader would write it; what has no such form is shown as an ellipsis."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    text = repr(value)
    return "..." if text.startswith("<") or "object at" in text else text


def docstring(value: object) -> str:
    """The docstring in Markdown: numpy sections become lists under a bold word, double backquotes single ones."""
    text: list[str] = []
    in_section = False
    for line in (inspect.getdoc(value) or "").replace("``", "`").splitlines():
        if line and set(line) == {"-"} and text:
            text[-1] = f"**{text[-1]}**\n"
            in_section = True
        elif in_section and line and not line.startswith(" "):
            text.append(f"- `{line}`:")
        elif in_section and line:
            text[-1] += f" {line.strip()}"
        else:
            text.append(line)
            in_section = in_section and not line
    return "\n".join(text).strip()


def members(cls: type) -> Iterator[str]:
    """One line for each public method and property that the class defines; asynchronous twins are not repeated."""
    for name, value in sorted(vars(cls).items()):
        plain = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if name.startswith("_") or (name.endswith("_async") and hasattr(cls, name.removesuffix("_async"))):
            continue
        summary = " ".join(docstring(plain).partition("\n\n")[0].split())
        if isinstance(plain, property):
            yield f"- `{name}`: {summary}"
        elif inspect.isroutine(plain):
            yield f"- `{name}{signature(plain)}`: {summary}"


def entry(name: str, value: object) -> str:
    """One public name."""
    if isinstance(value, UnionType) or typing.get_origin(value) is not None:
        parts = [part.__name__ if inspect.isclass(part) else repr(part) for part in typing.get_args(value)]
        return f"### {name}\n\nOne of {', '.join(f'`{part}`' for part in parts)}."
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        cases = "\n".join(f"- `{member.name}`" for member in value)
        return f"### {name}\n\n{docstring(value)}\n\n{cases}"
    if inspect.isclass(value):
        base = value.__mro__[1].__name__
        listed = "\n".join(members(value))
        kind = f"An exception, a kind of `{base}`. " if issubclass(value, BaseException) else ""
        return f"### {name}\n\n{kind}{docstring(value)}\n\n{listed}".rstrip()
    if inspect.isroutine(value):
        return f"### {name}\n\n`{name}{signature(value)}`\n\n{docstring(value)}"
    return f"### {name}\n\nA value of type `{type(value).__name__}`."


def chapter(value: object) -> str:
    """Under which heading a name stands."""
    if inspect.isclass(value) and issubclass(value, BaseException):
        return "Errors"
    if inspect.isclass(value):
        return "Enumerations" if issubclass(value, enum.Enum) else "Classes"
    return "Functions" if inspect.isroutine(value) else "Other names"


def reference() -> str:
    """The whole document."""
    chapters: dict[str, list[str]] = {
        name: [] for name in ("Functions", "Classes", "Enumerations", "Errors", "Other names")
    }
    for name in sorted(frazil.__all__):
        value = getattr(frazil, name)
        chapters[chapter(value)].append(entry(name, value))
    return HEAD + "".join(f"\n## {title}\n\n" + "\n\n".join(entries) + "\n" for title, entries in chapters.items())


def main() -> int:
    text = reference()
    if "--check" not in sys.argv:
        TARGET.write_text(text)
        return 0
    if TARGET.is_file() and TARGET.read_text() == text:
        return 0
    print(f"{TARGET.name} is out of date; run `make reference` and commit it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
