"""A data set as a trial sees it: three splits of samples with integer labels, read on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Samples(Protocol):
    """Images (N, C, H, W), float32 in [0, 1], or point clouds (N, P, 3), float32.

    A plain float32 array is an example; so is an object that converts bytes or reads files on access. It need not hold
    all samples in memory: readers take slices or positions.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all samples, (N, C, H, W) or (N, P, 3)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        """Return the samples of a slice, or of positions (n,), in that order."""
        ...


@dataclass(frozen=True)
class Split:
    """Samples and their labels (N,), which are integers from 0."""

    images: Samples
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.images.shape) not in (3, 4) or self.labels.shape != tuple(self.images.shape[:1]):
            raise ValueError(
                f"samples are (N,C,H,W) or (N,P,3) and labels (N,), got {self.images.shape} and {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set with separate splits for selection and report: the search sees validation, the report shows test.

    Attributes:
        name: The name in a sweep file.
        classes: The number of classes, K.
        raw_bits: The bits that one uncompressed sample takes.
        train: The training split.
        validation: The validation split.
        test: The test split.
        digest: A digest of the samples and labels. None: the samples are few, and ``dataset_digest`` reads them all.
        validation_is_held_out_of_train: The data came without a validation split, and this one was drawn from their
            training samples. A network that was trained on those elsewhere has seen it.
        remarks: What a person should know of the data, in sentences.
    """

    name: str
    classes: int
    raw_bits: int
    train: Split
    validation: Split
    test: Split
    digest: str | None = None
    validation_is_held_out_of_train: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample: (C, H, W), or (P, 3)."""
        return tuple(self.train.images.shape[1:])
