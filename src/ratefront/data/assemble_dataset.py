"""A data set put together of what a loader has read: validation held out, corrupted, and told from others."""

from __future__ import annotations

import json
import math

from ratefront.catalogue.datasets import LabelledImageParameters
from ratefront.data.corruption import corrupt
from ratefront.data.dataset import Dataset, Split
from ratefront.data.dataset_digest import digest_parts
from ratefront.data.hold_out import VALIDATION_SHARE, hold_out_split

#: The parameters that decide which samples there are, whatever is read; where the files lie is none.
_SETTINGS = {"split_seed", "corruption", "severity", "corrupted"}


def assemble_dataset(
    name: str,
    classes: int,
    bits_per_value: int,
    read: tuple[Split, ...],
    told: str,
    parameters: LabelledImageParameters,
) -> Dataset:
    """The data set of training, (validation) and test split, as its parameters want it.

    Of two splits, the validation split is held out of the first. ``told`` is a digest of what was read;
    ``bits_per_value`` are those that a value of a sample takes as it was stored.
    """
    if len(read) == 2:
        train, validation = hold_out_split(read[0], VALIDATION_SHARE, parameters.split_seed)
    else:
        train, validation = read[:2]
    test = read[-1]
    raw_bits = bits_per_value * math.prod(test.images.shape[1:])
    settings = json.dumps([told, parameters.model_dump(include=_SETTINGS)], sort_keys=True)
    digest = digest_parts(settings.encode(), train.labels, validation.labels, test.labels)
    data = Dataset(name, classes, raw_bits, train, validation, test, digest, len(read) == 2)
    return corrupt(data, parameters)
