"""The files for ``ray up``: Ray's own schema, its defaults, and what they open. Nothing is contacted."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema.exceptions import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config
from tests.cluster.launch_files import CLUSTER, KUBERAY, Plain, documents, pod_templates, settings, uv_version

pytestmark = pytest.mark.medium

FILES = sorted((CLUSTER / "ray").glob("*.yaml"))
TOKEN = "~/.ray/auth_token"


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def config(request: pytest.FixtureRequest) -> Plain:
    (found,) = documents(request.param)
    return found


def start_commands(config: Plain) -> list[list[str]]:
    """The words of each ``ray start``, on the head and on workers."""
    lines = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    return [shlex.split(line.replace(";", " ; ")) for line in lines if "ray start" in line]


def test_ray_takes_the_file(config: Plain) -> None:
    prepared = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    assert prepared["max_workers"] >= 2


@pytest.mark.parametrize("mistake", ["max_worker", "setup_command"])
def test_ray_refuses_an_unknown_key(config: Plain, mistake: str) -> None:
    prepared = prepare_config({**copy.deepcopy(config), mistake: 1})
    with pytest.raises(ValidationError):
        validate_config(prepared)


def test_every_node_asks_for_the_token_that_travels_by_ssh(config: Plain) -> None:
    commands = start_commands(config)
    assert len(commands) == 2
    assert all("RAY_AUTH_MODE=token" in command for command in commands)
    assert config["file_mounts"][TOKEN] == TOKEN
    assert f"chmod 600 {TOKEN}" in config["setup_commands"]


def test_shells_on_the_nodes_find_ray_and_the_token(config: Plain) -> None:
    """``ray down`` calls ``ray stop`` in such a shell; where that fails it still says that no node remains."""
    (line,) = (command for command in config["setup_commands"] if ".bashrc" in command)
    assert "export RAY_AUTH_MODE=token" in line
    assert "venv/bin:$PATH" in line


def test_the_dashboard_listens_on_the_heads_loopback(config: Plain) -> None:
    head, worker = start_commands(config)
    assert "--dashboard-host=127.0.0.1" in head
    assert "--head" in head
    assert not any(word.startswith("--dashboard-host") for word in worker)


def test_machines_of_aws_have_a_security_group_of_ones_own() -> None:
    """Where none is given, Ray makes one that opens ssh to the world."""
    (config,) = documents(CLUSTER / "ray" / "aws.yaml")
    nodes: list[Any] = [node["node_config"] for node in config["available_node_types"].values()]
    assert all(node["SecurityGroupIds"] for node in nodes)
    assert all(node["MetadataOptions"] == {"HttpTokens": "required"} for node in nodes)
    assert "security_group" not in config["provider"]
    assert config["available_node_types"]["gpu"]["min_workers"] == 0


def test_machines_of_aws_have_an_image_that_ratefront_runs_on() -> None:
    """Where none is given, Ray takes Ubuntu 18.04. Whether the one that is given fits, the header says."""
    (config,) = documents(CLUSTER / "ray" / "aws.yaml")
    for node in config["available_node_types"].values():
        assert node["node_config"]["ImageId"] == "ami-00000000000000000"
    mount = next(number for number, line in enumerate(config["setup_commands"]) if "mount -t nfs4" in line)
    (install,) = (
        line for line in config["setup_commands"][:mount] if "apt-get" in line and "install" in line
    )
    assert {"nfs-common", "python3-venv"} <= set(install.split())
    (environment,) = (line for line in config["setup_commands"] if "uv venv" in line)
    assert "python3 -m venv ~/uv" in environment
    assert f"uv=={uv_version()} " in environment


def environments() -> Iterator[tuple[Path, str, dict[str, str]]]:
    """File, place and variables of each process of Ray that a launch file starts."""
    for path in FILES:
        for number, command in enumerate(start_commands(documents(path)[0])):
            yield path, f"start {number}", settings("\n".join(command))
    for path in KUBERAY.glob("*.yaml"):
        for manifest in documents(path):
            cluster = manifest.get("spec", {}).get("rayClusterSpec", manifest.get("spec", {}))
            if "headGroupSpec" in cluster:
                yield path, "autoscaler", variables(cluster["autoscalerOptions"]["env"])
                for template in pod_templates(cluster):
                    (container,) = template["spec"]["containers"]
                    yield path, container["name"], variables(container["env"])
    script = CLUSTER / "slurm" / "sweep.sbatch"
    exported = [line.split()[1:] for line in script.read_text().splitlines() if line.startswith("export RAY")]
    yield script, "nodes", settings("\n".join(word for words in exported for word in words))


def variables(env: list[dict[str, str]]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in env}


def test_ports_for_metrics_stay_closed() -> None:
    """They listen on all interfaces and answer without a token. KubeRay's autoscaler has a container of its own."""
    found = list(environments())
    for path, place, given in found:
        closed = {"AUTOSCALER_METRIC_PORT": "-1"}
        if place != "autoscaler":
            closed |= {"RAY_enable_metrics_collection": "0", "DASHBOARD_METRIC_PORT": "-1"}
        assert closed.items() <= given.items(), f"{path.name}: {place}"
    starts_ray = {
        path
        for path in CLUSTER.rglob("*")
        if path.is_file()
        and re.search(r"^[^#]*(ray start|\"ray\", \"start\"|rayStartParams)", path.read_text(), re.M)
    }
    assert starts_ray == {path for path, _, _ in found}


def test_machines_of_ones_own_have_known_ports() -> None:
    """So that a firewall can name them; the header's rule has the same."""
    path = CLUSTER / "ray" / "on_premise.yaml"
    (config,) = documents(path)
    ports = {
        "--object-manager-port=8076",
        "--node-manager-port=8077",
        "--min-worker-port=10002",
        "--max-worker-port=10999",
    }
    assert all(ports <= set(command) for command in start_commands(config))
    assert "to any port 6379,8076,8077,10002:10999 proto tcp" in path.read_text()
    head, _ = start_commands(config)
    assert f"--node-ip-address={config['provider']['head_ip']}" in head
