"""Checks that a codec that sends the task model's decisions is decoded to what the stored task model decides.

The decisions come from the predictions that are stored with the task model, from which the bounds are computed. Once
per process, the stored weights are also run on hundreds of samples of each split, in other batches and with another
number of threads: they have to give these very predictions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ratefront.codecs.codec_interface import Codec
from ratefront.data.dataset import Samples
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DisagreementError
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.float_rounding import ROUNDING_TOLERANCE
from ratefront.task_models.own_network.evaluation_check import second_pass
from ratefront.task_models.stored_task_model import WEIGHTS, load_task_model_uncached, read_predictions
from ratefront.task_models.task_model import TaskModel
from ratefront.trial.checks.score_ties import RankedClasses, count_ties
from ratefront.trial.threads import other_number_of_threads, using_threads
from ratefront.trial.trial_context import TrialContext

#: Samples of a split whose logits are computed again: all of a small split; of a large one, a few percent of what a
#: label trial computes.
_SAMPLES_PER_SPLIT = 500
_MIN_ROUNDING = 2.0**-17  # of the largest logit: what float32 networks of any depth may differ by
_MARGIN = 16.0  # times the largest difference seen: a third computation may round worse than two did


@dataclass(frozen=True)
class StoredDecisions:
    """What the task model decides of ``validation`` and ``test``.

    Attributes:
        ranked: The best classes of each sample, by split.
        tolerance: The largest difference of two logits that rounding may exchange, as a fraction of the largest logit.
    """

    ranked: Mapping[str, RankedClasses]
    tolerance: float


def ties_with_task_model(
    codec: Codec, context: TrialContext, decoded: Mapping[str, NDArray[np.int64]]
) -> int | None:
    """Count the samples that are decoded to another class than the task model's, by a tie within rounding.

    Returns:
        The count over ``validation`` and ``test``; None of a codec that does not send the task model's decisions.

    Raises:
        DisagreementError: A sample is decoded to a class that does not tie, or the stored predictions are not
            those of the stored weights.
    """
    if codec.expected_classes(np.zeros(0, dtype=np.int64)) is None:
        return None
    stored = _stored_decisions(context)

    def expected(decisions: NDArray[np.int64]) -> NDArray[np.int64]:
        classes = codec.expected_classes(decisions)
        assert classes is not None, "a codec maps all decisions or none"
        return classes

    return sum(
        count_ties(
            stored.ranked[name],
            decoded[name],
            expected,
            stored.tolerance,
            f"{name}: the decoded classes are not those that the task model decides for",
        )
        for name in decoded
    )


def _stored_decisions(context: TrialContext) -> StoredDecisions:
    folder = SweepFolder(context.folder).task_model
    weights = folder / WEIGHTS
    return _checked_decisions(
        context.spec.model_dump_json(), folder, weights.stat().st_mtime_ns, context.device
    )


@lru_cache(maxsize=1)
def _checked_decisions(spec_json: str, folder: Path, changed_ns: int, device: str) -> StoredDecisions:
    """Check the stored predictions, and keep the decisions as long as the weights file is the same."""
    spec = SweepSpec.model_validate_json(spec_json)
    data, predictions = load_dataset(spec.dataset), read_predictions(folder)
    with torch.random.fork_rng(devices=[]), using_threads(other_number_of_threads()):
        model = load_task_model_uncached(spec, folder).to(device)
        deviations = [
            _largest_difference(name, model, getattr(data, name).images, predictions[name])
            for name in predictions
        ]
    tolerance = 2 * min(
        ROUNDING_TOLERANCE, max(_MIN_ROUNDING, _MARGIN * max(deviations))
    )  # either logit may be off
    ranked = {
        name: RankedClasses.from_scores(torch.from_numpy(logits)) for name, logits in predictions.items()
    }
    return StoredDecisions(ranked, tolerance)


def _largest_difference(name: str, model: TaskModel, images: Samples, stored: NDArray[np.float32]) -> float:
    """Return how far logits computed again differ from ``predictions.npz``, as a fraction of the largest logit.

    Raises:
        DisagreementError: The difference is more than rounding, or the predictions are of other samples.
    """
    if len(stored) != len(images):
        raise DisagreementError(
            f"{name}: task_model/predictions.npz holds {len(stored)} samples, the data set {len(images)}: it is "
            "another data set's"
        )
    tried, apart = second_pass(model, images, torch.from_numpy(stored), _SAMPLES_PER_SPLIT)
    wrong = int((apart > ROUNDING_TOLERANCE).sum())
    if wrong:
        raise DisagreementError(
            f"{name}: of {wrong} of {len(tried)} samples the stored weights of the task model give other logits than "
            f"task_model/predictions.npz holds, by up to {float(apart.max()):.2g} of the largest: the weights were "
            "spoiled when they were stored, or the task model is random or depends on the batch"
        )
    return float(apart.max())
