"""The page of a logged model names the versions that it was registered as: a list in JSON, in a tag of MLflow's own.

A server writes the tag when a version is made, MLflow's client at a database does not: ``mlflow.register_model`` does,
but only in the store that is the process's own. Where a later MLflow keeps the list otherwise, the version is there all
the same, and the model's page does not name it. Tried with MLflow 3.17.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

VERSIONS_TAG = "mlflow.modelVersions"


def link_version(client: MlflowClient, model_id: str, name: str, version: str) -> None:
    """Let the model's page name this version, once. A tag that says something else stays as it is."""
    known = _links(client.get_logged_model(model_id).tags.get(VERSIONS_TAG, "[]"))
    if known is not None and (name, str(version)) not in {
        (link["name"], str(link["version"])) for link in known
    }:
        links = [*known, {"name": name, "version": version}]
        client.set_logged_model_tags(model_id, {VERSIONS_TAG: json.dumps(links)})


def _links(tag: str) -> list[dict[str, Any]] | None:
    """None where it is no such list."""
    try:
        found = json.loads(tag)
    except ValueError:
        return None
    is_list = isinstance(found, list) and all(
        isinstance(link, dict) and {"name", "version"} <= link.keys() for link in found
    )
    return found if is_list else None
