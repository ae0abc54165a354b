"""Which log records are shown, and where."""

import logging
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil import logs
from frazil.logs import LogFilter, edit_distance, misspellings, parse_filter, set_logs_filter


@pytest.fixture(autouse=True)
def _restored():
    yield
    set_logs_filter(None)


@pytest.mark.parametrize(
    ("directive", "name", "level"),
    [
        ("warn", "frazil.store", logging.WARNING),
        ("DEBUG", "frazil", logging.DEBUG),
        ("", "frazil", logs._OFF),
        ("false", "frazil", logs._OFF),
        ("off", "frazil", logs._OFF),
        ("tokio=trace", "frazil", logs._OFF),
        ("frazil=info", "frazil.store", logging.INFO),
        ("icechunk=info", "frazil.store", logging.INFO),
        ("frazil", "frazil.store", logs.TRACE),
        ("error,frazil::store=debug", "frazil.store.raw", logging.DEBUG),
        ("error,frazil::store=debug", "frazil.storefront", logging.ERROR),
        ("error,frazil=info,frazil.store=debug", "frazil.store", logging.DEBUG),
        ("frazil.store=debug,frazil=info", "frazil.store", logging.DEBUG),
    ],
)
def test_the_longest_name_decides(directive: str, name: str, level: int) -> None:
    assert parse_filter(directive).level_of(name) == level


def test_nothing_is_shown_by_an_empty_filter() -> None:
    assert LogFilter().level_of("frazil") > logging.CRITICAL


@pytest.mark.parametrize("slip", ["icehunk", "icecunk", "iecchunk", "ichunk"])
@pytest.mark.parametrize("form", ["{}", "{}=debug", "{}::sub=debug", "{}:debug", "warn,{}=debug,tokio=info"])
def test_slips_are_noticed(slip: str, form: str) -> None:
    assert misspellings(form.format(slip)) == [(slip, "icechunk")]


@pytest.mark.parametrize(
    "right", ["ice=debug", "chunk=debug", "tokio", "debug", "warn,info", "icechunk", "frazil=warn", ""]
)
def test_other_names_are_not(right: str) -> None:
    assert misspellings(right) == []


def test_slips_in_our_own_name() -> None:
    assert misspellings("frazill=debug") == [("frazill", "frazil")]


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edit_distance_is_a_distance(one: str, other: str) -> None:
    distance = edit_distance(one, other)
    assert distance == edit_distance(other, one)
    assert (distance == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))
    assert edit_distance(one + "a", other) <= distance + 1


def test_records_go_to_the_descriptor_as_the_filter_says(capfd: pytest.CaptureFixture[str]) -> None:
    logs.initialize_logs()
    logger = logging.getLogger("frazil.somewhere")
    set_logs_filter("warn")
    logger.info("not this")
    logger.warning("this, about %s", "snow")
    set_logs_filter("debug")
    logger.debug("now this")
    set_logs_filter("")
    logger.error("nothing any more")
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        " WARN frazil.somewhere: this, about snow",
        "DEBUG frazil.somewhere: now this",
    ]
    assert "\x1b" not in err


def test_a_slip_is_told_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    set_logs_filter("icehunk=debug")
    assert capfd.readouterr().err == "WARNING: Did you mean 'icechunk' instead of 'icehunk' in log filter?\n"


def test_the_environment_is_read_again(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    logs.initialize_logs()
    logger = logging.getLogger("frazil.somewhere")
    monkeypatch.delenv("FRAZIL_LOG", raising=False)
    monkeypatch.setenv("ICECHUNK_LOG", "debug")
    set_logs_filter(None)
    logger.debug("by their name")
    monkeypatch.setenv("FRAZIL_LOG", "info")
    set_logs_filter(None)
    logger.debug("ours comes first")
    assert [line.rpartition(": ")[2] for line in capfd.readouterr().err.splitlines()] == ["by their name"]


def test_applications_that_print_our_records_see_them_once(capfd: pytest.CaptureFixture[str]) -> None:
    logs.initialize_logs()
    set_logs_filter("warn")
    theirs = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(theirs)
    try:
        logging.getLogger("frazil.somewhere").warning("once")
    finally:
        logging.getLogger().removeHandler(theirs)
    assert capfd.readouterr().err == "once\n"


SCRIPT = "import logging, frazil; logging.getLogger('frazil.x').warning('hello')"


@pytest.mark.parametrize(
    ("environment", "out", "err"),
    [
        ({}, False, True),
        ({"FRAZIL_LOG_TO_STDOUT": "1"}, True, False),
        ({"ICECHUNK_LOG_TO_STDOUT": "1"}, True, False),
        ({"FRAZIL_LOG": "error"}, False, False),
        ({"ICECHUNK_LOG": "off"}, False, False),
    ],
)
def test_importing_sets_logs_up(environment: dict[str, str], *, out: bool, err: bool) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FRAZIL_", "ICECHUNK_"))}
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**inherited, **path, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ("WARN frazil.x: hello" in run.stdout) == out
    assert ("WARN frazil.x: hello" in run.stderr) == err


def test_without_our_handler_records_are_the_application_s() -> None:
    script = "import frazil, logging; assert not logging.getLogger('frazil').handlers"
    environment = {**os.environ, "FRAZIL_NO_LOGS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=120)


def test_telemetry_can_always_be_shut_down() -> None:
    logs.shutdown_telemetry()
    logs.shutdown_telemetry()
