"""One repository, in memory and on the local disk, in either spec, against a model after every step."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stateful.repository.machine import OnDisk, RepositoryMachine


@pytest.mark.parametrize("spec", [1, 2])
@pytest.mark.parametrize("machine", [RepositoryMachine, OnDisk], ids=["memory", "disk"])
def test_a_repository_does_what_the_model_does(machine, spec, amount):
    chosen = type(machine.__name__, (machine,), {"spec": spec})
    counts = settings(max_examples=amount(10, 2000), stateful_step_count=amount(40, 60))
    run_state_machine_as_test(chosen, settings=counts)
