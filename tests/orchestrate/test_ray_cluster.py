"""How the driver connects to Ray, and how it silences it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest

from ratefront.errors import EngineError, InputError
from ratefront.orchestrate.cluster import ray_cluster
from ratefront.orchestrate.cluster.environment_variables import named_cluster
from ratefront.orchestrate.cluster.ray_cluster import connected, lets_anyone_in
from ratefront.orchestrate.cluster.ray_logging import quiet_ray
from ratefront.orchestrate.interrupts import Interrupts
from ratefront.wording import Argument


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
    ("address", "of_environment", "joined"),
    [
        (None, None, None),
        (None, "local", None),
        ("local", "10.0.0.1:6379", None),
        ("auto", "local", None),
        (None, "10.0.0.1:6379", ("10.0.0.1:6379", "RAY_ADDRESS=10.0.0.1:6379")),
        ("auto", "10.0.0.1:6379", ("10.0.0.1:6379", "RAY_ADDRESS=10.0.0.1:6379")),
        ("auto", None, ("auto", Argument("address", "auto"))),
        ("h:1", "10.0.0.1:6379", ("h:1", Argument("address", "h:1"))),
    ],
)
def test_which_cluster_is_joined(
    address: str | None, of_environment: str | None, joined: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if of_environment:
        monkeypatch.setenv("RAY_ADDRESS", of_environment)
    assert named_cluster(address) == joined


@pytest.fixture
def open_head() -> Iterator[str]:
    """What answers as the head of a cluster does at first, to anybody; its address."""
    method = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
    handlers = grpc.method_handlers_generic_handler("ray.rpc.NodeInfoGcsService", {"GetClusterId": method})
    server = grpc.server(ThreadPoolExecutor(1), handlers=[handlers])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_a_proxy_is_not_asked_for_nodes(open_head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(ray_cluster.ray, "init", lambda **_: None)
    assert lets_anyone_in(open_head)
    with connected(Interrupts(), open_head, {}) as has_other_machines:
        assert has_other_machines


def test_a_missing_token_is_an_input_error(open_head: str) -> None:
    program = f"""
from ratefront.orchestrate.cluster.ray_cluster import connected
from ratefront.orchestrate.interrupts import Interrupts
from ratefront.errors import InputError
try:
    with connected(Interrupts(), "{open_head}", {{}}):
        pass
except InputError as error:
    print(error)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | {"RAY_AUTH_MODE": "token", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.stdout.startswith(f"address={open_head!r}: no cluster can be reached there: "), (
        answer.stderr
    )
    assert "token" in answer.stdout


def test_a_process_stays_in_the_cluster_that_it_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(gcs_address="10.0.0.1:6379")
    monkeypatch.setattr(ray_cluster.ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray_cluster.ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(ray_cluster, "living_nodes", lambda: [{}, {}])
    for address in (None, "auto", "10.0.0.1:6379"):
        with connected(Interrupts(), address, {}) as has_other_machines:
            assert has_other_machines
    message = "address='10.0.0.2:6379': this process is connected to Ray at 10.0.0.1:6379 already"
    with pytest.raises(InputError, match=message), connected(Interrupts(), "10.0.0.2:6379", {}):
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
