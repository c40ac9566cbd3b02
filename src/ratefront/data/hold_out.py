"""Hold samples out of a split, class by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ratefront.data.dataset import Split
from ratefront.data.stored_samples import SampleSubset
from ratefront.errors import InputError

#: The share of the training samples that is held out where a data set comes without a validation split.
VALIDATION_SHARE = 0.1

#: The share of all samples that is held out as the test split where a data set comes undivided.
TEST_SHARE = 0.1


def hold_out_positions(
    labels: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide positions into those kept and those held out: the share of every class, and at least one sample.

    Args:
        labels: Labels (N,).
        share: The share of each class to hold out.
        seed: The seed of the random choice.

    Returns:
        The positions kept and the positions held out, both ascending.
    """
    generator = np.random.default_rng(seed)
    held = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        held.append(generator.permutation(members)[: _held_out_count(len(members), share)])
    positions = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), positions), positions


def split_sizes(labels: Sequence[NDArray[np.int64]]) -> dict[str, int]:
    """Return the number of samples of the training, validation and test split.

    Args:
        labels: The labels (n,) of each split that the data come with. Of one split, test and then validation are held
            out. Of two (training and test), validation is held out of the first.
    """
    counts = [np.bincount(split_labels) for split_labels in labels]
    if len(counts) == 1:
        counts = list(_divided_counts(counts[0], TEST_SHARE))
    if len(counts) == 2:
        counts = [*_divided_counts(counts[0], VALIDATION_SHARE), counts[1]]
    return {
        name: int(split_counts.sum())
        for name, split_counts in zip(("train", "validation", "test"), counts, strict=True)
    }


def _divided_counts(counts: NDArray[np.int64], share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    held = np.array([_held_out_count(count, share) for count in counts.tolist()], dtype=np.int64)
    return counts - held, held


def _held_out_count(members: int, share: float) -> int:
    """Return how many samples of a class are held out."""
    return max(1, round(share * members))


def hold_out_split(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Return the split without the samples held out, and the split of these."""
    kept, held = (
        Split(SampleSubset(split.images, positions), split.labels[positions])
        for positions in hold_out_positions(split.labels, share, seed)
    )
    return kept, held


def check_class_sizes(labels: NDArray[np.int64], least: int, source: str, names: Sequence[str] = ()) -> None:
    """Check that every class has at least ``least`` samples.

    Args:
        labels: Labels (N,).
        least: The smallest number of samples that a class may have.
        source: What the message calls the place of the labels.
        names: The names of the classes; without them the message gives the label.

    Raises:
        InputError: A class has fewer samples.
    """
    values, counts = np.unique(labels, return_counts=True)
    for label, count in zip(values, counts, strict=True):
        if count < least:
            name = f"class {names[label]!r}" if names else f"class {label}"
            splits = (
                "one each to train and to validate" if least == 2 else "one each to train, validate and test"
            )
            raise InputError(f"{source}: {name} has {count} sample(s), but needs at least {least}: {splits}")
