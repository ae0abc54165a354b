"""All steps together, in memory and on the local disk."""

from __future__ import annotations

import shutil
import tempfile

import frazil
from tests.stateful.repository.editing import Editing
from tests.stateful.repository.refs import RefsAndSettings
from tests.stateful.repository.sessions import SessionSteps
from tests.stateful.repository.upkeep import Upkeep


class RepositoryMachine(Editing, SessionSteps, RefsAndSettings, Upkeep):
    """In memory."""


class OnDisk(RepositoryMachine):
    """The same in a directory, where pickles find it again."""

    pickles = True
    file_clock = 0.011

    def new_storage(self) -> frazil.Storage:
        self.directory = tempfile.mkdtemp()
        return frazil.local_filesystem_storage(self.directory)

    def teardown(self) -> None:
        shutil.rmtree(getattr(self, "directory", ""), ignore_errors=True)
