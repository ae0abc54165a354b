"""Interleaved timing.

Rounds are interleaved (A B C, then rotated) so that a machine whose speed drifts slows every subject alike; ratios are
taken round by round and then summarised.  ``speedup`` is reference time / subject time: above 1 the subject is faster.
``cpu`` is the CPU time of the whole process (all threads), the figure to trust when other work runs beside.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.processes import run_child
from harness.subjects import Subject


def summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "min": round(ordered[0], 4),
        "median": round(statistics.median(ordered), 4),
        "max": round(ordered[-1], 4),
    }


@dataclass
class Bench:
    """What a case needs: the subjects, how long to measure, a place for data."""

    subjects: list[Subject]
    rounds: int
    quick: bool
    tmp: Path
    loop: asyncio.AbstractEventLoop
    emit: Callable[[dict[str, Any]], None]

    def scale(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @property
    def packages(self) -> list[Subject]:
        """The versioned subjects."""
        return [s for s in self.subjects if s.versioned]

    @contextlib.contextmanager
    def workdir(self) -> Iterator[Path]:
        path = Path(tempfile.mkdtemp(dir=self.tmp))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _call(self, fn: Callable[[], Any]) -> Any:
        result = fn()
        if inspect.isawaitable(result):
            result = self.loop.run_until_complete(result)
        return result

    def measure(
        self,
        name: str,
        runs: dict[str, Callable[[], Any]],
        *,
        ops: int = 1,
        unit: str = "us/op",
        prepare: dict[str, Callable[[], Any]] | None = None,
        rounds: int | None = None,
        nbytes: int = 0,
        warmup: int = 1,
        **params: Any,
    ) -> None:
        """Time ``runs`` (by subject spec) interleaved and emit one line.

        ``prepare`` runs untimed before each round.  Times are divided by
        ``ops`` and given in ``unit`` (``us/op``, ``ms`` or ``s``).
        """
        factor = {"us/op": 1e6, "ms": 1e3, "s": 1.0}[unit] / ops
        wall: dict[str, list[float]] = {spec: [] for spec in runs}
        cpu: dict[str, list[float]] = {spec: [] for spec in runs}
        specs = list(runs)
        total = (self.rounds if rounds is None else rounds) + warmup
        for number in range(total):
            turn = number % len(specs)
            for spec in specs[turn:] + specs[:turn]:
                with Subject(spec).pipeline():
                    if prepare and spec in prepare:
                        self._call(prepare[spec])
                    gc.collect()
                    gc.disable()
                    try:
                        c0, t0 = time.process_time(), time.perf_counter()
                        self._call(runs[spec])
                        t1, c1 = time.perf_counter(), time.process_time()
                    finally:
                        gc.enable()
                if number >= warmup:
                    wall[spec].append((t1 - t0) * factor)
                    cpu[spec].append((c1 - c0) * factor)
        self.report(name, {"wall": wall, "cpu": cpu}, unit=unit, ops=ops, nbytes=nbytes, **params)

    def report(
        self,
        name: str,
        samples: dict[str, dict[str, list[float]]],
        *,
        unit: str,
        ops: int = 1,
        nbytes: int = 0,
        **params: Any,
    ) -> None:
        """Emit the line of a case from samples[metric][subject]."""
        first = next(iter(samples.values()))
        reference = next(iter(first))
        line: dict[str, Any] = {"case": name, **params, "unit": unit, "ops": ops}
        line["rounds"] = len(first[reference])
        for metric, by_subject in samples.items():
            line[metric] = {spec: summary(values) for spec, values in by_subject.items()}
        if nbytes and "wall" in samples:
            scale = {"us/op": 1e6, "ms": 1e3, "s": 1.0}[unit]
            line["mb_per_s"] = {
                spec: round(nbytes / 1e6 / (statistics.median(v) * ops / scale), 1)
                for spec, v in samples["wall"].items()
            }
        line["speedup"] = {}
        for metric, by_subject in samples.items():
            for spec, values in by_subject.items():
                if spec == reference:
                    continue
                pairs = sorted(r / v for r, v in zip(by_subject[reference], values, strict=True) if v > 0)
                if pairs:
                    line["speedup"].setdefault(spec, {})[metric] = {
                        "median": round(statistics.median(pairs), 3),
                        "min": round(pairs[0], 3),
                        "max": round(pairs[-1], 3),
                    }
        self.emit(line)

    def isolated(
        self,
        name: str,
        fn: Callable[..., dict[str, float]],
        args: dict[str, dict[str, Any]],
        *,
        rounds: int | None = None,
        **params: Any,
    ) -> None:
        """Run ``fn`` (a registered child) in fresh processes, interleaved.

        The child returns its metrics by name; the first is reported as
        ``wall`` in seconds, the others under their own names.
        """
        samples: dict[str, dict[str, list[float]]] = {}
        crashes: dict[str, int] = {}
        specs = list(args)
        for number in range(self.rounds if rounds is None else rounds):
            turn = number % len(specs)
            for spec in specs[turn:] + specs[:turn]:
                got, code = run_child(fn.__name__, spec, args[spec])
                if code:
                    crashes[spec] = crashes.get(spec, 0) + 1
                for metric, value in got.items():
                    samples.setdefault(metric, {s: [] for s in specs})[spec].append(value)
        if crashes:
            params["crashes"] = json.dumps(crashes)
        self.report(name, samples, unit="s", **params)
