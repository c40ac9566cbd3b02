"""The files for ``ray up``: Ray's own schema, its defaults, and what they open. Nothing is contacted."""

from __future__ import annotations

import copy
import shlex
from typing import Any

import pytest
from jsonschema.exceptions import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config
from tests.cluster.launch_files import CLUSTER, Plain, documents

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
