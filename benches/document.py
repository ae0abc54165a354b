"""Write docs/performance.md: ``python benches/document.py [build/bench/results.jsonl ...]``.

Results are merged into docs/performance.jsonl, a newer line taking the place of an older one of the same case and
parameters on the same Python, which decides the release of the official package; the document is made from that file
and goals.json alone.  ``--check`` only says whether it is up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from report import RIVALS, Line, contests, matching, named, parameters, read_goals, read_results, rows, speedup

DOCS = Path(__file__).resolve().parents[1] / "docs"
RESULTS, DOCUMENT = DOCS / "performance.jsonl", DOCS / "performance.md"
SUBJECT, REFERENCE = "frazil", "icechunk"

HEAD = """\
# Performance

Made by `benches/document.py` from `docs/performance.jsonl`, the results of `make bench`; do not edit.

## How this was measured

Every subject does the same work through the same public API. Rounds are interleaved (A B, then B A), and a ratio is
taken round by round: *time of the official package / time of Frazil*, so above 1 Frazil is faster. The tables give the
median of the rounds, minimum and maximum in brackets, and how many rounds there were. Unless a row says otherwise the time is the CPU time of the
whole process, all threads: on a shared machine it is the figure to trust. *Wall* is what passes on the clock. Both packages run
with their default settings; Frazil's arrays use its codec pipeline, which a Frazil store switches on by itself, and the
official package's use zarr's default one. The chunk cache is off in both but in the rows of cached chunks. Memory is that of a
fresh process, less what it had before.

*Must* is what Frazil promises itself not to fall below, *aim* is what a prototype or the hardware says can be had. Rows
without either are there to be seen.

`benches/README.md` says how to run it and what the names of the rows mean; `benches/questions/` is the code.
[docs/design/0010](design/0010-what-speed-was-missed.md) says of each row that misses why.
"""


def identity(line: Line) -> tuple[str, str]:
    return line["case"], parameters(line)


def minor_of(environment: Line) -> tuple[int, ...]:
    """The version of Python, without the patch."""
    return tuple(int(part) for part in environment["python"].split(".")[:2])


def merged(lines: list[Line], results: list[Line]) -> list[Line]:
    """Old lines with the new ones in their places, and only the environments that something was measured in."""
    found = {line["run"]: line for line in lines if line["case"] == "environment"}

    def place(line: Line) -> tuple[Any, ...]:
        return minor_of(found[line["run"]]), identity(line)

    measured = {place(line): line for line in lines if line["case"] != "environment"}
    run = max(found, default=0)
    for line in results:
        if line["case"] == "environment":
            run += 1
            found[run] = {**line, "run": run}
        elif SUBJECT in {spec.partition(":")[0] for spec in line.get("speedup", {})}:
            numbered = {**line, "run": run}
            measured[place(numbered)] = numbered
    used = sorted({line["run"] for line in measured.values()})
    numbers = {old: new for new, old in enumerate(used, 1)}
    everything = [*(found[run] for run in used), *sorted(measured.values(), key=identity)]
    return [{**line, "run": numbers[line["run"]]} for line in everything]


def ratio_cell(line: Line, metric: str) -> str:
    ratio = speedup(line, SUBJECT, metric)
    return f"{ratio['median']:.3g} ({ratio['min']:.3g} to {ratio['max']:.3g}, {line['rounds']})" if ratio else ""


def times(line: Line, metric: str) -> str:
    unit = line["unit"] if metric in {"cpu", "wall"} else metric.rpartition("_")[2]
    values = [named(line[metric], subject)["median"] for subject in (REFERENCE, SUBJECT)]
    return " / ".join(f"{value:.3g}" for value in values) + f" {unit}"


def cells(*values: object) -> str:
    return "| " + " | ".join(str(value) for value in values) + " |"


def goal_table(lines: list[Line], goals: list[Line], title: str = "## Against the goals") -> Iterator[str]:
    yield title
    yield ""
    yield cells("case", "what", "metric", "official / Frazil", "must", "aim", "reached", "")
    yield cells(*["---"] * 8)
    for row in rows(lines, goals, SUBJECT):
        line, metric = row.line, row.metric
        aim = f"{row.aim:g}" if row.aim is not None else ""
        reached = ratio_cell(line, metric)
        yield cells(
            line["case"], parameters(line), metric, times(line, metric), f"{row.must:g}", aim, reached, row.verdict
        )


def rival_table(lines: list[Line]) -> Iterator[str]:
    """CPU of the libraries that are the fastest at whole arrays."""
    found = list(contests(lines, SUBJECT))
    if not found:
        return
    specs = list(dict.fromkeys(spec for contest in found for spec in contest.line["cpu"]))
    yield "## Beside TensorStore and zarrs"
    yield ""
    yield "CPU in microseconds a chunk, in the same rounds; the last column is the best of the others over Frazil."
    yield ""
    yield cells("what", *specs, "best other / Frazil")
    yield cells(*["---"] * (len(specs) + 2))
    for contest in found:
        medians = [
            f"{contest.line['cpu'][spec]['median']:.4g}" if spec in contest.line["cpu"] else "" for spec in specs
        ]
        yield cells(parameters(contest.line), *medians, f"{contest.ratio:.3g}")


def other_table(lines: list[Line], goals: list[Line]) -> Iterator[str]:
    held = {identity(line) for goal in goals for line in matching(lines, goal, SUBJECT)}
    rest = [line for line in lines if "speedup" in line and line["case"] != RIVALS and identity(line) not in held]
    if not rest:
        return
    yield "## Everything else"
    yield ""
    yield cells("case", "what", "official / Frazil", "CPU", "wall")
    yield cells(*["---"] * 5)
    for line in rest:
        metric = "cpu" if "cpu" in line else "wall"
        yield cells(
            line["case"], parameters(line), times(line, metric), ratio_cell(line, "cpu"), ratio_cell(line, "wall")
        )


def subjects(lines: list[Line]) -> Iterator[str]:
    yield "## Subjects and machine"
    yield ""
    for line in lines:
        if line["case"] == "environment":
            versions = ", ".join(f"{name} {version}" for name, version in line["versions"].items())
            where = f"data on {line['data_on']}" if "data_on" in line else "data on disk"
            machine = f"{line['cpus']} CPUs, load average {line['load']:.1f} at the start"
            yield f"* Python {line['python']}, {versions}; {machine}; {where}."


def by_python(lines: list[Line]) -> list[tuple[Line, list[Line]]]:
    """The results of each Python with an environment that it was, the newest Python first."""
    environments = {line["run"]: line for line in lines if line["case"] == "environment"}
    measured = [line for line in lines if line["case"] != "environment"]
    found = []
    for minor in sorted({minor_of(line) for line in environments.values()}, reverse=True):
        runs = {run: line for run, line in environments.items() if minor_of(line) == minor}
        found.append((next(iter(runs.values())), [line for line in measured if line["run"] in runs]))
    return found


def document(lines: list[Line]) -> str:
    goals = read_goals()
    parts = [subjects(lines)]
    for number, (environment, results) in enumerate(by_python(lines)):
        if number == 0:
            parts += [goal_table(results, goals), rival_table(results), other_table(results, goals)]
        else:
            python = ".".join(str(part) for part in minor_of(environment))
            versions = environment["versions"]
            title = f"## On Python {python}: zarr {versions['zarr']}, beside release {versions[REFERENCE]}"
            parts.append(goal_table(results, goals, title))
    return HEAD + "".join(f"\n{text}\n" for part in parts if (text := "\n".join(part)))


def main(arguments: list[str]) -> None:
    lines = read_results(RESULTS) if RESULTS.exists() else []
    if arguments == ["--check"]:
        if DOCUMENT.read_text() != document(lines):
            sys.exit("docs/performance.md is out of date: run `make performance`")
        return
    for path in arguments:
        lines = merged(lines, read_results(Path(path)))
    RESULTS.write_text("".join(json.dumps(line) + "\n" for line in lines))
    DOCUMENT.write_text(document(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
