"""The image's Dockerfile and the unit of systemd: what they promise, and that they keep up with the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.cluster.launch_files import (
    CLUSTER,
    MLFLOW,
    ROOT,
    compose,
    manifests,
    pod_templates,
    unit,
    unit_command,
    uv_version,
)

DOCKERFILE = (CLUSTER / "Dockerfile").read_text().replace("\\\n", " ")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, flags=re.MULTILINE)


def test_the_image_is_pinned_and_runs_without_root() -> None:
    bases = [line.split()[0] for line in instructions("FROM")]
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    (user,) = instructions("USER")
    assert all(int(number) > 0 for number in user.split(":"))


def test_the_image_has_the_locks_versions_and_no_development_tools() -> None:
    (install,) = (line for line in instructions("RUN") if "pip install" in line)
    assert "--constraint requirements.lock" in install
    assert "[server]" in install
    assert "dev" not in re.findall(r"\[([a-z,]+)\]", install)
    assert "--requirement" not in install
    assert f"uv=={uv_version()} " in install


def test_another_package_index_is_not_in_the_image() -> None:
    """A build argument is kept by the stage that it stands in; one with a value would name an index for all."""
    arguments = instructions("ARG")
    assert arguments == ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"]
    assert DOCKERFILE.index(f"ARG {arguments[-1]}") < DOCKERFILE.rindex("\nFROM ")


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    seen = (ROOT / ".dockerignore").read_text().splitlines()
    assert seen[1] == "*"
    copied = {word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert {f"!{name}" for name in copied} == {line for line in seen if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_launch_files_use_the_image_of_this_version() -> None:
    own = f"ratefront:{PROJECT['version']}"
    used = {
        container["image"]
        for manifest in manifests()
        for template in pod_templates(manifest)
        for container in template["spec"]["containers"]
    } | {service["image"] for service in compose()["services"].values()}
    assert {image for image in used if image.startswith("ratefront")} == {own}
    for path in (CLUSTER / "Dockerfile", MLFLOW / "compose.yaml"):
        assert f"--tag {own} ." in path.read_text()


def test_the_servers_needs_are_an_extra_of_the_package() -> None:
    extra = {re.split(r"[<>=]", need)[0] for need in PROJECT["optional-dependencies"]["server"]}
    assert extra == {"boto3", "flask-wtf", "psycopg2-binary"}


def test_the_unit_has_a_user_of_its_own_and_loopback_only() -> None:
    keys = dict(unit(MLFLOW / "mlflow.service"))
    assert keys["DynamicUser"] == keys["NoNewPrivileges"] == keys["PrivateTmp"] == "yes"
    assert keys["ProtectSystem"] == "strict"
    assert (keys["IPAddressDeny"], keys["IPAddressAllow"]) == ("any", "localhost")
    assert keys["EnvironmentFile"] == "/etc/ratefront/server.env"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / "mlflow.service"
    copy.write_text((MLFLOW / "mlflow.service").read_text().replace(unit_command()[0], sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
