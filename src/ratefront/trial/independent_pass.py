"""The task model's decisions once more, by the weights as they are stored, in other batches and by another number of
threads: what a codec decodes that sends these decisions is compared with them.

They are computed once a process, whatever the number of trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ratefront.codecs.contract import Codec
from ratefront.data.load import load_dataset
from ratefront.errors import DisagreementError
from ratefront.spec.schema import SweepSpec
from ratefront.store.folder import SweepFolder
from ratefront.tasks.evaluation_check import other_batch_size
from ratefront.tasks.model import predict_logits
from ratefront.tasks.prepare import load_task_model_anew, read_predictions
from ratefront.tasks.rounding import MOST_ROUNDING, deviations
from ratefront.trial.context import TrialContext
from ratefront.trial.ranking import RankedClasses, count_ties

_LEAST_ROUNDING = 2.0**-17  # of the largest logit: what float32 networks of any depth are granted
_MARGIN = 16.0  # times what was seen: a third computation may round worse than two did


@dataclass(frozen=True)
class StoredDecisions:
    """What the stored weights decide of ``validation`` and ``test``; ``tolerance`` is how far, as a fraction of a
    sample's largest logit, two may lie apart and be exchanged by rounding.
    """

    ranked: Mapping[str, RankedClasses]
    tolerance: float


def ties_with_stored_weights(
    codec: Codec, context: TrialContext, decoded: Mapping[str, NDArray[np.int64]]
) -> int | None:
    """How many samples of ``validation`` and ``test`` are decoded to another class than an independent pass decides,
    because two tie within rounding; None of a codec that does not send the task model's decisions.

    Raises
    ------
    DisagreementError
        A sample is decoded to a class that does not tie, or the stored predictions are not those of the stored weights.
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
            f"{name}: the decoded classes are not those that the stored weights of the task model decide for",
        )
        for name in decoded
    )


def _decisions_of(context: TrialContext) -> StoredDecisions:
    folder = SweepFolder(context.folder).task_model
    weights = folder / "model.safetensors"
    return _decided(context.spec.model_dump_json(), folder, weights.stat().st_mtime_ns, context.device)


@lru_cache(maxsize=1)
def _decided(spec_json: str, folder: Path, changed_ns: int, device: str) -> StoredDecisions:
    """Kept as long as the same weights lie there."""
    spec = SweepSpec.model_validate_json(spec_json)
    data, predictions = load_dataset(spec.dataset), read_predictions(folder)
    with torch.random.fork_rng(devices=[]), _other_threads():
        model = load_task_model_anew(spec, folder).to(device)
        batch = other_batch_size(data.shape)
        logits = {name: predict_logits(model, getattr(data, name).images, batch) for name in predictions}
    seen = max(_rounding(name, logits[name], torch.from_numpy(predictions[name])) for name in predictions)
    tolerance = 2 * min(MOST_ROUNDING, max(_LEAST_ROUNDING, _MARGIN * seen))  # either logit may be off
    return StoredDecisions({name: RankedClasses.of(logits[name]) for name in logits}, tolerance)


def _rounding(name: str, logits: Tensor, stored: Tensor) -> float:
    """The largest difference between the pass and what ``predictions.npz`` holds, as a fraction of the largest logit.

    Raises
    ------
    DisagreementError
        It is more than rounding.
    """
    if logits.shape != stored.shape:
        raise DisagreementError(
            f"task_model/predictions.npz holds {name} logits {tuple(stored.shape)}, the data set's are "
            f"{tuple(logits.shape)}: it is another data set's"
        )
    apart = deviations(logits, stored)
    wrong = int((apart > MOST_ROUNDING).sum())
    if wrong:
        raise DisagreementError(
            f"{name}: of {wrong} of {len(apart)} samples the stored weights of the task model give other logits than "
            f"task_model/predictions.npz holds, by up to {float(apart.max()):.2g} of the largest: the weights were "
            "spoiled when they were stored, or the task model is random or depends on the batch"
        )
    return float(apart.max())


@contextmanager
def _other_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(before - 1 if before > 1 else 2)
    try:
        yield
    finally:
        torch.set_num_threads(before)
