"""The trace of operations."""

import pytest

from frazil.errors import IcechunkError, error, operation


def test_operations_are_numbered_from_the_inside_out() -> None:
    with pytest.raises(IcechunkError) as caught, operation("get", key="a/c/0"), operation("fetch_manifest", id="AB"):
        raise error("object-not-found", "object not found")
    assert str(caught.value) == (
        "object not found\n\ncontext:\n"
        "   0: fetch_manifest\n           with id=AB\n"
        "   1: get\n           with key=a/c/0"
    )


def test_a_decorated_function_is_named_too() -> None:
    @operation("commit")
    def commit() -> None:
        raise error("commit-conflict", "moved")

    with pytest.raises(IcechunkError, match=r"0: commit\n"):
        commit()


def test_other_exceptions_pass_untouched() -> None:
    with pytest.raises(KeyError) as caught, operation("get"):
        raise KeyError("a")
    assert caught.value.args == ("a",)


def test_nothing_is_added_without_an_error() -> None:
    with operation("get", key="a"):
        pass
    assert str(error("io", "disk full")) == "disk full"
