"""The waterfall of trials that were really run: every family, and what is not there."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import log2
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small_sweep import CODEC_CONFIGURATIONS
from tests.trial.real_sweep import RealSweep, real_sweep

import ratefront as rf
from ratefront.bounds import from_predictions, oracle_rate_bits, prior_from_labels
from ratefront.codecs.codec_files import load_codec
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.data.dataset import Dataset
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import InputError, SweepMismatchError, UnknownTrialError
from ratefront.history import events
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.stored_task_model import read_ready_event
from ratefront.trial.waterfall.transmitter_probe import probe_transmitter
from ratefront.trial.waterfall.trial_waterfall import TrialWaterfall, trial_waterfall

pytestmark = pytest.mark.medium

EXAMPLES = (
    "label-lossless",
    "label-time-shared",
    "split-categorical",
    "student",
    "sample-task-model",
    "image-jpeg",
)


@pytest.fixture(scope="module")
def sweep(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RealSweep:
    """One trial of each example; not to be changed."""
    made = real_sweep(tmp_path_factory.mktemp("waterfall") / "sweep", task_model_folder)
    made.fake.append(read_ready_event(task_model_folder))
    for example in EXAMPLES:
        made.finish(example)
    return made


@pytest.fixture(scope="module")
def found(sweep: RealSweep) -> dict[str, TrialWaterfall]:
    """The waterfall of each example."""
    ids = zip(EXAMPLES, sweep.history.trials, strict=True)
    return {example: trial_waterfall(sweep.folder, sweep.history, trial_id) for example, trial_id in ids}


@pytest.fixture
def copied(sweep: RealSweep, tmp_path: Path) -> tuple[SweepFolder, SweepHistory]:
    """A copy of the sweep which a test may change."""
    return SweepFolder(shutil.copytree(sweep.folder.path, tmp_path / "own")), sweep.history


def bits(found: TrialWaterfall, name: str) -> float | None:
    return found.point.stage(name).bits  # type: ignore[arg-type]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_last_stages_are_what_the_trial_measured(found: dict[str, TrialWaterfall], example: str) -> None:
    measured = found[example].result.test
    for name, rate in (
        ("estimate", measured.rate_bits_estimated),
        ("blocks", measured.rate_bits),
        ("alone", measured.rate_bits_alone),
    ):
        assert bits(found[example], name) == rate
    steps = found[example].point.joined_steps
    assert steps[0].start == "oracle"
    assert sum(step.bits or 0.0 for step in steps) == pytest.approx(
        measured.rate_bits_alone - (bits(found[example], "oracle") or 0.0)
    )
    assert all(before.end == after.start for before, after in pairwise(steps))


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_oracle_is_that_of_the_test_labels(
    sweep: RealSweep, found: dict[str, TrialWaterfall], example: str
) -> None:
    labels = load_dataset(sweep.context.spec.dataset).test.labels
    prior = prior_from_labels(labels, 10)
    rate = oracle_rate_bits(prior, 1.0 - found[example].result.test.accuracy)
    assert bits(found[example], "oracle") == pytest.approx(rate, abs=5e-4)


def test_tmrd_is_that_of_the_posteriors_at_their_temperature(
    sweep: RealSweep, found: dict[str, TrialWaterfall]
) -> None:
    """The temperature minimises the log loss on validation, here over a grid."""
    with np.load(sweep.folder.predictions) as stored:
        arrays = dict(stored)
    one = found["student"]

    def loss(temperature: float) -> float:
        scores = torch.from_numpy(arrays["logits_validation"]).double() / temperature
        labels = torch.from_numpy(arrays["labels_validation"])
        return float(torch.nn.functional.cross_entropy(scores, labels))

    assert loss(one.temperature) <= min(map(loss, np.geomspace(0.2, 5.0, 60))) + 1e-9
    logits = arrays["logits_test"] / one.temperature
    curve = from_predictions(arrays["labels_test"], logits=logits)
    rate = curve.envelopes["task_model"].rate_at(1.0 - one.result.test.accuracy)
    assert bits(one, "task_model") == pytest.approx(rate, abs=1e-3)


@pytest.mark.parametrize("example", ["label-lossless", "split-categorical"])
def test_words_are_those_that_the_transmitter_makes(
    sweep: RealSweep, found: dict[str, TrialWaterfall], example: str
) -> None:
    """Counted from the codec's own latents, without stream and coder; no code for them can need less."""
    files = sweep.folder.trial(found[example].trial_id)
    codec, _ = load_codec(files.codec_config, files.codec_weights)
    test = load_dataset(sweep.context.spec.dataset).test
    counts = Counter(map(tuple, codec.analyse(torch.from_numpy(test.images[:])).tolist()))
    by_hand = -sum(n / len(test) * log2(n / len(test)) for n in counts.values())
    words = found[example].words
    assert words is not None
    assert (words.distinct, words.samples) == (len(counts), len(test))
    assert words.plug_in_bits == pytest.approx(by_hand)
    assert words.plug_in_bits <= found[example].result.test.rate_bits_estimated + 1e-9
    correction = (len(counts) - 1) / (2 * len(test) * np.log(2))
    greatest = log2(len(counts) + list(counts.values()).count(1))
    expected = min(by_hand + correction, max(by_hand, greatest))
    assert bits(found[example], "entropy") in (None, pytest.approx(expected))


@pytest.mark.parametrize("example", ["label-lossless", "label-time-shared", "sample-task-model"])
def test_the_probe_of_the_whole_task_model_is_the_task_model(
    found: dict[str, TrialWaterfall], example: str
) -> None:
    one = found[example]
    assert one.probe is not None
    assert (one.probe.kind, one.probe.bytes) == ("classifier", 0)
    assert one.transmitter_bytes_with_probe == one.result.transmitter_bytes
    assert one.point.steps[1].bits == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(("example", "features"), [("split-categorical", 512), ("student", 5)])
def test_a_linear_probe_sits_on_what_the_transmitter_computes(
    sweep: RealSweep, found: dict[str, TrialWaterfall], example: str, features: int
) -> None:
    """A split codec's front end gives 512 numbers, and a student's g_a as many as its latents: 5."""
    one, samples = found[example], len(load_dataset(sweep.context.spec.dataset).train)
    assert one.probe is not None
    assert (one.probe.kind, one.probe.features, one.probe.train_samples) == ("linear", features, samples)
    assert one.probe.bytes == 2 * (features * 10 + 10)
    assert one.transmitter_bytes_with_probe == one.result.transmitter_bytes + one.probe.bytes
    assert list(one.curves) == ["oracle", "task_model", "probe"]
    assert "no bound" in one.curves["probe"].assumptions
    files = sweep.folder.trial(one.trial_id)
    codec, _ = load_codec(files.codec_config, files.codec_weights)
    held = module_bytes(*codec.transmitter_modules())
    assert held <= one.result.transmitter_bytes


def test_positions_and_shared_randomness_have_no_words(found: dict[str, TrialWaterfall]) -> None:
    for example in ("label-time-shared", "sample-task-model"):
        assert found[example].words is None
        assert "depends on the sample's position" in found[example].point.stage("entropy").reason


def test_an_image_file_has_no_probe_and_too_many_words(found: dict[str, TrialWaterfall]) -> None:
    one = found["image-jpeg"]
    assert one.probe is one.transmitter_bytes_with_probe is None
    assert "the transmitter of the family image computes neither" in one.point.stage("probe").reason
    assert "seen once" in one.point.stage("entropy").reason
    assert "transmitter + coding + modelling" in [step.title for step in one.point.joined_steps]


def test_the_probe_sees_no_label_of_the_test_split(sweep: RealSweep) -> None:
    """Other test labels leave every score as it was; other test samples leave the others' scores."""
    trial_id = list(sweep.history.trials)[EXAMPLES.index("student")]
    files = sweep.folder.trial(trial_id)
    codec, _ = load_codec(files.codec_config, files.codec_weights)
    data: Dataset = load_dataset(sweep.context.spec.dataset)
    poisoned = replace(data, test=replace(data.test, labels=np.zeros_like(data.test.labels)))
    first, second = (probe_transmitter(codec, one) for one in (data, poisoned))
    assert first is not None
    assert second is not None
    assert np.array_equal(first.test, second.test)
    assert np.array_equal(first.validation, second.validation)


def test_twice_is_the_same_to_the_last_bit(sweep: RealSweep, found: dict[str, TrialWaterfall]) -> None:
    one = found["student"]
    again = trial_waterfall(sweep.folder, sweep.history, one.trial_id)
    assert again.to_json() == one.to_json()


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_document_is_plain_json(found: dict[str, TrialWaterfall], example: str) -> None:
    document = json.loads(json.dumps(found[example].to_json(), allow_nan=False))
    assert document["stages"][0]["name"] == "oracle"
    assert all((stage["bits"] is None) == bool(stage["reason"]) for stage in document["stages"])
    assert document["split"] == "test"


def test_without_its_codec_a_trial_keeps_its_bounds(copied: tuple[SweepFolder, SweepHistory]) -> None:
    folder, history = copied
    history.spec["keep"] = "none"  # type: ignore[index]
    (trial_id,) = list(history.trials)[2:3]
    for path in folder.trial(trial_id).outcome:
        path.unlink()
    one = trial_waterfall(folder, history, trial_id)
    assert bits(one, "task_model") is not None
    for name in ("probe", "entropy"):
        assert one.point.stage(name).reason.endswith("the sweep keeps those of trials as `keep: none` says")  # type: ignore[arg-type]


def test_a_collapsed_trial_shows_what_its_transmitter_knew(task_model_folder: Path, tmp_path: Path) -> None:
    """β so small that nothing is sent: its transmitter knew the classes all the same."""
    made = real_sweep(tmp_path / "sweep", task_model_folder, training={"epochs": 8})
    made.fake.append(read_ready_event(task_model_folder))
    CODEC_CONFIGURATIONS["collapsed"] = {**CODEC_CONFIGURATIONS["split-factorized"], "beta": 1e-4}
    try:
        trial_id = made.finish("collapsed")
    finally:
        del CODEC_CONFIGURATIONS["collapsed"]
    assert made.history.trials[trial_id].status == "collapsed"
    one = trial_waterfall(made.folder, made.history, trial_id)
    assert one.probe is not None
    assert one.probe.accuracy > 0.8
    assert (bits(one, "oracle") or 0.0) < 0.1


def test_only_measured_trials_have_a_waterfall(
    copied: tuple[SweepFolder, SweepHistory], sweep: RealSweep
) -> None:
    folder, history = copied
    with pytest.raises(UnknownTrialError):
        trial_waterfall(folder, history, "t9999")
    own = rf.open(folder.path)
    planned = replace(history.trials["t0000"], result=None, status="failed")
    history.trials["t0000"] = planned  # type: ignore[index]
    with pytest.raises(InputError, match="trial t0000 is failed: only one that was measured"):
        trial_waterfall(folder, history, "t0000")
    assert own.trials["t0001"].waterfall().trial_id == "t0001"


def test_a_damaged_stream_is_named(copied: tuple[SweepFolder, SweepHistory]) -> None:
    folder, history = copied
    stream = folder.trial("t0000").stream
    stream.write_bytes(stream.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"stream\.bin: "):
        trial_waterfall(folder, history, "t0000")


def test_the_stream_may_be_gone(copied: tuple[SweepFolder, SweepHistory]) -> None:
    folder, history = copied
    folder.trial("t0000").stream.unlink()
    assert (
        trial_waterfall(folder, history, "t0000").point.stage("entropy").reason
        == "the coded test split is gone"
    )


def test_other_predictions_are_refused(copied: tuple[SweepFolder, SweepHistory]) -> None:
    folder, history = copied
    with np.load(folder.predictions) as stored:
        arrays = {name: values[:-1] for name, values in stored.items()}
    np.savez(folder.predictions, **arrays)
    with pytest.raises(InputError, match="test samples, and the trial has measured"):
        trial_waterfall(folder, history, "t0000")
    folder.predictions.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        trial_waterfall(folder, history, "t0000")


def test_other_data_are_refused(sweep: RealSweep, task_model_folder: Path, tmp_path: Path) -> None:
    made = real_sweep(tmp_path / "sweep", task_model_folder)
    ready = read_ready_event(task_model_folder)
    made.fake.append(replace(ready, inputs={**ready.inputs, "dataset": "0" * 64}))
    trial_id = made.plan("label-lossless").params.trial_id
    shutil.copytree(sweep.folder.trial("t0000").path, made.folder.trial(trial_id).path)
    made.fake.append(events.Finished(trial_id, 1, sweep.history.trials["t0000"].result.to_json()))  # type: ignore[union-attr]
    with pytest.raises(SweepMismatchError, match="not what the sweep began with"):
        trial_waterfall(made.folder, made.history, trial_id)
