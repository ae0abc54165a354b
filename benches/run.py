"""Run benchmarks: ``python benches/run.py 'get.*' array.read``; see README.md."""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import importlib
import json
import os
import pkgutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import questions
from harness.bench import Bench
from harness.environment import environment
from harness.registry import CASES, CHILDREN
from harness.subjects import Subject
from report import draw, one_line, read_goals, table

RESULTS = Path(__file__).resolve().parents[1] / "build" / "bench"


def prepare() -> None:
    """Silence what is not measured, and register every case."""
    warnings.filterwarnings("ignore")
    for variable in ("ICECHUNK_LOG", "FRAZIL_LOG"):
        os.environ.setdefault(variable, "error")
    for module in pkgutil.iter_modules(questions.__path__):
        importlib.import_module(f"questions.{module.name}")


def run_child(function: str, spec: str, arguments: str) -> None:
    """One measurement in this fresh process; its metrics go to standard output."""
    subject = Subject(spec)
    with subject.pipeline():
        print(json.dumps(CHILDREN[function](subject, **json.loads(arguments))), flush=True)


def main() -> None:
    prepare()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=["*"], help="names or globs, e.g. 'get.*'")
    parser.add_argument(
        "-s", "--subjects", default="icechunk,frazil", help="comma list; the first is the reference of the ratios"
    )
    parser.add_argument("-n", "--rounds", type=int, default=7)
    parser.add_argument("-q", "--quick", action="store_true", help="smaller data")
    parser.add_argument("-l", "--list", action="store_true", help="name the cases and stop")
    parser.add_argument("--tmp", default=tempfile.gettempdir(), help="where data is made")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of results.jsonl and ratios.png")
    parser.add_argument("--strict", action="store_true", help="status 1 if a measured goal is missed")
    parser.add_argument("--child", nargs=3, metavar=("FUNCTION", "SUBJECT", "ARGS"), help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.child:
        run_child(*options.child)
        return
    if options.list:
        print("\n".join(CASES))
        return
    chosen = [name for name in CASES if any(fnmatch.fnmatch(name, glob) for glob in options.cases)]
    if not chosen:
        sys.exit(f"no case matches {' '.join(options.cases)}; --list names them")
    subjects = [subject for spec in options.subjects.split(",") if (subject := Subject(spec)).available()]
    if len(subjects) < len(options.subjects.split(",")):
        print(f"measuring only what can be imported: {', '.join(s.spec for s in subjects) or 'nothing'}")
    if not subjects:
        sys.exit("none of the subjects can be imported; `make bench` installs them")

    options.out.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    with (options.out / "results.jsonl").open("w") as results:

        def emit(line: dict[str, Any]) -> None:
            lines.append(line)
            print(json.dumps(line), file=results, flush=True)
            print(one_line(line), flush=True)

        emit(environment(subjects, Path(options.tmp)))
        loop = asyncio.new_event_loop()
        bench = Bench(subjects, options.rounds, options.quick, Path(options.tmp), loop, emit)
        for name in chosen:
            CASES[name](bench)
        loop.close()

    for subject in subjects[1:]:
        missed = table(lines, read_goals(), subject.spec)
        draw(lines, options.out / f"ratios-{subject.name}.png", subject.spec)
        print(f"results in {options.out}")
        if missed and options.strict:
            sys.exit(1)


if __name__ == "__main__":
    main()
