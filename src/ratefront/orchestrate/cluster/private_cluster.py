"""Keeps strangers out of the cluster that a driver starts on this machine: loopback only, and a token of its own.

Ray as such listens on all interfaces, and keeps one token for all clusters in a file in the user's home folder, which
other users can read.

The names that this module imports of Ray's are private. Without one of them no cluster is started here: it would be
open to strangers. Tried with Ray 2.60.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ray._private import ray_constants
from ray._private.ray_constants import ENABLE_RAY_CLUSTER, ENABLE_RAY_CLUSTERS_ENV_VAR
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

from ratefront.orchestrate.cluster.environment_variables import environment_with

#: Ray's servers listen on the loopback interface where a cluster cannot have a second machine. On macOS and Windows
#: that is the default, hence the name of the variable; Ray reads it on every system.
_NO_SECOND_MACHINE = {ENABLE_RAY_CLUSTERS_ENV_VAR: "0"}

#: Ray's measurements of itself would be on ports that ask for no token. They are not needed: the ledger has those
#: of trials. Two of the servers cannot be switched off; Ray goes on without a server whose port cannot be had.
_NO_METRICS = {
    "RAY_enable_metrics_collection": "0",
    "AUTOSCALER_METRIC_PORT": "-1",
    "DASHBOARD_METRIC_PORT": "-1",
}

_MODE, _TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
_TOKENS_BY_USER = (_TOKEN, "RAY_AUTH_TOKEN_PATH")


@contextmanager
def private_to_this_process() -> Iterator[None]:
    """Let a cluster that is started inside listen on loopback, and ask for a token that only its processes have.

    A token that the user has put into the environment stays: other programs of theirs may use it. So does a mode.
    """
    has_token = any(name in os.environ for name in _TOKENS_BY_USER)
    access = {_MODE: os.environ.get(_MODE, "token")} | ({} if has_token else {_TOKEN: secrets.token_hex(32)})
    # Ray has read the variable when it was imported.
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        with environment_with({**_NO_SECOND_MACHINE, **_NO_METRICS, **access}):
            _read_environment_again()
            yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = ENABLE_RAY_CLUSTER
        _read_environment_again()


def _read_environment_again() -> None:
    """Let Ray forget the mode and the token that it has read before."""
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
