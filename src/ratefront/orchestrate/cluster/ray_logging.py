"""Silences Ray and Tune: only the sweep's own display writes to the user's terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ratefront.orchestrate.cluster.environment_variables import environment_with

_VARIABLES = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # paths in a sweep file are relative to the folder of the start
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints every lost worker at any verbosity
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "1000000",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1000000",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # the ledger has it all, Tune's snapshot is not needed
    "TUNE_RESULT_BUFFER_LENGTH": "1",
}
#: Ray sets the level of its own at import. Its widgets complain of a missing notebook package at import.
_LOGGERS = ("ray", "ray.tune", "ray.train", "ray.air", "ray.widgets")


@contextmanager
def quiet_ray() -> Iterator[None]:
    """Set the environment variables of Ray and Tune and silence their loggers; restore both at the end."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with environment_with(_VARIABLES), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own deprecations: our users cannot act on them
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
