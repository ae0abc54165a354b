"""Names that are easily taken for each other: prefixes and suffixes of one another, or the same in another place."""

from __future__ import annotations

import string
from typing import Final

from frazil.integrations.optional import needs

with needs("hypothesis", extra="testing"):
    import hypothesis.strategies as st
    from zarr.testing.strategies import node_names

affix: Final = st.text(st.sampled_from(sorted(string.ascii_letters + string.digits + "-_.")), min_size=1, max_size=3)
"""What is put in front of a name or after it."""

separators: Final = st.sampled_from(["_", "-", "."])
"""What stands between; all of them sort before the slash or beside it, where prefixes go wrong."""


def similar_name(non_sibling_names: set[str], sibling_names: set[str]) -> st.SearchStrategy[str]:
    """A name that extends a sibling's, or the name of a node elsewhere; any name, if there are none."""
    choices: list[st.SearchStrategy[str]] = []
    if sibling_names:
        base = st.sampled_from(sorted(sibling_names))
        choices.append(st.tuples(base, separators, affix).map("".join))
        choices.append(st.tuples(affix, separators, base).map("".join))
    if non_sibling_names:
        choices.append(st.sampled_from(sorted(non_sibling_names)))
    return st.one_of(choices) if choices else node_names


def fresh_name(pool: set[str], exclude: set[str]) -> st.SearchStrategy[str]:
    """A name that is not among ``exclude``, the siblings; often similar to one of those or of the ``pool``."""
    similar = similar_name(pool - exclude, exclude)
    return st.one_of(similar, node_names).filter(lambda name: name not in exclude and _is_allowed(name))


def _is_allowed(name: str) -> bool:
    """Names that Zarr gives to nobody."""
    return not name.startswith("__") and name.strip(".") != "" and name != "zarr.json"


@st.composite
def fresh_names(draw: st.DrawFn, pool: set[str], exclude: set[str], n: int) -> list[str]:
    """Different names for ``n`` siblings."""
    names: list[str] = []
    for _ in range(n):
        names.append(draw(fresh_name(pool | set(names), exclude | set(names))))
    return names
