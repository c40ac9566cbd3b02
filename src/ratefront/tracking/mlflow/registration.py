"""Registers codecs in MLflow's registry: a version of one name for each codec, with the trial as its alias.

The page of a logged model names the versions that it was registered as. MLflow keeps them as a list in JSON, in the tag
``mlflow.modelVersions``, and does not document it. A server writes the tag when a version is made. MLflow's client at
a database does not: ``mlflow.register_model`` does, but only in the store that is the process's own. So
``link_version`` writes it. If a later MLflow keeps the list otherwise, the version is there all the same, and the
model's page does not name it. Tried with MLflow 3.17.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ratefront.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion

VERSIONS_TAG = "mlflow.modelVersions"
_NAME = re.compile(r"\w(?:[\w. -]{0,254}\w)?")
_ALIAS = re.compile(r"(?!(?:[vV]\d+|(?i:latest))$)[\w-]{1,255}")
_DESCRIPTION = (
    "Codecs on the fronts of ratefront's sweeps, a version each. A version's alias is its trial: "
    "`models:/{name}@t0042`. Samples in; `class`, `bytes` and `payload_bytes` out."
)


def check_model_name(name: str | None) -> None:
    """Check the name of a registered model. None registers nothing.

    Raises:
        InputError: A model of this name cannot be loaded as ``models:/NAME/1`` and ``models:/NAME@t0042``.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise InputError(
            f"registered model: {name!r} is no name for one; at most 256 letters, digits, spaces, '_', '-' and '.', "
            "the first and the last a letter, digit or '_'"
        )


def register(
    client: MlflowClient,
    name: str,
    model: LoggedModel,
    *,
    alias: str,
    tags: Mapping[str, str],
    description: str,
) -> None:
    """Make the logged model a version of the registered model ``name``, unless it is one already.

    If several versions would have the same alias (trials with one number in several sweeps), the newest gets it.
    """
    version = _version(client, name, model) or _create(client, name, model, tags, description)
    link_version(client, model.model_id, name, version.version)
    if _ALIAS.fullmatch(alias):
        holder = client.get_registered_model(name).aliases.get(alias)
        if holder is None or int(holder) < int(version.version):
            client.set_registered_model_alias(name, alias, version.version)


def _version(client: MlflowClient, name: str, model: LoggedModel) -> ModelVersion | None:
    versions = client.search_model_versions(f"name = '{name}' AND run_id = '{model.source_run_id}'")
    return next((version for version in versions if version.source == model.artifact_location), None)


def _create(
    client: MlflowClient, name: str, model: LoggedModel, tags: Mapping[str, str], description: str
) -> ModelVersion:
    """Create the version by the location of its files.

    MLflow looks up a ``models:/`` address of a database in the process's own store, which may be another one.
    """
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description=_DESCRIPTION.format(name=name))
    return client.create_model_version(
        name,
        model.artifact_location,
        model.source_run_id,
        dict(tags),
        description=description,
        await_creation_for=0,
        model_id=model.model_id,
    )


def link_version(client: MlflowClient, model_id: str, name: str, version: str) -> None:
    """Let the model's page name this version, once. A tag that holds something else stays as it is."""
    known = _links(client.get_logged_model(model_id).tags.get(VERSIONS_TAG, "[]"))
    if known is not None and (name, str(version)) not in {
        (link["name"], str(link["version"])) for link in known
    }:
        links = [*known, {"name": name, "version": version}]
        client.set_logged_model_tags(model_id, {VERSIONS_TAG: json.dumps(links)})


def _links(tag: str) -> list[dict[str, Any]] | None:
    """Read the list of versions from the tag; None if it holds no such list."""
    try:
        links = json.loads(tag)
    except ValueError:
        return None
    is_list = isinstance(links, list) and all(
        isinstance(link, dict) and {"name", "version"} <= link.keys() for link in links
    )
    return links if is_list else None
