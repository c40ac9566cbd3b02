"""Straight-through against Gumbel letters, on the digits of ``sweeps/digits.yaml`` with its task model and epochs.

    PYTHONPATH=src python tests/bench/letters.py [student] [features_first] [split] [map] [--beta 60]

Each codec is trained with both surrogates and three seeds. ``H(Ŷ)`` is the entropy of its own decisions, which a letter
can reach but not pass, and ``shared tables`` is what the same letters would cost with one table for all places.
docs/results/letters.md has the figures.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from ratefront.codecs.entropy_models.letter_surrogates import LetterSurrogate
from ratefront.spec.load_spec import load_spec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.testing.trained_example import train_example

_SWEEP = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
_SEEDS = 3
_LETTER = {"entropy_model": "categorical", "width": 1, "alphabet": 16}
_STUDENT: dict[str, Any] = {"family": "student", "split": "hidden", **_LETTER}
_SPLIT: dict[str, Any] = {"family": "split", "split": "conv2", **_LETTER, "alphabet": 8}

_CODECS: dict[str, dict[str, Any]] = {
    "student": _STUDENT,
    "features_first": {**_STUDENT, "distilled_until": 0.5},
    "split": {**_SPLIT, "width": 2},
    "map": {**_SPLIT, "latents": "map"},
}


def _entropy(values: NDArray[Any]) -> float:
    _, counts = np.unique(values, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def _measure(values: dict[str, Any], folder: Path, seed: int) -> list[float]:
    """Bit/sample, accuracy in %, objective, H(Ŷ), and the bits with one table for all places."""
    (folder / "codec").mkdir(exist_ok=True)
    example = train_example(values, load_spec(_SWEEP).spec, folder / "task_model", folder / "codec", seed)
    codec, latents, labels = example.codec, example.latents, example.data.test.labels
    scores = codec.class_scores(latents)
    assert scores is not None, "every bottleneck gives scores"
    loss = float(torch.nn.functional.cross_entropy(scores.float(), torch.from_numpy(labels)))
    classes = codec.classify(latents).numpy()
    bits = float(codec.estimate_bits(latents).mean())
    places = latents.shape[1] // values["width"]
    shared = sum(
        places * _entropy(latents[:, letter :: values["width"]]) for letter in range(values["width"])
    )
    return [
        bits,
        100 * float((classes == labels).mean()),
        bits + values["beta"] * loss,
        _entropy(classes),
        shared,
    ]


def main() -> None:
    """Measure the codecs that are named, or all."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("codecs", nargs="*", metavar="codec")
    arguments.add_argument("--beta", type=float, default=60.0)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    print("| codec | β | surrogate | bit/sample | accuracy | its range | objective | H(Ŷ) | shared tables |")
    print("|---|--:|---|--:|--:|--:|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        prepare_task_model(load_spec(_SWEEP).spec, SweepFolder(Path(temporary)).task_model)
        for codec in given.codecs or _CODECS:
            for surrogate in get_args(LetterSurrogate):
                values = {**_CODECS[codec], "beta": given.beta, "surrogate": surrogate}
                rows = np.array([_measure(values, Path(temporary), seed) for seed in range(_SEEDS)])
                bits, accuracy, objective, decisions, shared = rows.mean(axis=0)
                span = f"{rows[:, 1].min():.1f} to {rows[:, 1].max():.1f}"
                cells = [codec, f"{given.beta:g}", surrogate, f"{bits:.2f}", f"{accuracy:.1f}", span]
                cells += [f"{objective:.1f}", f"{decisions:.2f}", f"{shared:.2f}"]
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
