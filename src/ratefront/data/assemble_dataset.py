"""Make a data set from the splits that a loader has read: hold out validation, corrupt, and compute the digest."""

from __future__ import annotations

import json
import math

from ratefront.catalogue.datasets import LabelledImageParameters
from ratefront.data.corruption import corrupt
from ratefront.data.dataset import Dataset, Split
from ratefront.data.dataset_digest import digest_parts
from ratefront.data.hold_out import VALIDATION_SHARE, hold_out_split

#: The parameters that, besides the data, decide which samples there are. The place of the files does not.
_SETTINGS = {"split_seed", "corruption", "severity", "corrupted"}


def assemble_dataset(
    name: str,
    classes: int,
    bits_per_value: int,
    splits: tuple[Split, ...],
    source_digest: str,
    parameters: LabelledImageParameters,
) -> Dataset:
    """Make the data set that ``parameters`` describe from its training, (validation) and test split.

    Args:
        name: The name of the data set in a sweep file.
        classes: The number of classes.
        bits_per_value: The bits that one value of a sample takes as it was stored.
        splits: Training and test, or training, validation and test. Without a validation split, one is held out of
            the training split.
        source_digest: A digest of what the loader has read.
        parameters: The parameters of the data set.
    """
    if len(splits) == 2:
        train, validation = hold_out_split(splits[0], VALIDATION_SHARE, parameters.split_seed)
    else:
        train, validation = splits[:2]
    test = splits[-1]
    raw_bits = bits_per_value * math.prod(test.images.shape[1:])
    settings = json.dumps([source_digest, parameters.model_dump(include=_SETTINGS)], sort_keys=True)
    digest = digest_parts(settings.encode(), train.labels, validation.labels, test.labels)
    data = Dataset(name, classes, raw_bits, train, validation, test, digest, len(splits) == 2)
    return corrupt(data, parameters)
