"""What the labels of a data set say before its samples are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.data.hold_out import split_sizes

_SHOWN = 5
_SPLITS = 3


def describe_labels(labels: Sequence[NDArray[np.int64]], names: Sequence[str]) -> dict[str, Any]:
    """Return what the registry's description of a data set says of its labels.

    Args:
        labels: The labels (n,) of each split that the data come with.
        names: The names of the classes.

    Returns:
        ``classes``; ``label_bits``, the entropy of the training labels; ``samples`` of each split;
        ``validation_is_held_out_of_train``; and ``remarks``, which a person should know though nothing is refused.
    """
    return {
        "classes": len(names),
        "label_bits": label_bits(labels[0]),
        "samples": split_sizes(labels),
        "validation_is_held_out_of_train": len(labels) < _SPLITS,
        "remarks": missing_class_remarks(labels, names),
    }


def label_bits(labels: NDArray[np.int64]) -> float:
    """Return the entropy of labels (N,), in bits."""
    shares = np.bincount(labels) / len(labels)
    present = shares[shares > 0]
    return float(-(present * np.log2(present)).sum())


def missing_class_remarks(labels: Sequence[NDArray[np.int64]], names: Sequence[str]) -> list[str]:
    """Say of each evaluation split which classes of the training split it has no sample of."""
    splits = {2: ("test",), 3: ("validation", "test")}.get(len(labels), ())
    return [
        remark
        for split, split_labels in zip(splits, labels[1:], strict=True)
        if (remark := _missing_class_remark(split, np.bincount(split_labels, minlength=len(names)), names))
    ]


def _missing_class_remark(split: str, counts: NDArray[np.int64], names: Sequence[str]) -> str:
    missing = [names[label] for label in np.flatnonzero(counts == 0)]
    if not missing:
        return ""
    shown = ", ".join(missing[:_SHOWN]) + (
        f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    )
    return (
        f"the {split} split has no sample of {len(missing)} of the {len(names)} classes: {shown}; "
        "its accuracy says nothing of them"
    )
