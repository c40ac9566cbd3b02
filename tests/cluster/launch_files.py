"""Reads the launch files in ``cluster/`` for tests: documents of manifests, containers of pods, lines of unit files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "cluster"
KUBERAY = CLUSTER / "kuberay"
MLFLOW = CLUSTER / "mlflow"

Plain = dict[str, Any]


def documents(path: Path) -> list[Plain]:
    return list(yaml.safe_load_all(path.read_text()))


def manifests() -> list[Plain]:
    return [document for path in sorted(KUBERAY.glob("*.yaml")) for document in documents(path)]


def pod_templates(found: object) -> Iterator[Plain]:
    """Every pod template of a manifest, at whatever depth."""
    if isinstance(found, dict):
        if isinstance(found.get("spec"), dict) and "containers" in found["spec"]:
            yield found
        for value in found.values():
            yield from pod_templates(value)
    elif isinstance(found, list):
        for value in found:
            yield from pod_templates(value)


def of_kind(kind: str, name: str) -> Plain:
    (found,) = (one for one in manifests() if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return found


def uv_version() -> str:
    """The version that the Makefile installs with."""
    (version,) = re.findall(r"^UV_VERSION := (.+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    return str(version)


def settings(lines: str) -> dict[str, str]:
    """``NAME=value`` lines of an environment file; comments and empty lines count for nothing."""
    pairs = (line.partition("=") for line in lines.splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def unit(path: Path) -> list[tuple[str, str]]:
    """Keys and values of a unit file in their order; a key may come more than once."""
    lines = (line.partition("=") for line in path.read_text().splitlines() if not line.startswith(("#", "[")))
    return [(key, value) for key, equals, value in lines if equals]


def unit_command() -> list[str]:
    (command,) = (value for key, value in unit(MLFLOW / "mlflow.service") if key == "ExecStart")
    return shlex.split(command)


def unit_environment() -> dict[str, str]:
    return settings(
        "\n".join(value for key, value in unit(MLFLOW / "mlflow.service") if key == "Environment")
    )


def compose() -> Plain:
    (found,) = documents(MLFLOW / "compose.yaml")
    return found
