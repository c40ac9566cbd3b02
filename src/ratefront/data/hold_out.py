"""Samples held out of others, class by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ratefront.data.dataset import Split
from ratefront.data.stored_samples import SampleSubset
from ratefront.errors import InputError

#: Of the training samples validate, where a data set comes without a validation split.
VALIDATION_SHARE = 0.1

#: Of all samples test, where a data set comes undivided.
TEST_SHARE = 0.1


def hold_out_positions(
    labels: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions that stay and positions held out, both ascending: of every class the share, and at least one."""
    generator = np.random.default_rng(seed)
    held = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        held.append(generator.permutation(members)[: _how_many(len(members), share)])
    positions = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), positions), positions


def split_sizes(labels: Sequence[NDArray[np.int64]]) -> dict[str, int]:
    """Samples that train, validate and test, where the data come as so many splits; every class trains.

    Of one split, test and then validation are held out; of two, training and test, validation is held out of the first.
    """
    counts = [np.bincount(of_split) for of_split in labels]
    if len(counts) == 1:
        counts = list(_without(counts[0], TEST_SHARE))
    if len(counts) == 2:
        counts = [*_without(counts[0], VALIDATION_SHARE), counts[1]]
    return {name: int(own.sum()) for name, own in zip(("train", "validation", "test"), counts, strict=True)}


def _without(counts: NDArray[np.int64], share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    held = np.array([_how_many(count, share) for count in counts.tolist()], dtype=np.int64)
    return counts - held, held


def _how_many(members: int, share: float) -> int:
    """Of a class are held out."""
    return max(1, round(share * members))


def hold_out_split(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """The split without what is held out, and what is held out."""
    kept, held = (
        Split(SampleSubset(split.images, positions), split.labels[positions])
        for positions in hold_out_positions(split.labels, share, seed)
    )
    return kept, held


def check_class_sizes(labels: NDArray[np.int64], least: int, source: str, names: Sequence[str] = ()) -> None:
    """
    Raises:
        InputError: A class has fewer than ``least`` samples; ``source`` says of what, ``names`` are those of
            the classes.
    """
    values, counts = np.unique(labels, return_counts=True)
    for label, count in zip(values, counts, strict=True):
        if count < least:
            name = f"class {names[label]!r}" if names else f"class {label}"
            splits = (
                "one each to train and to validate" if least == 2 else "one each to train, validate and test"
            )
            raise InputError(f"{source}: {name} has {count} sample(s), but needs at least {least}: {splits}")
