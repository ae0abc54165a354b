"""Which labels may go into a header."""

import pytest

from frazil import Attribution


@pytest.mark.parametrize("client", ["a", "xarray/2026.1", "my-tool/1.0+local", "a" * 128, "a!#$%&'*+-.^_`|~0"])
def test_clients_are_products(client: str) -> None:
    assert Attribution(client=client).client == client


@pytest.mark.parametrize("client", ["", "a b", "a/b/c", "a/", "/a", "é", "a(b)", "a\n"])
def test_other_clients_are_refused(client: str) -> None:
    with pytest.raises(ValueError, match="token characters"):
        Attribution(client=client)


@pytest.mark.parametrize("name", ["workload", "principal"])
@pytest.mark.parametrize("character", list('()\\;="\n\t\x7fé'))
def test_comments_would_break(name: str, character: str) -> None:
    with pytest.raises(ValueError, match="forbidden character"):
        Attribution(**{name: f"a{character}b"})


@pytest.mark.parametrize("name", ["client", "workload", "principal"])
def test_labels_are_short(name: str) -> None:
    assert Attribution(**{name: "a" * 128})
    with pytest.raises(ValueError, match="longer than 128 bytes"):
        Attribution(**{name: "a" * 129})


def test_values() -> None:
    one = Attribution(client="a/1", workload="night run", principal="me@here")
    assert one == Attribution(client="a/1", workload="night run", principal="me@here")
    assert one != Attribution(client="a/1")
    assert Attribution(workload="").workload == ""
    with pytest.raises(AttributeError):
        one.client = "b"  # type: ignore[misc]
    with pytest.raises(TypeError):
        Attribution(client=3)
    with pytest.raises(TypeError):
        Attribution("a")
