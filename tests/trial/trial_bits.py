"""What two runs of a trial must have in common to count as the same."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.small_sweep import CODEC_CONFIGURATIONS

from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams, TrialResult

OUTCOME = {"codec.safetensors", "codec.json", "stream.bin", "samples.npz"}


def result_bits(folder: Path, trial_id: str, result: TrialResult) -> dict[str, Any]:
    """Return all that a trial measured and wrote, without times."""
    files = SweepFolder(folder).trial(trial_id).path
    digests = {name: hashlib.sha256((files / name).read_bytes()).hexdigest() for name in OUTCOME}
    return {
        **digests,
        "validation": result.validation,
        "test": result.test,
        "transmitter_bytes": result.transmitter_bytes,
    }


def trial_params(example: str, trial_id: str, seed: int = 3) -> TrialParams:
    return TrialParams(trial_id, seed, CODEC_CONFIGURATIONS[example])


def run_bits(context: TrialContext, params: TrialParams) -> dict[str, Any]:
    """Run a trial to its end; see ``result_bits``."""
    return result_bits(context.folder, params.trial_id, run_trial(params, context))
