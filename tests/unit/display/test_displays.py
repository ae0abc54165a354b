"""The families of displays, on a class of each."""

from dataclasses import dataclass

from frazil.display import ExecutableDisplay, Parts, StructuralDisplay


@dataclass(frozen=True, repr=False)
class Fact(StructuralDisplay):
    name: str
    inner: object = None

    def __display__(self) -> Parts:
        return Parts("Fact", (("name", self.name), ("inner", self.inner)))


@dataclass(frozen=True, repr=False)
class Choice(ExecutableDisplay):
    size: int | None = None
    inner: object = None

    def _title(self) -> str:
        return "Choice"

    def _arguments(self):
        return (("size", self.size), ("inner", self.inner))

    def _defaults(self):
        return {"size": 7, "inner": Choice(inner=0)}


def test_structural() -> None:
    fact = Fact("a b", Fact("below"))
    expected = "<frazil.Fact>\nname: a b\ninner:\n    <frazil.Fact>\n    name: below\n    inner: None\n"
    assert repr(fact) == str(fact) == expected


def test_groups_are_indented_by_name() -> None:
    assert str(Fact("a", {"x": Fact("y")})) == (
        "<frazil.Fact>\nname: a\ninner:\n    x:\n        <frazil.Fact>\n        name: y\n        inner: None\n"
    )
    assert str(Fact("a", {})) == "<frazil.Fact>\nname: a\ninner: {}\n"


def test_executable() -> None:
    choice = Choice(None, Choice(3, Choice()))
    assert "\n        size=3,\n" in repr(choice)
    assert repr(Choice(3)) == "frazil.Choice(\n    size=3,\n    inner=None,\n)"
    assert eval(repr(choice), {"frazil": __import__(__name__, fromlist=["x"])}) == choice


def test_executable_groups_are_dictionaries() -> None:
    choice = Choice(1, {"x": Choice(2)})
    assert eval(repr(choice), {"frazil": __import__(__name__, fromlist=["x"])}) == choice


def test_defaults_are_shown_to_people() -> None:
    assert str(Choice(None, 3)) == "<frazil.Choice>\nsize: 7 (default)\ninner: 3\n"


def test_nested_defaults_say_field_by_field_what_is_one() -> None:
    assert str(Choice(2)) == (
        "<frazil.Choice>\nsize: 2\ninner:\n    <frazil.Choice>\n    size: 7 (default)\n    inner: 0\n"
    )


def test_html_escapes_and_folds() -> None:
    html = Fact("<script>", {"a&b": Fact("x")})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert '<summary class="frazil-field-name">a&amp;b</summary>' in html
    assert html.count("<details>") == html.count("</details>") == 2
    assert html.count("<div") == html.count("</div>")
    assert html.startswith("<style>")
