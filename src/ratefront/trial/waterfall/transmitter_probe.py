"""What a codec's transmitter knows of the classes: scores of its classifier, or of a probe on its features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ratefront.codecs.codec_interface import Codec
from ratefront.data.dataset import Dataset, Samples, Split
from ratefront.data.stored_samples import SampleSubset, evenly_spaced
from ratefront.task_models.task_model import default_batch_size
from ratefront.trial.waterfall.linear_probe import LabelledFeatures, train_linear_probe

MOST_NUMBERS = (
    1 << 26
)  # features of a split that a probe is trained on, 256 MiB; of more, samples at even distances
MOST_WEIGHTS = 1 << 22  # a probe with more weights takes the mean of a map over its places


@dataclass(frozen=True, eq=False)
class TransmitterProbe:
    """The scores of a probe, and what it adds to the transmitter.

    Attributes:
        kind: ``classifier``: the transmitter's own, so that it adds nothing. ``linear``: logistic regression.
        validation: Scores (N, K) of the validation split.
        test: Scores (N, K) of the test split.
        bytes: Of the probe's weights in fp16, beside what the transmitter holds.
        features: How many numbers of a sample it takes; None for a classifier.
        means_of_maps: Whether these are the means of feature maps over their places.
        train_samples: On how many samples it was trained here.
        penalty: λ of its weights, chosen on validation; None for a classifier.
    """

    kind: Literal["classifier", "linear"]
    validation: NDArray[np.float32]
    test: NDArray[np.float32]
    bytes: int = 0
    features: int | None = None
    means_of_maps: bool = False
    train_samples: int = 0
    penalty: float | None = None


def probe_transmitter(codec: Codec, data: Dataset) -> TransmitterProbe | None:
    """Return the scores of the transmitter's classifier, else of a linear probe trained on its features.

    None where the codec's transmitter computes neither.
    """
    if codec.transmitter_scores(_images(data.test.images, slice(0, 1))) is not None:
        validation, test = (_classifier_scores(codec, split.images) for split in (data.validation, data.test))
        return TransmitterProbe("classifier", validation, test)
    one = codec.transmitter_features(_images(data.test.images, slice(0, 1)))
    return None if one is None else _linear_probe(codec, data, tuple(one.shape[1:]))


def _linear_probe(codec: Codec, data: Dataset, shape: tuple[int, ...]) -> TransmitterProbe:
    means_of_maps = len(shape) > 1 and int(np.prod(shape)) * data.classes > MOST_WEIGHTS
    train = _labelled_features(codec, data.train, shape, means_of_maps)
    probe = train_linear_probe(
        train, _labelled_features(codec, data.validation, shape, means_of_maps), data.classes
    )

    def scores(split: Split) -> NDArray[np.float32]:
        batches = (probe.scores(batch) for batch in _features(codec, split.images, means_of_maps))
        return np.concatenate(list(batches))

    return TransmitterProbe(
        "linear",
        scores(data.validation),
        scores(data.test),
        bytes=probe.bytes,
        features=train.features.shape[1],
        means_of_maps=means_of_maps,
        train_samples=len(train.labels),
        penalty=probe.penalty,
    )


def _labelled_features(
    codec: Codec, split: Split, shape: tuple[int, ...], means_of_maps: bool
) -> LabelledFeatures:
    """Features of a split that fit into memory."""
    chosen = evenly_spaced(split.labels, max(1, MOST_NUMBERS // int(np.prod(shape))))
    features = torch.cat(list(_features(codec, SampleSubset(split.images, chosen), means_of_maps)))
    return LabelledFeatures(features, split.labels[chosen])


def _features(codec: Codec, samples: Samples, means_of_maps: bool) -> Iterator[Tensor]:
    """Yield features (n, F), float32 on the CPU, batch by batch."""
    for batch in _batches(samples):
        features = codec.transmitter_features(batch)
        assert features is not None, "it gave some for another sample"
        if means_of_maps:  # (n, C, H, W), or (n, P, F) of points
            features = features.mean(dim=(2, 3)) if features.ndim == 4 else features.mean(dim=1)
        yield features.flatten(1).float().cpu()


def _classifier_scores(codec: Codec, samples: Samples) -> NDArray[np.float32]:
    return np.concatenate([_scores(codec, batch) for batch in _batches(samples)])


def _scores(codec: Codec, batch: Tensor) -> NDArray[np.float32]:
    scores = codec.transmitter_scores(batch)
    assert scores is not None, "it gave some for another sample"
    classes: NDArray[np.float32] = scores.float().cpu().numpy()
    return classes


def _batches(samples: Samples) -> Iterator[Tensor]:
    size = default_batch_size(samples.shape[1:])
    for first in range(0, len(samples), size):
        yield _images(samples, slice(first, first + size))


def _images(samples: Samples, part: slice) -> Tensor:
    return torch.from_numpy(np.require(samples[part], requirements="W"))
