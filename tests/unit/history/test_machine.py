"""Random ref operations against dictionaries, for both specs."""

from __future__ import annotations

from hypothesis import settings

from tests.unit.history.machine import HistoryMachine


class V1Machine(HistoryMachine):
    spec_version = 1


class V2Machine(HistoryMachine):
    spec_version = 2


TestV1 = V1Machine.TestCase
TestV2 = V2Machine.TestCase
# Every step compares everything, so that its price grows with the steps before it.
TestV1.settings = TestV2.settings = settings(stateful_step_count=settings().stateful_step_count // 2)
