"""A codec of a real trial on the test split, in memory: the same classes and bytes as the trial recorded."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.small_sweep import CODEC_CONFIGURATIONS

from ratefront.data.load_dataset import load_dataset
from ratefront.errors import InputError
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.run_trial import run_trial
from ratefront.trial.stored_codec import StoredCodec
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams, TrialResult

pytestmark = pytest.mark.medium

#: One by one; by position; drawn jointly; of samples that differ in length.
TRIALS = {
    "r0": "label-lossless",
    "r1": "label-time-shared",
    "r2": "sample-communicate",
    "r3": "image-png",
}


@pytest.fixture(scope="module")
def results(context: TrialContext) -> dict[str, TrialResult]:
    return {
        trial_id: run_trial(TrialParams(trial_id, 0, CODEC_CONFIGURATIONS[example]), context)
        for trial_id, example in TRIALS.items()
    }


@pytest.fixture(scope="module")
def digits(context: TrialContext) -> NDArray[np.float32]:
    return load_dataset(context.spec.dataset).test.images[:]


def _codec(context: TrialContext, trial_id: str) -> StoredCodec:
    files = SweepFolder(context.folder).trial(trial_id)
    return StoredCodec(files.codec_config, files.codec_weights)


@pytest.mark.parametrize("trial_id", TRIALS)
def test_a_round_trip_gives_the_recorded_classes_and_bytes(
    context: TrialContext, results: dict[str, TrialResult], digits: NDArray[np.float32], trial_id: str
) -> None:
    done = _codec(context, trial_id).round_trip(digits, context.spec.block_size)
    files, test = SweepFolder(context.folder).trial(trial_id), results[trial_id].test
    assert np.array_equal(done.classes, np.load(files.samples)["decoded"])
    assert done.bytes.sum() == pytest.approx(files.stream.stat().st_size, rel=1e-12)
    assert 8 * done.bytes.mean() == pytest.approx(test.rate_total_bits, rel=1e-12)
    assert 8 * done.payload_bytes.mean() == pytest.approx(test.rate_bits, rel=1e-12)


@pytest.mark.parametrize("trial_id", ["r0", "r1", "r3"])
def test_one_sample_costs_its_recorded_bits_alone(
    context: TrialContext, results: dict[str, TrialResult], digits: NDArray[np.float32], trial_id: str
) -> None:
    done = _codec(context, trial_id).round_trip(digits, 1)
    alone = np.load(SweepFolder(context.folder).trial(trial_id).samples)["bits_alone"]
    assert np.array_equal(8 * done.payload_bytes, alone)
    assert (done.classes == load_dataset(context.spec.dataset).test.labels).mean() == results[
        trial_id
    ].test.accuracy


def test_a_sample_has_its_share_of_its_own_block(
    context: TrialContext, results: dict[str, TrialResult], digits: NDArray[np.float32]
) -> None:
    done = _codec(context, "r0").round_trip(digits[:5], 2)
    payload = done.payload_bytes
    assert payload[0] == payload[1]
    assert payload[2] == payload[3]
    assert np.array_equal(2 * payload[:4] % 1, np.zeros(4))
    assert payload[4] % 1 == 0


def test_a_round_trip_of_no_samples_gives_no_classes(
    context: TrialContext, results: dict[str, TrialResult]
) -> None:
    done = _codec(context, "r0").round_trip(np.zeros((0, 1, 8, 8), np.float32), 10)
    assert (len(done.classes), len(done.bytes), len(done.payload_bytes)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("value", "block_size", "reason"),
    [(1.5, 10, r"in \[0, 1\]"), (float("nan"), 10, "finite"), (0.5, 0, "block_size: must be ≥ 1, got 0")],
)
def test_samples_that_cannot_be_coded_are_refused(
    context: TrialContext, results: dict[str, TrialResult], value: float, block_size: int, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        _codec(context, "r0").round_trip(np.full((3, 1, 8, 8), value, np.float32), block_size)
