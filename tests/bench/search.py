"""What a front costs: slot-seconds until 50, 90 and 99 % of the gap are closed, by search, problem and seed.

    python tests/bench/search.py [--seeds N] [--problems NAME …] [--out search.json]

prints a Markdown table for each problem and writes all runs as JSON, which ``search_figure.py`` draws. As a group of
``make bench`` it measures the ratios that have a target: the default search against others, on the same seeds. MOASHA
needs an environment of its own (``moasha.py`` says how); without one its figures are skipped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import moasha
import search_target
import suggestions
from search_runs import DEFAULT, HAS_STOPPING, METHODS, PROBLEMS, BenchRun, bench_run, yardstick
from timing import Figures, note

SEEDS, PROCESSES = 20, 2
TABLES = ("mnist", "mnist_learned")
SHARES = ("50", "90", "99")

#: By problem and method, one run a seed.
Runs = Mapping[str, Mapping[str, Sequence[BenchRun]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--problems", nargs="*", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--out", type=Path, default=None)
    wanted = parser.parse_args()
    runs = all_runs(wanted.problems, wanted.seeds)
    for problem, by_method in runs.items():
        print(f"\n{_headline(problem)}\n\n{_table(by_method)}", flush=True)
    if wanted.out is not None:
        plain = {
            problem: {method: [one.to_json() for one in found] for method, found in by_method.items()}
            for problem, by_method in runs.items()
        }
        wanted.out.write_text(json.dumps(plain), encoding="utf-8")


def all_runs(problems: Sequence[str], seeds: int) -> Runs:
    """Run every method on every problem, ``PROCESSES`` at the same time, at a low priority."""
    with ProcessPoolExecutor(PROCESSES, initializer=os.nice, initargs=(10,)) as pool:
        ours = {
            problem: {
                method: [pool.submit(bench_run, problem, method, seed) for seed in range(seeds)]
                for method in _distinct_methods()
            }
            for problem in problems
        }
        theirs = {
            problem: {
                name: [pool.submit(moasha.moasha_runs, problem, options, [seed]) for seed in range(seeds)]
                for name, options in moasha.OPTIONS.items()
            }
            for problem in problems
            if problem in TABLES and _has_moasha()
        }
        found: dict[str, dict[str, list[BenchRun]]] = {
            problem: {method: [one.result() for one in futures] for method, futures in by_method.items()}
            for problem, by_method in ours.items()
        }
        for problem, by_method in theirs.items():
            for method, futures in by_method.items():
                pairs = [one.result() for one in futures]
                found[problem][method] = [strict[0] for strict, _ in pairs]
                found[problem][f"{method}, stopped trials count"] = [generous[0] for _, generous in pairs]
    for by_found in found.values():
        for method in METHODS:
            by_found.setdefault(method, by_found[_same_method(method)])
    return found


def _distinct_methods() -> list[str]:
    return [method for method in METHODS if _same_method(method) == method]


def _same_method(method: str) -> str:
    """Return the first method that is the same search under another name."""
    return next(name for name, known in METHODS.items() if known == METHODS[method])


def _has_moasha() -> bool:
    if moasha.python() is None:
        note(
            "MOASHA is skipped: SYNE_TUNE_PYTHON names no interpreter with Syne Tune (see tests/bench/moasha.py)"
        )
        return False
    return True


# Tables.


def _headline(problem: str) -> str:
    _, _, gap = yardstick(problem)
    return (
        f"{problem}: {PROBLEMS[problem].trials} trials, hypervolume of 24 random trials {gap.random:.4g}, "
        f"of all that is known {gap.known:.4g}"
    )


def _table(by_method: Mapping[str, Sequence[BenchRun]]) -> str:
    head = "| search | 50 % | 90 % | 99 % | closed in the end | slot-seconds in all | stopped |\n"
    rows = (
        f"| {method} | {' | '.join(_spread([_busy(run, share) for run in found]) for share in SHARES)} | "
        f"{_percent(statistics.median(run.closed for run in found))} | "
        f"{statistics.median(run.total_busy_s for run in found):.0f} | "
        f"{statistics.median(run.stopped for run in found):.0f} |"
        for method, found in by_method.items()
    )
    return head + "|---|--:|--:|--:|--:|--:|--:|\n" + "\n".join(rows)


def _busy(run: BenchRun, share: str) -> float:
    """Return the slot-seconds until the share was closed, infinity where it was not."""
    seconds = run.busy_s[share]
    return math.inf if seconds is None else seconds


def _spread(values: Sequence[float]) -> str:
    """Return median and range; where some runs did not get there, how many did."""
    reached = [value for value in values if value < math.inf]
    if not reached:
        return "never"
    middle = statistics.median_low(values)
    most = f"{max(values):.0f}" if len(reached) == len(values) else f"∞, {len(reached)} of {len(values)}"
    return f"{'∞' if middle == math.inf else f'{middle:.0f}'} ({min(values):.0f} – {most})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


# Figures with targets.


def measure() -> Figures:
    """Compare the default search with the others."""
    runs = all_runs(list(PROBLEMS), SEEDS)
    for problem, by_method in runs.items():
        note(f"{_headline(problem)}\n{_table(by_method)}")
    note(f"default: {DEFAULT.sampler}, {'with' if HAS_STOPPING else 'there is no'} early stopping")
    yield from _ratios(runs)
    yield from _figures_of_stopping(runs)
    yield "search_target", search_target.trials_ratio() if search_target.HAS_TARGET else None
    for ended in (100, 1000, 10_000):
        yield f"search_suggestion_{ended}", 1000 * suggestions.seconds_of_a_suggestion(ended)


def _ratios(runs: Runs) -> Iterator[tuple[str, float | None]]:
    for problem in TABLES:
        yield f"search_{problem}_over_random", _ratio(runs[problem], "random")
    for problem in PROBLEMS:
        yield f"search_{problem}_over_tpe", _ratio(runs[problem], "tpe")
    for problem in TABLES:
        yield f"search_{problem}_over_moasha", _ratio_to_moasha(runs[problem])


def _ratio_to_moasha(by_method: Mapping[str, Sequence[BenchRun]]) -> float | None:
    """Return the default's median cost over MOASHA's least: of its settings and of both ways to count its points.

    It is 0 where no setting closed the gap in most of its sweeps, and None without MOASHA.
    """
    costs = [_median_cost(runs) for method, runs in by_method.items() if method.startswith("moasha")]
    return _median_cost(by_method["default"]) / min(costs) if costs else None


def _ratio(by_method: Mapping[str, Sequence[BenchRun]], other: str) -> float:
    """Return the default's median cost of 90 % of the gap, over another's.

    Where the other did not close it in most of its runs, its whole sweeps count: they cost at least that.
    """
    ours, theirs = _median_cost(by_method["default"]), _median_cost(by_method[other])
    if theirs == math.inf:
        theirs = statistics.median(run.total_busy_s for run in by_method[other])
        note(f"{other} did not close 90 % of the gap in most sweeps: the ratio counts its whole sweeps")
    return ours / theirs


def _median_cost(runs: Sequence[BenchRun]) -> float:
    return statistics.median_low(_busy(run, "90") for run in runs)


def _figures_of_stopping(runs: Runs) -> Iterator[tuple[str, float | None]]:
    names = ("search_stopping_volume", "search_stopping_gap", "search_stopped_on_front")
    if not HAS_STOPPING:
        note("there is no early stopping: its figures are skipped")
        yield from ((name, None) for name in names)
        return
    pairs = [
        pair
        for problem in TABLES
        for pair in zip(runs[problem]["default"], runs[problem]["default, no stopping"], strict=True)
    ]

    def percent(value: Callable[[BenchRun], float]) -> float:
        return 100 * statistics.median(value(stopping) / value(whole) for stopping, whole in pairs)

    yield names[0], percent(lambda run: run.volume)
    yield names[1], percent(lambda run: run.closed)
    stopped = sum(stopping.stopped for stopping, _ in pairs)
    yield names[2], 100 * sum(stopping.stopped_on_front for stopping, _ in pairs) / max(1, stopped)


if __name__ == "__main__":
    main()
