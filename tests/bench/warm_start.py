"""What trials of an earlier sweep are worth to the search, as a Markdown table:

    python tests/bench/warm_start.py TABLE [--seeds N]

An earlier sweep of random trials is simulated on a recorded table, as many as half of the table's distinct
configurations. A sweep with TPE on the same table then learns from it, or not. For each number of trials: the share of
the gap that is closed, from the hypervolume of 24 random distinct trials (their mean) to that of the whole table;
medians over the seeds. The earlier sweep's own trials count in neither. A minute of one core for ten seeds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from ratefront.engine.find_known import find_known
from ratefront.pareto import hypervolume
from ratefront.simulate.problems.recorded_table import RecordedTable
from ratefront.simulate.run_simulation import FinishedSimulation, run
from ratefront.simulate.scenario import Scenario
from ratefront.simulate.simulation_input import find_table
from ratefront.spec.sweep_spec import Sampler
from ratefront.store.earlier_sweeps import read_earlier_sweeps
from ratefront.trial_records import TrialResult

MARKS, FIRST, SLOTS = (6, 12, 24, 50, 100), 24, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=10)
    wanted = parser.parse_args()
    table = find_table(wanted.table)
    distinct = {frozenset(row.values.items()): row for row in table.rows if row.course.result}
    results = [TrialResult.from_json(row.course.result) for row in distinct.values()]
    whole, random = _volume(table, results), Random(0)
    first = statistics.mean(_volume(table, random.sample(results, FIRST)) for _ in range(200))
    print(f"| search | {' | '.join(f'{mark} trials' for mark in MARKS)} |\n|---|{'--:|' * len(MARKS)}")
    for name, learns in (("TPE alone", False), ("TPE that learns from the earlier sweep", True)):
        closed = [
            [
                (volume - first) / (whole - first)
                for volume in _volumes(table, seed, len(distinct) // 2, learns)
            ]
            for seed in range(wanted.seeds)
        ]
        medians = [statistics.median(column) for column in zip(*closed, strict=True)]
        print(f"| {name} | {' | '.join(f'{100 * share:.1f} %' for share in medians)} |", flush=True)


def _volumes(table: RecordedTable, seed: int, earlier_trials: int, learns: bool) -> list[float]:
    """The hypervolumes of a sweep at ``MARKS``."""
    with tempfile.TemporaryDirectory() as folder:
        earlier: Sequence[str] = ()
        if learns:
            done = _swept(table, earlier_trials, Sampler(name="random", seed=1000 + seed), ())
            Path(folder, "ledger.jsonl").write_bytes(done.ledger)
            earlier = (folder,)
        done = _swept(table, max(MARKS), Sampler(name="tpe", seed=seed), earlier)
    ended = [done.engine.history.trials[name].result for name in done.engine.history.ended_order]
    found = [result for result in ended if result is not None]
    return [_volume(table, found[:mark]) for mark in MARKS]


def _swept(
    table: RecordedTable, trials: int, sampler: Sampler, learn_from: Sequence[str]
) -> FinishedSimulation:
    loaded = table.loaded
    changes: Mapping[str, object] = {"trials": trials, "sampler": sampler, "learn_from": tuple(learn_from)}
    spec = loaded.spec.model_copy(update=dict(changes))
    found = find_known(spec, loaded.space, read_earlier_sweeps(spec))
    known = None if found is None else found.event
    scenario = Scenario(spec, loaded.space, table, (SLOTS,), 0.0, is_tracked=False, known=known)
    return run(scenario)


def _volume(table: RecordedTable, results: Sequence[TrialResult]) -> float:
    objectives = table.loaded.spec.directions
    points = [
        [result.objective(name) for name in objectives] for result in results if result.status == "finished"
    ]
    return hypervolume(points, objectives, {name: table.reference[name] for name in objectives})


if __name__ == "__main__":
    main()
