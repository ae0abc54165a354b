"""What the package says while it works, and how to choose what of it is shown.

Records go through ``logging`` under the name of the package, and are written to a file descriptor directly, so that they
come out in the same place and order as those of the extension and of other processes' tools.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from frazil.names import PACKAGE, public

TRACE: Final = 5
_OFF: Final = logging.CRITICAL + 10
_LEVELS: Final[dict[str, int]] = {
    "off": _OFF,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE,
}
_LEVEL_NAMES: Final = {logging.ERROR: "ERROR", logging.WARNING: "WARN", logging.INFO: "INFO", logging.DEBUG: "DEBUG"}
_COLOURS: Final = {"ERROR": "\x1b[31m", "WARN": "\x1b[33m", "INFO": "\x1b[32m", "DEBUG": "\x1b[34m"}

_DEFAULT_FILTER: Final = "warn"
_OUR_NAMES: Final = (PACKAGE, "icechunk")
"""Names of modules that mean this package in a filter."""


# ---- filters -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogFilter:
    """The least severe level that is shown, for the package and for parts of it by the name of their module."""

    everything: int = _OFF
    parts: tuple[tuple[str, int], ...] = ()

    def level_of(self, logger_name: str) -> int:
        """The level for a logger: that of the longest name that it is at or below."""
        below = [(name, level) for name, level in self.parts if f"{logger_name}.".startswith(f"{name}.")]
        return max(below, key=lambda part: len(part[0]))[1] if below else self.everything

    @property
    def lowest(self) -> int:
        """The least severe level that is shown anywhere."""
        return min([self.everything, *(level for _, level in self.parts)])


def parse_filter(directive: str) -> LogFilter:
    """Read a comma-separated list of ``level``, ``module=level`` and ``module``; what makes no sense is left out."""
    everything, parts = _OFF, {}
    for item in filter(None, map(str.strip, directive.split(","))):
        name, level = _split(item)
        if not name:
            everything = level
        elif name.split(".")[0] in _OUR_NAMES:
            parts[_logger_name(name)] = level
    return LogFilter(everything, tuple(parts.items()))


def _split(item: str) -> tuple[str, int]:
    """The module, dotted, and the level; a level alone is for every module, a module alone shows all it says."""
    name, separator, level = item.replace("::", ".").replace(":", "=").partition("=")
    if not separator and name.lower() in _LEVELS:
        return "", _LEVELS[name.lower()]
    if not separator and name.lower() == "false":
        return "", _OFF
    return name.strip(), _LEVELS.get(level.strip().lower(), TRACE)


def _logger_name(name: str) -> str:
    _, _, rest = name.partition(".")
    return f"{PACKAGE}.{rest}" if rest else PACKAGE


def misspellings(directive: str) -> list[tuple[str, str]]:
    """Names in a filter that look like slips, each with what was probably meant."""
    found = []
    for item in filter(None, map(str.strip, directive.split(","))):
        name = _split(item)[0].split(".")[0]
        meant = next((word for word in _OUR_NAMES if len(name) >= 6 and 1 <= edit_distance(name, word) <= 2), None)
        if meant is not None and name not in _OUR_NAMES:
            found.append((name, meant))
    return found


def edit_distance(one: str, other: str) -> int:
    """How many letters must be put in, taken out or replaced to get from one word to the other."""
    above = list(range(len(other) + 1))
    for position, letter in enumerate(one, 1):
        row = [position]
        for column, wanted in enumerate(other, 1):
            replaced = above[column - 1] + (letter != wanted)
            row.append(min(above[column] + 1, row[-1] + 1, replaced))
        above = row
    return above[-1]


# ---- output --------------------------------------------------------------------------------------------------------


class DescriptorHandler(logging.Handler):
    """Writes records that pass a filter to a file descriptor, a line each."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor
        self.shown = LogFilter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless the application prints our records by itself."""
        if record.levelno < self.shown.level_of(record.name) or _is_printed_elsewhere():
            return
        try:
            write_line(self.descriptor, self.format(record))
        except OSError:
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        """``time LEVEL module: message``, in colour on a terminal."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        level = _LEVEL_NAMES.get(record.levelno, record.levelname)
        message = super().format(record)
        if os.isatty(self.descriptor) and level in _COLOURS and "NO_COLOR" not in os.environ:
            level = f"{_COLOURS[level]}{level}\x1b[0m"
        return f"{when} {level:>5} {record.name}: {message}"


def _is_printed_elsewhere() -> bool:
    streams = {id(stream) for stream in (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__) if stream is not None}
    return any(id(getattr(handler, "stream", None)) in streams for handler in logging.getLogger().handlers)


def write_line(descriptor: int, text: str) -> None:
    """Write text and a line feed in one go, so that lines of several threads do not mix."""
    os.write(descriptor, f"{text}\n".encode(errors="backslashreplace"))


# ---- what users call -----------------------------------------------------------------------------------------------

_logger: Final = logging.getLogger(PACKAGE)


@public
def initialize_logs() -> None:
    """Start writing logs, as the environment says; importing the package does this.

    ``FRAZIL_LOG`` is the filter, as in ``set_logs_filter``; only warnings and errors are shown if it is not set.
    ``FRAZIL_LOG_TO_STDOUT`` moves them from standard error to standard output, ``FRAZIL_NO_LOGS`` leaves them to the
    handlers of the application.  The same variables with ``ICECHUNK_`` count where ours are not set.
    """
    if _variable(os.environ, "NO_LOGS") is not None or _handler() is not None:
        return
    _logger.addHandler(DescriptorHandler(2 if _variable(os.environ, "LOG_TO_STDOUT") is None else 1))
    set_logs_filter(None)


@public
def set_logs_filter(log_filter_directive: str | None) -> None:
    """Choose what is logged from now on.

    Parameters
    ----------
    log_filter_directive
        A comma-separated list of a level (``error``, ``warn``, ``info``, ``debug``, ``trace``, ``off``) for everything
        and of ``module=level``.  None reads the environment again, and an empty text silences everything.
    """
    directive = log_filter_directive
    if directive is None:
        directive = _variable(os.environ, "LOG")
    if directive is None:
        directive = _DEFAULT_FILTER
    for name, meant in misspellings(directive):
        write_line(2, f"WARNING: Did you mean '{meant}' instead of '{name}' in log filter?")
    shown = parse_filter(directive)
    _logger.setLevel(shown.lowest)
    handler = _handler()
    if handler is not None:
        handler.shown = shown


@public
def shutdown_telemetry() -> None:
    """Send what telemetry has collected; there is none, so this does nothing and exists for compatibility."""


def _handler() -> DescriptorHandler | None:
    return next((handler for handler in _logger.handlers if isinstance(handler, DescriptorHandler)), None)


def _variable(environment: Mapping[str, str], name: str) -> str | None:
    ours = environment.get(f"{PACKAGE.upper()}_{name}")
    return environment.get(f"ICECHUNK_{name}") if ours is None else ours
