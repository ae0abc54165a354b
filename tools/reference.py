"""Write docs/reference.md: every public name with its members, their signatures and docstrings.

python tools/reference.py           # rewrite it (`make reference`)
python tools/reference.py --check   # status 1 if it is out of date

The sources are read, not imported (griffe), so that annotations are as they are written and inherited members count.
"""

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "reference.md"

HEAD = """# Reference

Every name of the package `frazil`, from its docstrings; `make reference` rewrites this file.
The functions and methods that have an asynchronous twin have it under the same name with `_async` at the end, with the
same arguments and result.
"""

LINE = 120
OF_PYTHON = frozenset(
    [
        "Any",
        "Buffer",
        "Callable",
        "False",
        "Final",
        "Iterable",
        "Iterator",
        "Literal",
        "Mapping",
        "None",
        "Path",
        "PathLike",
        "Self",
        "Sequence",
        "True",
    ]
)
"""Capitalised names in annotations that are not the package's own."""


def package() -> griffe.Module:
    """The package, with what the stub says of the extension."""
    logging.getLogger("griffe").setLevel(logging.ERROR)  # the stub describes constructors in the docstrings of classes
    loaded = griffe.load(
        "frazil", search_paths=[ROOT / "python"], docstring_parser="numpy", resolve_aliases=True, allow_inspection=False
    )
    assert isinstance(loaded, griffe.Module)
    return loaded


def public_names(package: griffe.Module) -> list[str]:
    """The names that the package exports."""
    return sorted(str(name) for name in package.exports or ())


def resolved(member: griffe.Object | griffe.Alias) -> griffe.Object:
    """What a name stands for."""
    return member.final_target if isinstance(member, griffe.Alias) else member


def members(cls: griffe.Class) -> Iterator[tuple[str, griffe.Object]]:
    """The public members of a class by name, inherited ones too; asynchronous twins are not repeated.

    What comes from outside the package, the methods of Python's exceptions among them, is not listed.
    """
    names = cls.all_members
    for name in sorted(names):
        member = names[name]
        if name.startswith("_") or (name.endswith("_async") and name.removesuffix("_async") in names):
            continue
        try:
            yield name, resolved(member)
        except griffe.AliasResolutionError:
            continue


def signature(name: str, function: griffe.Function) -> str:
    """The parameters as they are written, one a line where they do not fit into one."""
    listed, starred = [], False
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        kind = parameter.kind
        if kind is griffe.ParameterKind.keyword_only and not starred:
            listed.append("*")
            starred = True
        stars = ""
        if kind is griffe.ParameterKind.var_positional:
            stars, starred = "*", True
        elif kind is griffe.ParameterKind.var_keyword:
            stars = "**"
        annotation = f": {parameter.annotation}" if parameter.annotation is not None else ""
        has_default = parameter.default is not None and not stars
        default = f"{' = ' if annotation else '='}{parameter.default}" if has_default else ""
        listed.append(f"{stars}{parameter.name}{annotation}{default}")
    result = f" -> {function.returns}" if function.returns is not None else ""
    line = f"{name}({', '.join(listed)}){result}"
    if len(line) <= LINE:
        return line
    return f"{name}(\n" + "".join(f"    {each},\n" for each in listed) + f"){result}"


def code(text: str) -> str:
    """A block of Python."""
    return f"```python\n{text}\n```"


def plain(text: str) -> str:
    """Docstrings quote names with two backquotes, Markdown with one."""
    return text.replace("``", "`")


def docstring(value: griffe.Object) -> str:
    """The docstring in Markdown."""
    if value.docstring is None:
        return ""
    parts = []
    for section in value.docstring.parsed:
        match section:
            case griffe.DocstringSectionText():
                parts.append(plain(section.value))
            case griffe.DocstringSectionExamples():
                for kind, text in section.value:
                    parts.append(code(text) if kind is griffe.DocstringSectionKind.examples else plain(text))
            case griffe.DocstringSectionAdmonition():
                parts.append(f"**{section.title}**\n\n{plain(section.value.description)}")
            case _:
                parts.append(f"**{(section.title or section.kind.value).capitalize()}**\n\n{items(section)}")
    return "\n\n".join(parts)


def items(section: griffe.DocstringSection) -> str:
    """What a section lists: parameters, results, errors."""
    lines = []
    for item in section.value:
        names_itself = section.kind in (
            griffe.DocstringSectionKind.parameters,
            griffe.DocstringSectionKind.other_parameters,
            griffe.DocstringSectionKind.attributes,
        )
        term = item.name if names_itself else item.annotation
        said = " ".join(plain(item.description).split())
        lines.append(f"- `{term}`: {said}" if term else f"- {said}")
    return "\n".join(lines)


def member_entry(owner: str, name: str, value: griffe.Object) -> str:
    """One method, property or attribute of a class."""
    head = f"#### {owner}.{name}"
    if isinstance(value, griffe.Function):
        return "\n\n".join(part for part in (head, code(signature(name, value)), docstring(value)) if part)
    annotation = f": {value.annotation}" if isinstance(value, griffe.Attribute) and value.annotation is not None else ""
    return "\n\n".join(part for part in (head, code(f"{name}{annotation}"), docstring(value)) if part)


def is_a(cls: griffe.Class, *names: str) -> bool:
    """Whether a class has one of these among its ancestors, whose sources need not be known."""
    chain = [cls, *(resolved(each) for each in cls.mro())]
    bases = {str(base).rpartition(".")[2] for each in chain if isinstance(each, griffe.Class) for base in each.bases}
    return bool(bases & set(names))


def is_for_users(constructor: griffe.Function, public: set[str]) -> bool:
    """Whether everything that the constructor takes has a public name."""
    words = {word for each in constructor.parameters for word in re.findall(r"\b[A-Z]\w+", str(each.annotation or ""))}
    return words <= public | OF_PYTHON


def class_entry(name: str, cls: griffe.Class, public: set[str]) -> str:
    """A class with all its members; an enumeration with its cases."""
    parts = [f"### {name}"]
    constructor = cls.all_members.get("__init__")
    if is_a(cls, "Enum", "StrEnum", "IntEnum"):
        parts.append(docstring(cls))
        cases = [member for _, member in members(cls) if isinstance(member, griffe.Attribute)]
        parts.append("\n".join(f"- `{case.name}`" for case in cases if "property" not in case.labels))
        return "\n\n".join(part for part in parts if part)
    if isinstance(constructor, griffe.Alias | griffe.Function) and not is_a(cls, "Exception", "IcechunkError"):
        made = resolved(constructor)
        if isinstance(made, griffe.Function) and is_for_users(made, public):
            parts.append(code(signature(name, made).removesuffix(" -> None")))
    elif cls.bases and is_a(cls, "Exception", "IcechunkError", "Warning", "UserWarning", "ResourceWarning"):
        parts.append(f"A kind of {', '.join(f'`{base}`' for base in cls.bases)}.")
    parts.append(docstring(cls))
    parts.extend(member_entry(name, member, value) for member, value in members(cls))
    return "\n\n".join(part for part in parts if part)


def entry(name: str, value: griffe.Object, public: set[str]) -> str:
    """One public name."""
    if isinstance(value, griffe.Class):
        return class_entry(name, value, public)
    if isinstance(value, griffe.Function):
        return "\n\n".join(part for part in (f"### {name}", code(signature(name, value)), docstring(value)) if part)
    if isinstance(value, griffe.Module):
        return f"### {name}\n\nA module. {docstring(value)}"
    shown = f" = {value.value}" if isinstance(value, griffe.Attribute) and value.value is not None else ""
    return "\n\n".join(part for part in (f"### {name}", code(f"{name}{shown}"), docstring(value)) if part)


def chapter(value: griffe.Object) -> str:
    """The heading under which a name stands."""
    if isinstance(value, griffe.Class):
        if is_a(value, "Exception", "IcechunkError", "Warning", "UserWarning", "ResourceWarning"):
            return "Errors and warnings"
        return "Enumerations" if is_a(value, "Enum", "StrEnum", "IntEnum") else "Classes"
    return "Functions" if isinstance(value, griffe.Function) else "Other names"


def reference() -> str:
    """The whole document."""
    chapters: dict[str, list[str]] = {
        name: [] for name in ("Functions", "Classes", "Enumerations", "Errors and warnings", "Other names")
    }
    loaded = package()
    names = public_names(loaded)
    for name in names:
        value = resolved(loaded[name])
        chapters[chapter(value)].append(entry(name, value, set(names)))
    return HEAD + "".join(f"\n## {title}\n\n" + "\n\n".join(entries) + "\n" for title, entries in chapters.items())


def main() -> int:
    """Write the document, or compare it."""
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
