"""The waterfall of a stored trial on the test split: the rates that it measured, below curves at its own accuracy.

The posteriors of the task model and of the probe are brought to the temperature of least log loss on validation, so
that the step between them is not one of calibration. The words come from the coded test split, and are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ratefront.bitstream.coded_stream import read_stream
from ratefront.bounds import (
    CURVE_KINDS,
    ORACLE,
    PROBE,
    TASK_MODEL,
    Predictions,
    RateDistortionCurve,
    Waterfall,
    WordEntropy,
    calibrated,
    oracle_curve,
    prior_from_labels,
    task_model_curve,
    waterfall,
    word_entropy,
)
from ratefront.bounds.bounds_json import curve_as_json
from ratefront.bounds.statistics.calibration import scores_at_temperature
from ratefront.data.dataset import Dataset
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import BitstreamError, InputError
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.load_spec import spec_from_plain
from ratefront.store.same_inputs import check_format, check_inputs
from ratefront.store.sweep_folder import SweepFolder, TrialFolder
from ratefront.store.validation_bounds import read_labelled_logits
from ratefront.task_models.input_digests import present_inputs
from ratefront.trial.stored_codec import StoredCodec, load_stored_codec
from ratefront.trial.waterfall.transmitter_probe import TransmitterProbe, probe_transmitter
from ratefront.trial_records import TrialResult


@dataclass(frozen=True)
class ProbeFacts:
    """A probe of the transmitter, without its scores; see ``TransmitterProbe``.

    Attributes:
        kind: ``classifier``: the transmitter's own. ``linear``: trained here, on what the transmitter computes.
        accuracy: Of its decisions on test.
        temperature: Of least log loss on validation; its scores are divided by it.
        bytes: What it adds to the transmitter, which would have to hold it.
        features: Numbers of a sample that it takes; None for a classifier.
        means_of_maps: Whether these are means of feature maps over their places.
        train_samples: Samples that it was trained on here.
        penalty: λ of its weights; None for a classifier.
    """

    kind: Literal["classifier", "linear"]
    accuracy: float
    temperature: float
    bytes: int
    features: int | None
    means_of_maps: bool
    train_samples: int
    penalty: float | None


@dataclass(frozen=True, eq=False)
class TrialWaterfall:
    """The waterfall of a trial, with the curves that it is read from.

    Attributes:
        trial_id: The trial's name.
        family: The family of its codec.
        result: What the trial measured.
        point: Stages and steps on the test split, in bit/sample.
        curves: ``oracle``, ``task_model`` and, where there is one, ``probe``, which is achievable but no bound.
        temperature: Of the task model's posteriors.
        probe: The probe; None where ``point`` says why there is none.
        words: The words that were sent, as counted; None where ``point`` says why they were not.
    """

    trial_id: str
    family: str
    result: TrialResult
    point: Waterfall
    curves: Mapping[str, RateDistortionCurve]
    temperature: float
    probe: ProbeFacts | None
    words: WordEntropy | None

    @property
    def transmitter_bytes_with_probe(self) -> int | None:
        """Bytes of the trial's transmitter and of the probe; None where there is no probe."""
        return None if self.probe is None else self.result.transmitter_bytes + self.probe.bytes

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the document that ``ratefront waterfall`` writes. docs/files.md lists its keys."""
        return {
            "trial_id": self.trial_id,
            "family": self.family,
            "split": "test",
            "samples": self.result.test.samples,
            **self.point.to_json(),
            "task_model_temperature": self.temperature,
            "transmitter_bytes": self.result.transmitter_bytes,
            "transmitter_bytes_with_probe": self.transmitter_bytes_with_probe,
            "probe": None if self.probe is None else asdict(self.probe),
            "words": None if self.words is None else asdict(self.words),
            "curves": {name: curve_as_json(curve) for name, curve in self.curves.items()},
        }

    def save_figure(self, path: str | Path) -> None:
        """Write the waterfall beside its curves as a figure.

        Args:
            path: Ends in .png or .pdf.

        Raises:
            InputError: Another suffix, or a file that cannot be written.
        """
        from ratefront.report.waterfall_figure import draw_waterfall

        title = f"{self.trial_id} ({self.family})"
        draw_waterfall(self.point, self.curves, self.result.test.rate_bits, title, Path(path))


def trial_waterfall(
    sweep: SweepFolder, history: SweepHistory, trial_id: str, *, own_module: bool = False
) -> TrialWaterfall:
    """Compute the waterfall of a trial that was measured; a probe is trained where its codec was kept.

    Raises:
        InputError: There is no such trial, or it was not measured; the task model's predictions or the data are gone;
            the sweep names Python code that is neither known nor ``own_module``; the coded test split is damaged.
        SweepMismatchError: Data or code are not those that the sweep began with.
    """
    sweep.check_entries()
    trial = history.trial(trial_id)
    result = trial.result
    if result is None:
        raise InputError(f"trial {trial_id} is {trial.status}: only one that was measured has a waterfall")
    check_format(history)
    validation, test = (_predictions(sweep, split) for split in ("validation", "test"))
    if test.samples != result.test.samples:
        raise InputError(
            f"{sweep.predictions}: {test.samples} test samples, and the trial has measured {result.test.samples}"
        )
    codec = _stored_codec(sweep.trial(trial_id), own_module)
    probe: TransmitterProbe | str = _without_codec(history)
    words: WordEntropy | str = _without_codec(history)
    if codec is not None:
        words = _words(codec, sweep.trial(trial_id), result)
        data = _data(sweep, history, own_module)
        probe = probe_transmitter(codec.module, data) or (
            f"the transmitter of the family {codec.family} computes neither features nor scores of its own"
        )
    return _combined(trial_id, trial.params.family, result, validation, test, probe, words)


def _combined(
    trial_id: str,
    family: str,
    result: TrialResult,
    validation: Predictions,
    test: Predictions,
    probe: TransmitterProbe | str,
    words: WordEntropy | str,
) -> TrialWaterfall:
    temperature = _temperature(validation)
    curves = {
        ORACLE: oracle_curve(prior_from_labels(test.labels, test.classes)),
        TASK_MODEL: _curve(test, temperature),
    }
    facts = None
    if not isinstance(probe, str):
        facts, curves[PROBE] = _probe_curve(probe, validation.labels, test.labels)
    measured = result.test
    point = waterfall(
        measured.accuracy,
        {
            "oracle": curves[ORACLE],
            "task_model": curves[TASK_MODEL],
            "probe": probe if isinstance(probe, str) else curves[PROBE],
            "entropy": _bits_or_reason(words),
            "estimate": measured.rate_bits_estimated,
            "blocks": measured.rate_bits,
            "alone": measured.rate_bits_alone,
        },
        float(curves[ORACLE].distortion[-1]),
    )
    counted = None if isinstance(words, str) else words
    return TrialWaterfall(trial_id, family, result, point, curves, temperature, facts, counted)


def _bits_or_reason(words: WordEntropy | str) -> float | str:
    if isinstance(words, str):
        return words
    return words.reason if words.bits is None else words.bits


def _predictions(sweep: SweepFolder, split: Literal["validation", "test"]) -> Predictions:
    return Predictions.from_logits(*read_labelled_logits(sweep.predictions, split), insist=True)


def _temperature(validation: Predictions) -> float:
    """Return the temperature of least log loss; 1 where the loss has no least value."""
    effect = calibrated(validation)[1]
    return 1.0 if effect.warning else effect.temperature


def _curve(test: Predictions, temperature: float) -> RateDistortionCurve:
    assert test.log_probabilities is not None
    return task_model_curve(scores_at_temperature(test.log_probabilities, temperature), test.labels)


def _probe_curve(
    probe: TransmitterProbe, labels_validation: NDArray[np.int64], labels_test: NDArray[np.int64]
) -> tuple[ProbeFacts, RateDistortionCurve]:
    test = Predictions.from_logits(labels_test, probe.test, insist=True)
    temperature = _temperature(Predictions.from_logits(labels_validation, probe.validation, insist=True))
    curve = replace(_curve(test, temperature), name=PROBE, assumptions=CURVE_KINDS[PROBE].assumptions)
    facts = ProbeFacts(
        kind=probe.kind,
        accuracy=float(np.mean(test.predicted == labels_test)),
        temperature=temperature,
        bytes=probe.bytes,
        features=probe.features,
        means_of_maps=probe.means_of_maps,
        train_samples=probe.train_samples,
        penalty=probe.penalty,
    )
    return facts, curve


def _stored_codec(files: TrialFolder, own_module: bool) -> StoredCodec | None:
    """Return the trial's codec; None where its files were not kept."""
    if not (files.codec_config.is_file() and files.codec_weights.is_file()):
        return None
    return load_stored_codec(files, own_module=own_module)


def _without_codec(history: SweepHistory) -> str:
    return (
        "the files of the trial's codec are gone; the sweep keeps those of trials as "
        f"`keep: {history.spec.get('keep', 'all')}` says"
    )


def _words(codec: StoredCodec, files: TrialFolder, result: TrialResult) -> WordEntropy | str:
    """Count the words of the coded test split, or say why they are not counted."""
    if codec.module.uses_position:
        return "what is sent depends on the sample's position as well, so that its words have no entropy of their own"
    if not files.stream.is_file():
        return "the coded test split is gone"
    try:
        latents = read_stream(codec.module, codec.identity, files.stream.read_bytes())
    except BitstreamError as error:  # the folder may be a stranger's
        raise InputError(f"{files.stream}: {error}") from error
    if len(latents) != result.test.samples:
        raise InputError(
            f"{files.stream}: {len(latents)} samples, and the trial has measured {result.test.samples}"
        )
    return word_entropy(latents)


def _data(sweep: SweepFolder, history: SweepHistory, own_module: bool) -> Dataset:
    """Load the sweep's data set, which must be as it was."""
    spec = spec_from_plain(dict(history.spec), source=str(sweep.ledger), own_module=own_module).spec
    inputs = {} if history.task_model is None else history.task_model.inputs
    if inputs:
        check_inputs(inputs, present_inputs(spec), spec)
    return load_dataset(spec.dataset)
