"""Results as a table against the goals, and as a plot: ``python benches/report.py build/bench/results.jsonl``.

A goal names a case, the parameters that its lines must have, and the least median speedup over the reference; its metric
is ``cpu`` unless it says otherwise.  The goals are in goals.json beside this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

GOALS = Path(__file__).with_name("goals.json")
FIGURES = {"wall", "cpu", "speedup", "unit", "ops", "rounds", "case", "mb_per_s", "crashes"}

Line = dict[str, Any]


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


def matching(lines: list[Line], goal: Line, subject: str) -> list[Line]:
    return [
        line
        for line in lines
        if line["case"] == goal["case"]
        and subject in line.get("speedup", {})
        and all(key in line and line[key] == value for key, value in goal["where"].items())
    ]


def table(lines: list[Line], goals: list[Line], subject: str) -> int:
    """Print every goal that was measured beside what was reached; return how many were missed."""
    print(f"\n{'case':<22} {'parameters':<44} {'metric':<12} {'goal':>7} {subject:>9}")
    missed = measured = absent = 0
    for goal in goals:
        metric = goal.get("metric", "cpu")
        found = matching(lines, goal, subject)
        absent += not found
        for line in found:
            got = line["speedup"][subject].get(metric, {}).get("median", 0)
            short = got < goal["speedup"]
            measured, missed = measured + 1, missed + short
            mark = "  short" if short else ""
            print(f"{line['case']:<22} {parameters(line):<44} {metric:<12} {goal['speedup']:>6g}x {got:>8g}x{mark}")
    print(f"{measured - missed} of {measured} measured lines reach their goal; {absent} goals were not measured")
    return missed


def draw(lines: list[Line], path: Path, subject: str) -> None:
    """Every ratio as a bar on a logarithmic scale, with the goals as ticks."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import ScalarFormatter

    goals = json.loads(GOALS.read_text())
    bars = [line for line in lines if "cpu" in line.get("speedup", {}).get(subject, {})]
    bars += [line for line in lines if "wall" in line.get("speedup", {}).get(subject, {}) and line not in bars]
    if not bars:
        return
    figure, axis = plt.subplots(figsize=(10, 1.2 + 0.24 * len(bars)), layout="constrained")
    for row, line in enumerate(bars):
        metric = "cpu" if "cpu" in line["speedup"][subject] else "wall"
        ratio = line["speedup"][subject][metric]
        spread = [[max(ratio["median"] - ratio["min"], 0)], [max(ratio["max"] - ratio["median"], 0)]]
        colour = "tab:blue" if ratio["median"] >= 1 else "tab:red"
        # From 1 outwards: on a logarithmic axis a bar has no other natural foot.
        axis.barh(row, ratio["median"] - 1, left=1, color=colour, height=0.7)
        axis.errorbar(ratio["median"], row, xerr=spread, color="0.4", lw=0.8)
        for goal in goals:
            if goal.get("metric", "cpu") == metric and line in matching([line], goal, subject):
                axis.plot([goal["speedup"]] * 2, [row - 0.45, row + 0.45], color="black", lw=1.5)
    axis.set_yticks(range(len(bars)), [f"{line['case']}  {parameters(line)}" for line in bars], fontsize=7)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.axvline(1, color="0.3", lw=1)
    axis.invert_yaxis()
    axis.margins(y=0.01)
    axis.set_xlabel(f"time of the reference / time of {subject} (median, min to max); black: the goal")
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    results = [json.loads(text) for text in Path(sys.argv[1]).read_text().splitlines() if text]
    chosen = sys.argv[2] if len(sys.argv) > 2 else "frazil"
    draw(results, Path(sys.argv[1]).with_name(f"ratios-{chosen}.png"), chosen)
    sys.exit(1 if table(results, json.loads(GOALS.read_text()), chosen) else 0)
