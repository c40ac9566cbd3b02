"""A data set as a trial sees it: three splits of samples with integer labels, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Samples(Protocol):
    """Images (N, C, H, W), float32 in [0, 1], or point clouds (N, P, 3), float32.

    A plain float32 array is one; so is what converts bytes, or reads files, when it is asked: nothing but ``shape`` may
    need the memory of all samples.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        """The samples of a slice, or of positions (n,), in that order."""
        ...


@dataclass(frozen=True)
class Split:
    """Samples, and their labels (N,): integers from 0."""

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
    """A data set split for honest selection: the search sees validation, the report shows test.

    ``raw_bits`` is what one sample costs uncompressed, in bits. ``digest`` tells data sets apart whose samples differ
    (a digest); None: the samples are few and are digested when somebody asks. Where
    ``validation_is_held_out_of_train``, the data came without a validation split and this one was drawn from their
    training samples: whoever trained on those elsewhere has seen it. ``remarks`` are what a person should know of it.
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
        """Of one sample: (C, H, W), or (P, 3)."""
        return tuple(self.train.images.shape[1:])
