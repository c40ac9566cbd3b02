"""How the driver connects to Ray, and how it silences it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ratefront.errors import EngineError, InputError
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
    with (
        pytest.raises(InputError, match=f"RAY_ADDRESS={address}: no cluster"),
        connected(Interrupts(), None, {}),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("ray._raylet.AuthenticationTokenLoader", "ratefront.orchestrate.cluster.private_cluster"),
        ("ray._private.ray_constants.ENABLE_RAY_CLUSTER", "ratefront.orchestrate.cluster.private_cluster"),
        ("ray.tune.execution.tune_controller.RayActorManager", "ratefront.orchestrate.tune.lost_workers"),
    ],
)
def test_a_sweep_names_what_another_ray_lacks(
    name: str, user: str, fake: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, private = name.rpartition(".")
    monkeypatch.delattr(importlib.import_module(module), private)
    for imported in (user, "ratefront.orchestrate.tune.tune_driver"):
        monkeypatch.delitem(sys.modules, imported, raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(EngineError, match=f"installed Ray .*{private}.*pip install 'ray"):
        fake.run(fake.loaded(1), tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


DRIVER = """
import sys
from ratefront.orchestrate.cluster.ray_cluster import connected
from ratefront.orchestrate.interrupts import Interrupts
import ray
if sys.argv[1:]:
    sys.path.append("")
with connected(Interrupts(), None, {}):
    @ray.remote
    def here():
        import shadow_
        return shadow_.WHERE
    try:
        print(ray.get(here.remote()))
    except ray.exceptions.RayTaskError as error:
        print(type(error.cause).__name__)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("words", "found"), [([], "ModuleNotFoundError"), (["here"], "here")])
def test_workers_import_where_the_driver_does(tmp_path: Path, words: list[str], found: str) -> None:
    """Ray itself lets workers import from the current folder, before all else."""
    script, folder = tmp_path / "script" / "driver.py", tmp_path / "stranger"
    for path, text in ((script, DRIVER), (folder / "shadow_.py", "WHERE = 'here'")):
        path.parent.mkdir()
        path.write_text(text)
    answer = subprocess.run(
        [sys.executable, str(script), *words], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert answer.stdout.splitlines()[-1:] == [found], answer.stderr
