"""Builds sweeps for tests: a real ledger, realistic values, a fake task model of ten classes; no torch, no Ray."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ratefront.history import events
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial_records import Measurement, Scalar, TrialResult

CLASSES = 10
SAMPLES = 360
TASK_MODEL_BYTES = 52_340
RAW_BITS = 512.0
SPLIT_BYTES = {"stem": 2_600, "block1": 9_800, "block2": 24_500}


def spec(**changes: Any) -> dict[str, Any]:
    """A resolved spec as the Created event holds it."""
    plain: dict[str, Any] = {
        "name": "digits",
        "dataset": {"name": "digits", "split_seed": 0},
        "task_model": {"name": "small_cnn"},
        "space": {
            "family": {
                "label": {"method": "lossless"},
                "split": {
                    "split": ["conv1", "hidden"],
                    "entropy_model": "factorized",
                    "width": 4,
                    "beta": 1.0,
                },
            }
        },
        "objectives": ["rate_bits", "accuracy", "transmitter_bytes"],
        "trials": 30,
        "repeats": {"seeds": 1, "front": 0, "most_trials": None},
        "bounds": [
            "oracle",
            "estimate_and_compress",
            "indirect_estimate_and_compress",
            "sample_and_communicate",
            "time_sharing",
        ],
        "reference": {},
        "block_size": 1000,
    }
    return {**plain, **changes}


def predictions(seed: int, samples: int = SAMPLES, accuracy: float = 0.97) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and logits (N, 10) of a fairly calibrated model; about the share ``accuracy`` is right."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(samples) % CLASSES)
    logits = rng.normal(0.0, 1.2, (samples, CLASSES))
    decided = np.where(
        rng.random(samples) < accuracy, labels, (labels + rng.integers(1, 4, samples)) % CLASSES
    )
    logits[np.arange(samples), decided] += np.where(decided == labels, 7.5, 4.5)
    return labels.astype(np.int64), logits.astype(np.float32)


def biased_predictions(seed: int, samples: int = SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """As ``predictions``, of an overconfident model that prefers the first classes: S&C errs less than TMRD."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 2.0, (samples, CLASSES))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return labels.astype(np.int64), (logits + np.linspace(5.0, 0.0, CLASSES)).astype(np.float32)


def measurement(rate_bits: float, accuracy: float, **changes: Any) -> Measurement:
    """A measurement whose other rates follow from ``rate_bits``."""
    values: dict[str, Any] = {
        "samples": SAMPLES,
        "rate_bits": rate_bits,
        "rate_bits_estimated": max(0.0, rate_bits * 0.99 - 0.05),
        "rate_bits_alone": rate_bits + 9.0,
        "overhead_bits": 1.2,
        "rate_total_bits": rate_bits + 1.2,
        "accuracy": accuracy,
    }
    return Measurement(**{**values, **changes})


def result(
    trial_id: str,
    rate_bits: float,
    accuracy: float,
    transmitter_bytes: int,
    *,
    validation: tuple[float, float] | None = None,
    status: str = "finished",
    reason: str = "",
    train_seconds: float = 3.5,
) -> TrialResult:
    """A result with ``rate_bits`` and ``accuracy`` on test; ``validation`` (rate, accuracy) defaults to the same."""
    return TrialResult(
        trial_id=trial_id,
        status=status,  # type: ignore[arg-type]
        reason=reason,
        validation=measurement(*(validation or (rate_bits, accuracy))),
        test=measurement(rate_bits, accuracy),
        transmitter_bytes=transmitter_bytes,
        transmitter_macs=transmitter_bytes * 40,
        encode_ms=0.4 + transmitter_bytes / 40_000,
        train_seconds=train_seconds,
    )


@dataclass
class FakeSweep:
    """Writes a sweep's ledger event by event. Trials are numbered t0000, t0001, … in the order of adding."""

    path: Path
    spec: Mapping[str, Any] = field(default_factory=spec)
    task_model: bool = True

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self.folder, self._count = SweepFolder(self.path), 0
        self._now = 1_790_000_000.0
        self.append(events.Created(str(self.spec["name"]), dict(self.spec), "0.1.0", events.LEDGER_FORMAT))
        if self.task_model:
            self._write_task_model()

    def _clock(self) -> float:
        self._now += 1.0
        return self._now

    def append(self, *found: events.Event) -> None:
        with Ledger(self.folder.ledger, self._clock) as ledger:
            for event in found:
                ledger.append(event)

    def _write_task_model(self) -> None:
        self.folder.task_model.mkdir()
        (labels_v, logits_v), (labels_t, logits_t) = predictions(1), predictions(2)
        np.savez(
            self.folder.predictions,
            labels_validation=labels_v,
            logits_validation=logits_v,
            labels_test=labels_t,
            logits_test=logits_t,
        )
        facts = {"raw_bits": RAW_BITS, "task_model_bytes": TASK_MODEL_BYTES}
        (self.folder.task_model / "facts.json").write_text(json.dumps(facts))
        right = float(np.mean(logits_t.argmax(1) == labels_t))
        self.append(events.TaskModelReady("small_cnn-1234", right - 0.004, right, TASK_MODEL_BYTES))

    def plan(self, values: Mapping[str, Scalar], starts_from: str = "") -> str:
        trial_id = f"t{self._count:04d}"
        self.append(
            events.Planned(trial_id, self._count, 7 + self._count, dict(values), starts_from=starts_from),
            events.Started(trial_id, 1, "worker-0"),
        )
        self._count += 1
        return trial_id

    def finish(
        self, values: Mapping[str, Scalar], rate_bits: float, accuracy: float, size: int, **changes: Any
    ) -> str:
        trial_id = self.plan(values)
        if values["family"] == "label":
            changes["train_seconds"] = 0.0
        self.append(
            events.Reported(trial_id, 1, 1, {"loss": 1.0}),
            events.Finished(trial_id, 1, result(trial_id, rate_bits, accuracy, size, **changes).to_json()),
        )
        return trial_id

    def prune(self, values: Mapping[str, Scalar], reason: str = "dominated at rung 5") -> str:
        trial_id = self.plan(values)
        self.append(events.Pruned(trial_id, 1, reason, 1))
        return trial_id

    def stop(self, values: Mapping[str, Scalar], reason: str = "stopped by hand") -> str:
        trial_id = self.plan(values)
        self.append(events.Stopped(trial_id, 1, reason))
        return trial_id

    def fail(self, values: Mapping[str, Scalar], reason: str = "loss is NaN at epoch 3") -> str:
        trial_id = self.plan(values)
        self.append(events.Failed(trial_id, 1, "DivergedError", reason, final=True))
        return trial_id

    def end(self) -> SweepFolder:
        self.append(events.Ended("every requested trial has ended"))
        return self.folder


def label(method: str = "lossless", **own: Scalar) -> dict[str, Scalar]:
    return {"family": "label", "method": method, **own}


def split(point: str, beta: float, entropy_model: str = "factorized", **own: Scalar) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {
        "family": "split",
        "split": point,
        "entropy_model": entropy_model,
        "width": 8,
    }
    return {**values, "beta": beta, "objective": "cross_entropy", "refine": "none", **own}


def full_sweep(path: Path, ended: bool = True) -> SweepFolder:
    """30 trials, as a sweep of the digits leaves them: 24 finished, 2 collapsed, 1 pruned, 1 stopped, 2 failed."""
    sweep = FakeSweep(path)
    rng = np.random.default_rng(5)
    _add_label_trials(sweep)
    for number in range(19):
        _add_split_trial(sweep, rng, number)
    sweep.finish(split("stem", 0.01), 0.0, 0.11, 2_900, status="collapsed", reason="at the majority class")
    sweep.finish(split("block1", 0.02, "categorical", alphabet=4), 0.35, 0.14, 9_900, status="collapsed")
    sweep.prune(split("block2", 0.4))
    sweep.stop(split("stem", 0.5))
    sweep.fail(split("block1", 900.0), "loss is NaN at epoch 3 (β = 900)")
    sweep.fail(split("block2", 700.0), "<b>worker</b> died & was not replaced")
    return sweep.end() if ended else sweep.folder


def _add_label_trials(sweep: FakeSweep) -> None:
    size = TASK_MODEL_BYTES + 80
    labels, logits = predictions(2)
    right = float(np.mean(logits.argmax(1) == labels))  # a lossless label is as right as the task model
    sweep.finish(label(), 3.345, right, size, validation=(3.341, right - 0.004))
    sweep.finish(label("merged", merged_classes=3), 2.69, 0.772, size, validation=(2.70, 0.781))
    sweep.finish(label("merged", merged_classes=6), 1.49, 0.481, size, validation=(1.50, 0.478))
    sweep.finish(label("time_shared", share=0.5), 1.68, 0.536, size, validation=(1.67, 0.541))
    sweep.finish(label("time_shared", share=0.25), 0.85, 0.318, size, validation=(0.84, 0.322))


def _add_split_trial(sweep: FakeSweep, rng: np.random.Generator, number: int) -> None:
    categorical = number % 3 == 2
    point = list(SPLIT_BYTES)[number % 3 if not categorical else (number // 3) % 3]
    depth = list(SPLIT_BYTES).index(point)
    rate = float(np.exp(rng.uniform(np.log(1.6), np.log(7.5 if categorical else 60.0))))
    ceiling = (0.955, 0.968, 0.975)[depth]
    need = (3.4, 2.6, 2.0)[depth] * (0.8 if categorical else 1.25)
    accuracy = ceiling * (1 - np.exp(-((rate / need) ** 1.3))) - abs(rng.normal(0, 0.012))
    seen = (rate * float(rng.uniform(0.99, 1.01)), float(np.clip(accuracy + rng.normal(0, 0.006), 0, 1)))
    values = split(
        point,
        float(2 ** rng.uniform(-3, 6)),
        "categorical" if categorical else "factorized",
        **({"alphabet": 16} if categorical else {}),
        **({"refine": "sga", "refine_steps": 200} if number % 5 == 0 else {}),
    )
    size = SPLIT_BYTES[point] + int(rng.integers(200, 2_400))
    sweep.finish(values, rate, float(round(accuracy * SAMPLES) / SAMPLES), size, validation=seen)
