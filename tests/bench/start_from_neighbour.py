"""Whether a training that starts from the weights of its neighbour in β gets as far in a third of the epochs.

    PYTHONPATH=src python tests/bench/start_from_neighbour.py [categorical] [factorized] [distilled]

On the digits of ``sweeps/digits.yaml``, with its task model and its 40 epochs. For each codec, three β and five seeds:
a training of all epochs from scratch; a third of the epochs from scratch; and a third of the epochs from the codec that
has learned all epochs at a third of that β (for the lowest β: at three times). The last is measured twice: with the
schedules from their middle on, as trials do it, and from their beginning. ``objective`` is what training minimises on
labels: rate + β · cross-entropy, on test. docs/results/neighbours.md has the figures.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ratefront.spec.load_spec import load_spec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.trial import train_codec
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams, TrialResult

_SWEEP = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
_SEEDS, _SHARE = range(5), 1 / 3
_SPLIT = {"family": "split", "split": "conv2"}
_LABELS: dict[str, Any] = {**_SPLIT, "objective": "cross_entropy"}

#: Values without β, and three β.
_CODECS: dict[str, tuple[dict[str, Any], tuple[float, float, float]]] = {
    "categorical": (
        {**_LABELS, "entropy_model": "categorical", "width": 2, "alphabet": 8},
        (10.0, 30.0, 90.0),
    ),
    "factorized": ({**_LABELS, "entropy_model": "factorized", "width": 5}, (20.0, 60.0, 180.0)),
    "distilled": (
        {**_SPLIT, "objective": "feature_distillation", "entropy_model": "factorized", "width": 6},
        (30.0, 90.0, 270.0),
    ),
}
_WHOLE, _THIRD, _WARM, _WARM_FROM_0 = (
    "scratch, all",
    "scratch, ⅓",
    "neighbour, ⅓",
    "the same, schedules from 0",
)


class _Run(NamedTuple):
    """One trial's kind of start, β, and what it measured."""

    start: str
    beta: float
    result: TrialResult


class _Trials:
    """The trials of one codec, in one sweep's folder."""

    def __init__(self, folder: Path, values: dict[str, Any], betas: tuple[float, ...]) -> None:
        spec = load_spec(_SWEEP).spec
        self._folder, self._spec, self._values, self._betas = folder, spec, values, betas
        prepare_task_model(spec, SweepFolder(folder).task_model)

    def runs(self, seed: int) -> Iterator[_Run]:
        """All trials with this seed."""
        epochs = self._spec.training.epochs
        few = round(_SHARE * epochs)
        for place, beta in enumerate(self._betas):
            yield _Run(_WHOLE, beta, self._run(f"whole-{seed}-{place}", seed, beta, epochs))
            yield _Run(_THIRD, beta, self._run(f"third-{seed}-{place}", seed, beta, few))
        for place, beta in enumerate(self._betas):
            neighbour = f"whole-{seed}-{place - 1 if place else 1}"
            # Another seed than the neighbour's, as in a sweep.
            yield _Run(_WARM, beta, self._run(f"warm-{seed}-{place}", seed + 100, beta, few, neighbour))
            usual, train_codec.WARM_PROGRESS = train_codec.WARM_PROGRESS, 0.0
            yield _Run(
                _WARM_FROM_0, beta, self._run(f"zero-{seed}-{place}", seed + 100, beta, few, neighbour)
            )
            train_codec.WARM_PROGRESS = usual

    def _run(self, name: str, seed: int, beta: float, epochs: int, neighbour: str = "") -> TrialResult:
        training = self._spec.training.model_copy(update={"epochs": epochs})
        context = TrialContext(self._spec.model_copy(update={"training": training}), self._folder)
        return run_trial(TrialParams(name, seed, {**self._values, "beta": beta}, neighbour), context)


def _line(codec: str, beta: float, start: str, results: list[TrialResult]) -> str:
    """A row of the table: means over seeds, the accuracy's least and greatest, and how many collapsed."""
    rates = [result.test.rate_bits for result in results]
    accuracies = [100 * result.test.accuracy for result in results]
    losses = [(result.test.log_loss_bits or math.nan) * math.log(2) for result in results]
    objective = np.mean(rates) + beta * np.mean(losses)
    collapsed = sum(result.status == "collapsed" for result in results)
    return (
        f"| {codec} | {beta:g} | {start} | {np.mean(rates):.2f} | {np.mean(accuracies):.1f} | "
        f"{min(accuracies):.1f} to {max(accuracies):.1f} | {objective:.2f} | {collapsed} |"
    )


def main() -> None:
    """Measure the codecs that are named, or all."""
    torch.set_num_threads(1)
    print("| codec | β | start, epochs | bit/sample | accuracy | its range | objective | collapsed |")
    print("|---|--:|---|--:|--:|--:|--:|--:|", flush=True)
    for codec in sys.argv[1:] or _CODECS:
        values, betas = _CODECS[codec]
        with tempfile.TemporaryDirectory() as temporary:
            trials = _Trials(Path(temporary), values, betas)
            runs = [run for seed in _SEEDS for run in trials.runs(seed)]
        for beta in betas:
            for start in (_WHOLE, _THIRD, _WARM, _WARM_FROM_0):
                found = [run.result for run in runs if (run.start, run.beta) == (start, beta)]
                print(_line(codec, beta, start, found), flush=True)


if __name__ == "__main__":
    main()
