"""How the driver connects to Ray, and how it silences it."""

from __future__ import annotations

import os

import pytest

from ratefront.errors import InputError
from ratefront.orchestrate.cluster.ray_cluster import connected
from ratefront.orchestrate.cluster.ray_logging import quiet_ray
from ratefront.orchestrate.interrupts import Interrupts


def test_quiet_ray_restores_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_CHDIR_TO_TRIAL_DIR", "1")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    before = dict(os.environ)
    with quiet_ray():
        assert os.environ["RAY_CHDIR_TO_TRIAL_DIR"] == "0"
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "no.such.host.invalid:6379", "127.0.0.1:99999", "garbage"]
)
def test_an_unreachable_cluster_is_an_input_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(InputError, match=f"RAY_ADDRESS: .*{address}"), connected(Interrupts()):
        pass
