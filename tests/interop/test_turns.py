"""Frazil and the official package in turns on one repository: sessions, data, refs, upkeep and conflicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.interop.turns import TurnsMachine

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", reason="the official package is not installed")


@pytest.mark.parametrize("spec", [1, 2])
def test_both_packages_take_turns(official: ModuleType, spec: int, amount: Callable[[int, int], int]) -> None:
    if spec == 2 and int(official.__version__.split(".")[0]) < 2:
        pytest.skip(f"icechunk {official.__version__} cannot open repositories of spec 2")
    counts: Counter[tuple[str, str]] = Counter()
    machine = type("TurnsMachine", (TurnsMachine,), {"official": official, "spec": spec, "counts": counts})
    amounts = settings(max_examples=amount(5, 400), stateful_step_count=amount(12, 30))
    # Both packages read everything after every step: shrinking would take an hour.  The blob repeats a failure.
    amounts = settings(amounts, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    try:
        run_state_machine_as_test(machine, settings=amounts)
    finally:
        # Shown with -s, and wherever pytest shows the output of a test.
        print(f"spec {spec}, icechunk {official.__version__}: {sum(counts.values())} turns")
        for (who, what), count in sorted(counts.items()):
            print(f"  {who:8} {what:32} {count}")
