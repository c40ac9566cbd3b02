"""``ratefront simulate``: a sweep in virtual time, and faults drawn from seeds."""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ratefront.cli.isolation import prints_to_stderr
from ratefront.cli.next_command import ratefront_command
from ratefront.cli.shared_arguments import OverridesOption, overrides_of
from ratefront.errors import EngineError, InputError, RatefrontError

if TYPE_CHECKING:
    from ratefront.history.sweep_history import SweepHistory
    from ratefront.simulate.outcome import Outcome


SpecOrBuiltInArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="SPEC", help="The sweep file (YAML).  [default: a built-in one]", show_default=False
    ),
]
TableOption = Annotated[
    str | None,
    typer.Option(
        metavar="TABLE",
        help="Take the results from a recorded sweep: the name of a table in the package, a file, or a "
        "sweep's folder.  [default: synthetic trials]",
    ),
]
ProblemOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What synthetic trials do: dtlz2, for any sweep, or codec_families, whose trials differ in cost and "
        "report noisy curves.  [default: dtlz2]",
    ),
]
TrialSecondsOption = Annotated[
    float | None,
    typer.Option(min=0.001, metavar="SECONDS", help="How long a synthetic trial takes.  [default: 600]"),
]
LatencyOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="MS",
        help="How long each action of the driver takes.  [default: as measured here]",
    ),
]
FaultsOption = Annotated[
    int | None,
    typer.Option(min=0, metavar="SEED", help="Draw faults from this seed, and check the invariants."),
]
SeedsOption = Annotated[
    str | None,
    typer.Option(
        metavar="A:B",
        help="Try each seed from A to B - 1: seeds of faults; without SPEC and --table, of whole sweeps.",
    ),
]
RecordOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Simulate nothing; record the sweep in DIR as a table.")
]


def simulate(
    spec: SpecOrBuiltInArgument = None,
    set_: OverridesOption = None,
    table: TableOption = None,
    problem: ProblemOption = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Number of trials, instead of the sweep's own.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Number of trials that run at the same time.")
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Sampler, instead of the sweep's own; named as in a sweep file: tpe, random …",
        ),
    ] = None,
    no_stopping: Annotated[
        bool, typer.Option("--no-stopping", help="Stop no trial early, whatever the sweep file says.")
    ] = False,
    trial_s: TrialSecondsOption = None,
    latency_ms: LatencyOption = None,
    faults: FaultsOption = None,
    seeds: SeedsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    record: RecordOption = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The table to write (.json.gz).")] = None,
) -> None:
    """Run a sweep in virtual time: compare slots and samplers before paying for them, and try faults."""
    if (record is None) != (out is None):
        raise InputError("--record DIR and --out FILE.json.gz belong together")
    if record is not None and out is not None:
        _record_table(record, out)
        return
    if seeds is not None and faults is not None:
        raise InputError("give either --faults SEED or --seeds A:B")
    if not math.isfinite(trial_s or 0.0) or not math.isfinite(latency_ms or 0.0):
        raise InputError("--trial-s and --latency-ms: a number of seconds, of milliseconds")
    if set_ and spec is None:
        raise InputError("--set changes a sweep file: give SPEC")
    options = _simulation_options(problem, trials, slots, sampler, no_stopping, trial_s, latency_ms)
    simulate_once = _simulation(spec, set_, table, options)
    if seeds is None:
        with _trial_counter() as on_update:
            outcome = simulate_once(faults=faults, on_update=on_update)
        _print_outcome(outcome, as_json)
    elif spec is None and table is None:
        if options:
            raise InputError("without SPEC and --table each seed draws its own sweep: give --seeds alone")
        _simulate_drawn_sweeps(seeds, as_json)
    else:
        _simulate_with_faults(simulate_once, seeds, as_json)


def _record_table(folder: Path, out: Path) -> None:
    from ratefront.api.sweeps import open as open_sweep

    print(f"{open_sweep(folder).record_table(out)} trials recorded", file=sys.stderr)
    print(out)


def _simulation_options(
    problem: str | None,
    trials: int | None,
    slots: int | None,
    sampler: str | None,
    no_stopping: bool,
    trial_s: float | None,
    latency_ms: float | None,
) -> dict[str, Any]:
    """Return the options that were given, as arguments of ``simulate_sweep``."""
    options = {
        "problem": problem,
        "trials": trials,
        "slots": slots,
        "sampler": sampler,
        "stopping": False if no_stopping else None,
        "trial_s": trial_s,
        "latency_s": None if latency_ms is None else latency_ms / 1000,
    }
    return {name: value for name, value in options.items() if value is not None}


def _simulation(
    spec: Path | None, set_: list[str] | None, table: str | None, options: Mapping[str, Any]
) -> Callable[..., Outcome]:
    """Return the simulation of one sweep, whose spec is loaded once; it takes ``faults`` and ``on_update``."""
    from ratefront.api.simulate_sweep import simulate_sweep
    from ratefront.spec.load_spec import load_spec_without_data

    with prints_to_stderr():
        loaded = None if spec is None else load_spec_without_data(spec, overrides_of(set_))
    return partial(simulate_sweep, loaded, table=table, **options)


def _simulate_drawn_sweeps(seeds: str, as_json: bool) -> None:
    """Simulate the small sweep that is drawn from each seed."""
    from ratefront.api.simulate_sweep import simulate_seed

    _simulate_seeds(seeds, simulate_seed, as_json, lambda seed: ["--seeds", f"{seed}:{seed + 1}"])


def _simulate_with_faults(simulate_once: Callable[..., Outcome], seeds: str, as_json: bool) -> None:
    """Simulate the same sweep with the faults of each seed."""
    arguments = _without_seeds(sys.argv[1:])
    _simulate_seeds(
        seeds,
        lambda seed: simulate_once(faults=seed),
        as_json,
        lambda seed: [*arguments, "--faults", str(seed)],
    )


@contextmanager
def _trial_counter() -> Iterator[Callable[[SweepHistory], None] | None]:
    """Give a function that prints on a terminal how many trials have ended, or None without a terminal.

    A large sweep takes minutes even in virtual time.
    """
    from time import monotonic

    from ratefront.terminal.escaped_output import unescaped

    next_s, terminal = 0.0, unescaped(sys.stderr)

    def show(history: SweepHistory) -> None:
        nonlocal next_s
        if monotonic() >= next_s:
            next_s = monotonic() + 0.5
            print(f"\r{history.trials_ended} of {history.trials_requested} trials ", end="", file=terminal)

    if not terminal.isatty():
        yield None
        return
    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=terminal)


def _without_seeds(words: list[str]) -> list[str]:
    """Return the words of the command line without ``simulate`` and ``--seeds A:B``."""
    kept = [word for word in words if word != "simulate" and not word.startswith("--seeds=")]
    if "--seeds" in kept:
        place = kept.index("--seeds")
        del kept[place : place + 2]
    return kept


def _seed_range(seeds: str) -> range:
    numbers = re.fullmatch(r"([0-9]{1,10}):([0-9]{1,10})", seeds)
    first, last = map(int, numbers.groups()) if numbers else (0, 0)
    if not first < last <= 2**31:
        raise InputError(f"--seeds A:B takes two numbers, 0 ≤ A < B ≤ 2147483648, got {seeds!r}")
    return range(first, last)


def _simulate_seeds(
    seeds: str,
    simulate_once: Callable[[int], Outcome],
    as_json: bool,
    arguments_to_repeat: Callable[[int], list[str]],
) -> None:
    """Simulate every seed. Print which failed, and the command that repeats each failure.

    Raises:
        EngineError: At least one seed failed.
    """
    import json

    tried, failed, fault_counts = _seed_range(seeds), {}, Counter[str]()
    for seed in tried:
        try:
            fault_counts.update(simulate_once(seed).faults)
        except InputError:
            raise
        except RatefrontError as error:
            failed[seed] = str(error)
            print(
                f"{error}\n  again: {ratefront_command('simulate', *arguments_to_repeat(seed))}",
                file=sys.stderr,
            )
    if as_json:
        print(json.dumps({"seeds": len(tried), "failed": failed, "faults": dict(fault_counts)}, indent=2))
    else:
        print(f"{len(tried)} seeds, {len(failed)} failed; {_fault_counts_text(fault_counts)}")
    if failed:
        raise EngineError(f"{len(failed)} of {len(tried)} seeds failed: {', '.join(map(str, failed))}")


def _fault_counts_text(fault_counts: Mapping[str, int]) -> str:
    from ratefront.terminal.phrases import nonzero_counts

    return nonzero_counts((count, name.replace("_", " ")) for name, count in sorted(fault_counts.items()))


def _print_outcome(outcome: Outcome, as_json: bool) -> None:
    import json

    from ratefront.terminal.phrases import duration, nonzero_counts
    from ratefront.trial_records import ENDED

    if as_json:
        print(json.dumps(outcome.to_json(), indent=2))
        return
    counts = nonzero_counts((getattr(outcome, f"trials_{status}"), status) for status in ENDED)
    volumes = " · ".join(f"{part} %: {value:.4g}" for part, value in outcome.hypervolume.items())
    lines = {
        "sweep": f"{outcome.sweep}, {outcome.sampler}, {outcome.slots} slots",
        "virtual time": duration(outcome.virtual_seconds),
        "slots busy": f"{_percent(outcome.slots_busy)} "
        f"({_percent(outcome.slots_busy_until_last_start)} until the last trial started)",
        "driver busy": f"{_percent(outcome.driver_busy)} "
        f"({1000 * outcome.driver_seconds_per_trial:.3g} ms a trial)",
        "trials": counts,
        "hypervolume": f"{volumes} of the trials, over {', '.join(outcome.objectives)}",
    }
    if outcome.gap is not None:
        lines["gap"] = _gap_text(outcome)
    if outcome.faults_seed is not None:
        lines["faults"] = f"{_fault_counts_text(outcome.faults)}; all that must hold held"
    width = max(map(len, lines))
    for name, value in lines.items():
        print(f"{name:{width}}  {value}")


def _gap_text(outcome: Outcome) -> str:
    from ratefront.terminal.phrases import duration

    costs = (
        f"{share} %: {'not reached' if seconds is None else duration(seconds)}"
        for share, seconds in outcome.busy_s_to_gap.items()
    )
    closed = "" if outcome.gap_closed is None else f"; {_percent(outcome.gap_closed)} closed in the end"
    return f"{' · '.join(costs)} of slots at work until closed{closed}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
