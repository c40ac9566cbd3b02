"""Checks that a codec that sends the class of a classifier of its own is decoded to what the stored classifier decides.

Nothing is stored that its decisions could be compared with, as there is for the task model's. So the codec is loaded
from its files, and its classifier runs again on hundreds of samples of each split, in other batches and with another
number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ratefront.codecs.codec_files import load_codec
from ratefront.codecs.codec_interface import Codec
from ratefront.data.dataset import Dataset, Samples
from ratefront.data.stored_samples import evenly_spaced
from ratefront.store.sweep_folder import TrialFolder
from ratefront.task_models.float_rounding import ROUNDING_TOLERANCE
from ratefront.task_models.own_network.evaluation_check import other_batch_size
from ratefront.task_models.task_model import predict_logits
from ratefront.trial.checks.score_ties import RankedClasses, count_ties
from ratefront.trial.threads import other_number_of_threads, using_threads

_SAMPLES_PER_SPLIT = 500


def ties_with_classifier(
    codec: Codec, files: TrialFolder, data: Dataset, decoded: Mapping[str, NDArray[np.int64]]
) -> int | None:
    """Count the samples, of those tried, that are decoded to another class than the classifier's, by a tie.

    Args:
        codec: The codec as it was trained.
        files: Where it is stored.
        data: The data set.
        decoded: The decoded classes (N,) of each split, by its name.

    Returns:
        The count over all splits; None of a codec without a classifier of its own.

    Raises:
        DisagreementError: A sample is decoded to a class that does not tie.
    """
    if codec.own_classifier is None:
        return None
    with torch.random.fork_rng(devices=[]), using_threads(other_number_of_threads()):
        stored, _ = load_codec(files.codec_config, files.codec_weights, own_module=True)
        return sum(_ties(stored, getattr(data, name).images, decoded[name], name) for name in decoded)


def _ties(stored: Codec, images: Samples, decoded: NDArray[np.int64], name: str) -> int:
    classifier = stored.own_classifier
    assert classifier is not None, "the stored codec is the trained one"
    tried = evenly_spaced(images, _SAMPLES_PER_SPLIT)
    logits = predict_logits(classifier, images[tried], other_batch_size(images.shape[1:]))

    def expected(decisions: NDArray[np.int64]) -> NDArray[np.int64]:
        in_place = np.zeros(len(images), dtype=np.int64)
        in_place[tried] = decisions  # what is sent may depend on a sample's position
        return stored.sent_classes(in_place)[tried]

    return count_ties(
        RankedClasses.from_scores(logits),
        decoded[tried],
        expected,
        2 * ROUNDING_TOLERANCE,
        f"{name}: the decoded classes are not those that the stored classifier decides for",
    )
