"""zarr's own state machine for hierarchies, run on the store of a session beside zarr's memory store.

zarr's other machine, for stores, puts arbitrary bytes under arbitrary keys, which a store of nodes and chunks does not
take; tests/contract/test_zarr_store.py says the same with Zarr's own keys.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from zarr.testing.stateful import ZarrHierarchyStateMachine

import frazil
from frazil.testing.invariants import assert_list_dir_equal
from tests.conftest import SOAK


class HierarchyMachine(ZarrHierarchyStateMachine):
    """Groups, arrays, chunks, deletions and listings, all uncommitted in one writable session."""

    def __init__(self) -> None:
        repo = frazil.Repository.create(frazil.in_memory_storage())
        super().__init__(repo.writable_session("main").store)

    @precondition(lambda self: bool(self.all_groups))
    @rule(data=st.data())
    def check_list_dir(self, data: st.DataObject) -> None:
        """An array lists ``c`` whether or not it has chunks; zarr's memory store only if it has."""
        path = self.draw_directory(data)
        expected, actual = (self._sync_iter(store.list_dir(path)) for store in (self.model, self.store))
        assert_list_dir_equal(path, sorted(expected), sorted(actual))


TestHierarchy = HierarchyMachine.TestCase
TestHierarchy.settings = settings(max_examples=1000 if SOAK else 15, stateful_step_count=20, deadline=None)
