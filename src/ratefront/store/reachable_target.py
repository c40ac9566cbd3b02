"""Refuses a target that no codec can reach: the oracle of the validation labels needs more bits than are allowed.

The search sees the validation split, so its labels' own counts decide. They are in the task model's predictions, which
are there before the first trial.
"""

from __future__ import annotations

import logging
import math

import numpy as np

from ratefront.array_files import UNREADABLE, open_npz, read_npz_array
from ratefront.bounds import oracle_rate_bits
from ratefront.errors import InputError, SpecError
from ratefront.spec.goals.constraints import box
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.sweep_folder import SweepFolder

_log = logging.getLogger(__name__)


def check_reachable(folder: SweepFolder, spec: SweepSpec) -> None:
    """Check that accuracy and rate that the sweep asks for together are not beyond the oracle.

    Constraints alone that are beyond it are only logged: such a sweep still finds its front.

    Raises:
        SpecError: The target is beyond the oracle; gives both numbers of bits.
        InputError: The predictions cannot be read.
    """
    limits = box(spec.search_constraints)
    accuracy, rate = limits.get("accuracy", (-math.inf, 0))[0], limits.get("rate_bits", (0, math.inf))[1]
    if accuracy == -math.inf or rate == math.inf or not folder.predictions.exists():
        return
    labels = _validation_labels(folder)
    prior = np.bincount(labels) / labels.size
    needed = float(oracle_rate_bits(prior, 1.0 - accuracy))
    if needed <= rate:
        return
    why = (
        f"beyond the oracle: an accuracy of {accuracy:g} needs at least {needed:.4g} bit/sample whatever the codec, "
        f"by the counts of the {labels.size} validation labels, and rate_bits <= {rate:g} allows no more than {rate:g}"
    )
    if spec.target is not None:
        raise SpecError(spec.name, [f"target: {spec.target} is {why}"])
    _log.warning("constraints: no trial can meet them, %s", why)


def _validation_labels(folder: SweepFolder) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    try:
        with open_npz(folder.predictions) as archive:
            labels = read_npz_array(archive, "labels_validation")
    except UNREADABLE as error:
        raise InputError(f"{folder.predictions}: labels_validation cannot be read: {error}") from error
    return labels.astype(np.int64).ravel()
