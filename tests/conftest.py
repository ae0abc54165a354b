"""What every test gets: Hypothesis profiles, the soak switch, and a check that no test leaks a warning.

`make test` runs every test at a reduced count.  `make soak` sets FRAZIL_SOAK=1, which selects only the tests whose
count grows with it: those marked ``soak``, those that take the ``amount`` fixture, and all Hypothesis tests.
"""

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Shells start background jobs so; the tests of Ctrl-C need what a person at a terminal has.
    signal.signal(signal.SIGINT, signal.default_int_handler)

for variable in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
    # Nobody's own keys.
    os.environ[variable] = os.devnull

SOAK = os.environ.get("FRAZIL_SOAK", "") not in ("", "0")

# A deadline is a timing assertion, and the machine is shared.  The blob printed on failure reproduces the example
# anywhere: @reproduce_failure(...).
_ORDINARY = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", _ORDINARY)
settings.register_profile("ci", _ORDINARY, max_examples=200)
settings.register_profile("soak", _ORDINARY, max_examples=20_000, stateful_step_count=100)
settings.load_profile("soak" if SOAK else "ci" if os.environ.get("CI") else "default")


def grows(item: pytest.Item) -> bool:
    """Whether a soak run of this test does more than an ordinary one."""
    return (
        item.get_closest_marker("soak") is not None
        or "amount" in getattr(item, "fixturenames", ())
        or bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))
    )


FILES_WITH_TESTS: Final = pytest.StashKey[set[str]]()
"""Every file that yielded a test, or said why it is skipped as a whole, by its path from the root."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FILES_WITH_TESTS] = set()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped or any(isinstance(found, pytest.Item) for found in report.result):
        collector.config.stash[FILES_WITH_TESTS].add(collector.nodeid.partition("::")[0])
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if SOAK:
        for item in items:
            # Hours, but still bounded; a limit that a test sets itself stays.
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(6 * 3600))
        kept = [item for item in items if grows(item)]
    elif "soak" in config.option.markexpr:
        return
    else:
        kept = [item for item in items if item.get_closest_marker("soak") is None]
    dropped = [item for item in items if item not in set(kept)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.fixture
def amount() -> Callable[[int, int], int]:
    """How much to do: ``amount(reduced, full)`` is the second number in a soak run."""
    return lambda reduced, full: full if SOAK else reduced


@pytest.fixture(scope="module", autouse=True)
def no_leaks() -> Iterator[None]:
    """Open files, sockets and coroutines left by a module are reported in that module, not in a later one.

    Collecting makes their ResourceWarning appear now, and pytest turns it into an error (``filterwarnings``).
    """
    yield
    gc.collect()
