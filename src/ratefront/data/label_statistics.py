"""What labels tell of a data set before its samples are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.data.hold_out import split_sizes

_SHOWN = 5
_SPLITS = 3


def describe_labels(labels: Sequence[NDArray[np.int64]], names: Sequence[str]) -> dict[str, Any]:
    """``classes``, ``label_bits`` (the entropy of the training labels), ``samples`` of each split, ``remarks``, and
    ``validation_is_held_out_of_train``.

    ``remarks`` are what a person should know though nothing is refused. ``labels`` are those of the splits as they
    come; ``names`` those of the classes.
    """
    return {
        "classes": len(names),
        "label_bits": label_bits(labels[0]),
        "samples": split_sizes(labels),
        "validation_is_held_out_of_train": len(labels) < _SPLITS,
        "remarks": missing_class_remarks(labels, names),
    }


def label_bits(labels: NDArray[np.int64]) -> float:
    """The entropy of labels (N,), in bits."""
    shares = np.bincount(labels) / len(labels)
    present = shares[shares > 0]
    return float(-(present * np.log2(present)).sum())


def missing_class_remarks(labels: Sequence[NDArray[np.int64]], names: Sequence[str]) -> list[str]:
    """Of each evaluation split, the classes that train and that it has no sample of."""
    splits = {2: ("test",), 3: ("validation", "test")}.get(len(labels), ())
    return [
        remark
        for split, own in zip(splits, labels[1:], strict=True)
        if (remark := _absent(split, np.bincount(own, minlength=len(names)), names))
    ]


def _absent(split: str, counts: NDArray[np.int64], names: Sequence[str]) -> str:
    absent = [names[label] for label in np.flatnonzero(counts == 0)]
    if not absent:
        return ""
    shown = ", ".join(absent[:_SHOWN]) + (f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else "")
    return (
        f"the {split} split has no sample of {len(absent)} of the {len(names)} classes: {shown}; "
        "its accuracy says nothing of them"
    )
