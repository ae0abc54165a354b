"""Results as a table against the goals, and as a plot: ``python benches/report.py build/bench/results.jsonl``.

A goal names a case, the parameters that its lines must have, the least median speedup over the reference (``speedup``)
and the one that is aimed at (``aim``); its metric is ``cpu`` unless it says otherwise.  The goals are in goals.json
beside this file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GOALS = Path(__file__).with_name("goals.json")
FIGURES = {"wall", "cpu", "speedup", "unit", "ops", "rounds", "case", "mb_per_s", "crashes", "run"}
RIVALS = "rivals.array"

Line = dict[str, Any]


def read_goals() -> list[Line]:
    return json.loads(GOALS.read_text())


def parameters(line: Line) -> str:
    """What tells this line from others of its case."""
    return " ".join(
        f"{key}={value}" for key, value in line.items() if key not in FIGURES and not isinstance(value, dict | list)
    )


def one_line(line: Line) -> str:
    """A result as it arrives."""
    if line["case"] == "environment":
        versions = ", ".join(f"{name} {version}" for name, version in line["versions"].items())
        return f"Python {line['python']}, {versions}, {line['cpus']} CPUs, load {line['load']:.1f}"
    if "wall" not in line:
        return json.dumps(line)
    medians = "  ".join(f"{spec} {line['wall'][spec]['median']:g}" for spec in line["wall"])
    ratios = "  ".join(
        f"{spec} {metric} {ratio['median']:g}x"
        for spec, metrics in line["speedup"].items()
        for metric, ratio in metrics.items()
    )
    return f"{line['case']:<22} {parameters(line):<44} {line['unit']:<5} {medians}   {ratios}"


def named(found: dict[str, Any], subject: str) -> Any:
    """What is said of a subject, or of one that is its name with another pipeline."""
    return found.get(subject) or next((found[spec] for spec in found if spec.partition(":")[0] == subject), None)


def speedup(line: Line, subject: str, metric: str) -> dict[str, float] | None:
    """Median, min and max of a ratio; None if it was not measured."""
    return (named(line.get("speedup", {}), subject) or {}).get(metric)


def matching(lines: list[Line], goal: Line, subject: str) -> list[Line]:
    return [
        line
        for line in lines
        if line["case"] == goal["case"]
        and named(line.get("speedup", {}), subject)
        and all(key in line and line[key] == value for key, value in goal["where"].items())
    ]


@dataclass(frozen=True)
class Row:
    """A goal and a line that it is held against."""

    line: Line
    metric: str
    must: float
    aim: float | None
    reached: float

    @property
    def verdict(self) -> str:
        if self.reached < self.must:
            return "miss"
        return "aim" if self.aim is not None and self.reached >= self.aim else "pass"


def rows(lines: list[Line], goals: list[Line], subject: str) -> Iterator[Row]:
    for goal in goals:
        metric = goal.get("metric", "cpu")
        for line in matching(lines, goal, subject):
            ratio = speedup(line, subject, metric)
            yield Row(line, metric, goal["speedup"], goal.get("aim"), ratio["median"] if ratio else 0.0)


@dataclass(frozen=True)
class Contest:
    """A line with rivals: the best of them, and how many times its time is that of the subject."""

    line: Line
    rival: str
    ratio: float


def contests(lines: list[Line], subject: str) -> Iterator[Contest]:
    """Lines in which the subject stands beside faster libraries than the reference."""
    for line in lines:
        if line["case"] != RIVALS or subject not in line["cpu"]:
            continue
        others = {spec: figures["median"] for spec, figures in line["cpu"].items() if spec != subject}
        rival = min(others, key=lambda spec: others[spec])
        yield Contest(line, rival, others[rival] / line["cpu"][subject]["median"])


def table(lines: list[Line], goals: list[Line], subject: str) -> int:
    """Print every goal that was measured beside what was reached; return how many were missed."""
    print(f"\n{'case':<22} {'parameters':<44} {'metric':<12} {'must':>7} {'aim':>6} {subject:>9}")
    found = list(rows(lines, goals, subject))
    for row in found:
        aim = f"{row.aim:g}x" if row.aim is not None else ""
        print(
            f"{row.line['case']:<22} {parameters(row.line):<44} {row.metric:<12} {row.must:>6g}x {aim:>6} "
            f"{row.reached:>8.4g}x  {row.verdict}"
        )
    for contest in contests(lines, subject):
        verdict = "ahead" if contest.ratio >= 1 else "behind"
        where = f"{parameters(contest.line):<44} {'cpu':<12} {contest.rival:>14}"
        print(f"{contest.line['case']:<22} {where} {contest.ratio:>8.3g}x  {verdict}")
    missed = sum(row.verdict == "miss" for row in found)
    absent = sum(not matching(lines, goal, subject) for goal in goals)
    print(f"{len(found) - missed} of {len(found)} measured lines reach their goal; {absent} goals were not measured")
    return missed


def draw(lines: list[Line], path: Path, subject: str) -> None:
    """Every ratio as a bar on a logarithmic scale, with the goals as ticks."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import ScalarFormatter

    goals = read_goals()
    bars = [(line, metric) for line in lines for metric in ("cpu", "wall") if speedup(line, subject, metric)]
    bars = [(line, metric) for line, metric in bars if metric == "cpu" or not speedup(line, subject, "cpu")]
    if not bars:
        return
    figure, axis = plt.subplots(figsize=(10, 1.2 + 0.24 * len(bars)), layout="constrained")
    for number, (line, metric) in enumerate(bars):
        ratio = speedup(line, subject, metric)
        assert ratio is not None
        spread = [[max(ratio["median"] - ratio["min"], 0)], [max(ratio["max"] - ratio["median"], 0)]]
        colour = "tab:blue" if ratio["median"] >= 1 else "tab:red"
        # From 1 outwards: on a logarithmic axis a bar has no other natural foot.
        axis.barh(number, ratio["median"] - 1, left=1, color=colour, height=0.7)
        axis.errorbar(ratio["median"], number, xerr=spread, color="0.4", lw=0.8)
        for goal in goals:
            if goal.get("metric", "cpu") == metric and matching([line], goal, subject):
                axis.plot([goal["speedup"]] * 2, [number - 0.45, number + 0.45], color="black", lw=1.5)
    axis.set_yticks(range(len(bars)), [f"{line['case']}  {parameters(line)}" for line, _ in bars], fontsize=7)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.axvline(1, color="0.3", lw=1)
    axis.invert_yaxis()
    axis.margins(y=0.01)
    axis.set_xlabel(f"time of the reference / time of {subject} (median, min to max); black: the goal")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def read_results(path: Path) -> list[Line]:
    return [json.loads(text) for text in path.read_text().splitlines() if text]


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    results = read_results(Path(sys.argv[1]))
    chosen = sys.argv[2] if len(sys.argv) > 2 else "frazil"
    draw(results, Path(sys.argv[1]).with_name(f"ratios-{chosen}.png"), chosen)
    sys.exit(1 if table(results, read_goals(), chosen) else 0)
