"""What the task model decides, apart from any codec; what is decoded of a codec that sends its decisions must be that.

Of every sample the predictions that were stored with the task model tell it, of which the bounds are made. That the
weights as they are stored give these very predictions, in other batches and by another number of threads, is tried on
hundreds of samples of each split, once a process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ratefront.codecs.contract import Codec
from ratefront.data.dataset import Samples
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DisagreementError
from ratefront.spec.schema import SweepSpec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tasks.float_rounding import ROUNDING_TOLERANCE
from ratefront.tasks.own_network.evaluation_check import second_pass
from ratefront.tasks.stored_task_model import WEIGHTS, load_task_model_uncached, read_predictions
from ratefront.tasks.task_model import TaskModel
from ratefront.trial.checks.score_ties import RankedClasses, count_ties
from ratefront.trial.threads import using_threads
from ratefront.trial.trial_context import TrialContext

_TRIED = (
    500  # samples of a split: all of a small one, a few percent of what a label trial computes of a large one
)
_LEAST_ROUNDING = 2.0**-17  # of the largest logit: what float32 networks of any depth are granted
_MARGIN = 16.0  # times what was seen: a third computation may round worse than two did


@dataclass(frozen=True)
class StoredDecisions:
    """What the task model decides of ``validation`` and ``test``; ``tolerance`` is how far, as a fraction of a
    sample's largest logit, two may lie apart and be exchanged by rounding.
    """

    ranked: Mapping[str, RankedClasses]
    tolerance: float


def ties_with_task_model(
    codec: Codec, context: TrialContext, decoded: Mapping[str, NDArray[np.int64]]
) -> int | None:
    """How many samples of ``validation`` and ``test`` are decoded to another class than the task model decides for,
    because two tie within rounding; None of a codec that does not send the task model's decisions.

    Raises:
        DisagreementError: A sample is decoded to a class that does not tie, or the stored predictions are not
            those of the stored weights.
    """
    if codec.expected_classes(np.zeros(0, dtype=np.int64)) is None:
        return None
    stored = _decisions_of(context)

    def expected(decisions: NDArray[np.int64]) -> NDArray[np.int64]:
        classes = codec.expected_classes(decisions)
        assert classes is not None, "it says so of some decisions, hence of all"
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


def _decisions_of(context: TrialContext) -> StoredDecisions:
    folder = SweepFolder(context.folder).task_model
    weights = folder / WEIGHTS
    return _decided(context.spec.model_dump_json(), folder, weights.stat().st_mtime_ns, context.device)


@lru_cache(maxsize=1)
def _decided(spec_json: str, folder: Path, changed_ns: int, device: str) -> StoredDecisions:
    """Kept as long as the same weights lie there."""
    spec = SweepSpec.model_validate_json(spec_json)
    data, predictions = load_dataset(spec.dataset), read_predictions(folder)
    with torch.random.fork_rng(devices=[]), using_threads(_other_number_of_threads()):
        model = load_task_model_uncached(spec, folder).to(device)
        seen = [_rounding(name, model, getattr(data, name).images, predictions[name]) for name in predictions]
    tolerance = 2 * min(
        ROUNDING_TOLERANCE, max(_LEAST_ROUNDING, _MARGIN * max(seen))
    )  # either logit may be off
    ranked = {name: RankedClasses.of(torch.from_numpy(logits)) for name, logits in predictions.items()}
    return StoredDecisions(ranked, tolerance)


def _rounding(name: str, model: TaskModel, images: Samples, stored: NDArray[np.float32]) -> float:
    """The largest difference between a pass and what ``predictions.npz`` holds, as a fraction of the largest logit.

    Raises:
        DisagreementError: It is more than rounding, or these are no predictions of these samples.
    """
    if len(stored) != len(images):
        raise DisagreementError(
            f"{name}: task_model/predictions.npz holds {len(stored)} samples, the data set {len(images)}: it is "
            "another data set's"
        )
    tried, apart = second_pass(model, images, torch.from_numpy(stored), _TRIED)
    wrong = int((apart > ROUNDING_TOLERANCE).sum())
    if wrong:
        raise DisagreementError(
            f"{name}: of {wrong} of {len(tried)} samples the stored weights of the task model give other logits than "
            f"task_model/predictions.npz holds, by up to {float(apart.max()):.2g} of the largest: the weights were "
            "spoiled when they were stored, or the task model is random or depends on the batch"
        )
    return float(apart.max())


def _other_number_of_threads() -> int:
    usual = torch.get_num_threads()
    return usual - 1 if usual > 1 else 2
