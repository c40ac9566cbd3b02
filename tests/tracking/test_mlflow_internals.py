"""What MLflow does not document and ratefront relies on: each failure here says what people lose."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.tracking.tracked_places import EXPERIMENT, MlflowPlace

import ratefront
from ratefront.tracking.mlflow import server_session
from ratefront.tracking.mlflow.database_tables import holds_tables
from ratefront.tracking.mlflow.mlflow_logging import SETTINGS
from ratefront.tracking.mlflow.mlflow_store import MlflowStore
from ratefront.tracking.mlflow.model_folder import remove_local_paths
from ratefront.tracking.mlflow.registration import VERSIONS_TAG, link_version
from ratefront.tracking.mlflow.saved_views import VIEW_TAG, sweeps_address, trials_address, view_tags
from ratefront.tracking.tracking_uri import sqlite_path
from ratefront.trial_records import objectives_of

pytestmark = pytest.mark.medium

SOURCES = Path(ratefront.__file__).parent
#: The modules that MLflow's reference of its Python interface names.
DOCUMENTED = {
    "mlflow",
    "mlflow.entities",
    "mlflow.entities.model_registry",
    "mlflow.environment_variables",
    "mlflow.exceptions",
    "mlflow.models",
    "mlflow.pyfunc",
    "mlflow.types",
}
#: What it does not, and the one file that may name it.
UNDOCUMENTED = {
    "mlflow.sharedViewState": "saved_views.py",
    "viewStateShareKey": "saved_views.py",
    "mlflow.modelVersions": "registration.py",
    "mlflow.store.db": "mlflow_logging.py",
    "model_code_path": "model_folder.py",
}
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE)\b.*\b(FROM|INTO|SET)\b", re.DOTALL)
OBJECTIVES, SWEEP_ID = objectives_of({}), "0123456789abcdef"


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES.rglob("*.py")}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword | ast.arg):
            yield node.arg or ""


def test_only_documented_modules_of_mlflow_are_imported() -> None:
    found = {
        name for tree in trees().values() for name in imported(tree) if name.partition(".")[0] == "mlflow"
    }
    assert "mlflow.entities" in found
    assert found <= DOCUMENTED


def test_mlflows_tables_are_never_queried() -> None:
    tracking = {
        path.name: tree for path, tree in trees().items() if "tracking" in path.relative_to(SOURCES).parts
    }
    assert [name for name, tree in tracking.items() if "sqlite3" in imported(tree)] == ["database_tables.py"]
    queries = [text for tree in tracking.values() for text in texts(tree) if SQL.search(text)]
    assert queries == ["SELECT name FROM sqlite_master WHERE type = 'table'"]


def test_mlflows_own_file_is_not_taken_for_another_programs(mlflow_place: MlflowPlace) -> None:
    path = sqlite_path(mlflow_place.uri)
    assert path is not None
    assert holds_tables(path), (
        "MLflow's tables have other names: every store is refused (tracking/mlflow/database_tables.py)"
    )


@pytest.mark.parametrize(("name", "place"), UNDOCUMENTED.items())
def test_each_undocumented_name_is_in_one_file(name: str, place: str) -> None:
    assert [path.name for path, tree in trees().items() if any(name in text for text in texts(tree))] == [
        place
    ]


@cache
def scripts() -> str:
    """All that MLflow's pages run."""
    import mlflow

    folder = Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js"
    return "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.js"))


def words_of_views() -> set[str]:
    """Tag, keys of the views, of their charts and sections, and what addresses say."""
    tags = view_tags(OBJECTIVES, SWEEP_ID)
    addresses = [trials_address("", "1", SWEEP_ID, OBJECTIVES, known) for known in (tags, ())]
    words = {VIEW_TAG, *re.findall(r"[?&](\w+)=", "".join([*addresses, sweeps_address("", "1", tags)]))}
    for view in map(json.loads, tags.values()):
        state = json.loads(view.pop("state")) if "state" in view else view
        parts = [view, state, *state.get("compareRunCharts", []), *state.get("compareRunSections", [])]
        words.update(*parts, state["runsHiddenMode"].split())
    return words


def test_mlflows_pages_know_the_words_of_our_views() -> None:
    words = words_of_views()
    assert {"viewStateShareKey", "selectedColumns", "metricSectionId", "orderByAsc"} < words
    unknown = {word for word in words if word not in scripts()}
    assert not unknown, (
        f"MLflow's pages do not know {unknown}: `ratefront ui` leads to tables without our columns, order or charts. "
        "Look at what a view saved in the page is now, and write tracking/mlflow/saved_views.py anew"
    )
    assert "selectedColumnsThatDoNotExist" not in scripts()


@pytest.mark.parametrize("name", sorted({*SETTINGS, *server_session.KNOWN} - {"MLFLOW_TRACKING_URI"}))
def test_mlflow_knows_the_settings(name: str) -> None:
    from mlflow import environment_variables

    assert hasattr(environment_variables, name), (
        f"MLflow no longer knows {name}: find what replaces it, and change tracking/mlflow/mlflow_logging.py or "
        "tracking/mlflow/server_session.py"
    )


def test_a_database_error_is_logged_once_and_by_us(
    mlflow_place: MlflowPlace, capfd: pytest.CaptureFixture[str]
) -> None:
    store, path = MlflowStore(mlflow_place.uri, EXPERIMENT), sqlite_path(mlflow_place.uri)
    assert path is not None
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE runs RENAME TO elsewhere")
    with pytest.raises(Exception, match="no such table: runs"):
        store.create("t0000", 0, {})
    assert capfd.readouterr().err == "", (
        "MLflow's logger of database errors has another name: an error that we handle is printed with its trace "
        "(tracking/mlflow/mlflow_logging.py)"
    )


@pytest.fixture
def model(mlflow_place: MlflowPlace, tmp_path: Path) -> Any:
    """One with no more than the file that makes it a model."""
    from mlflow.models import Model

    client = mlflow_place.client
    experiment = client.create_experiment("models", (tmp_path / "files").as_uri())
    stored = client.create_logged_model(experiment, "codec")
    (tmp_path / "model").mkdir()
    Model(model_id=stored.model_id).save(str(tmp_path / "model" / "MLmodel"))
    client.log_model_artifacts(stored.model_id, str(tmp_path / "model"))
    return client.finalize_logged_model(stored.model_id, "READY")


def links(client: Any, model_id: str) -> Any:
    return json.loads(client.get_logged_model(model_id).tags[VERSIONS_TAG])


def test_a_models_page_names_its_version_as_mlflow_does(
    mlflow_place: MlflowPlace, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    client, model_id = mlflow_place.client, model.model_id
    before = mlflow.get_tracking_uri()
    try:
        mlflow.set_tracking_uri(mlflow_place.uri)
        mlflow.register_model(model.model_uri, "digits")
    finally:
        mlflow.set_tracking_uri(before)
    by_mlflow = links(client, model_id)
    client.delete_logged_model_tag(model_id, VERSIONS_TAG)
    for _ in range(2):
        link_version(client, model_id, "digits", by_mlflow[0]["version"])
    assert links(client, model_id) == by_mlflow, (
        "MLflow keeps a model's versions otherwise: the page of a codec does not name the version that it is "
        "registered as (tracking/mlflow/registration.py)"
    )


@pytest.mark.parametrize("tag", ["[1]", "{}", '[{"model": "digits"}]', "version 1"])
def test_an_unknown_list_of_versions_is_left_alone(mlflow_place: MlflowPlace, model: Any, tag: str) -> None:
    client = mlflow_place.client
    client.set_logged_model_tags(model.model_id, {VERSIONS_TAG: tag})
    link_version(client, model.model_id, "digits", "1")
    assert client.get_logged_model(model.model_id).tags[VERSIONS_TAG] == tag


@pytest.mark.parametrize("flavor", [{}, {"artifacts": {"config": {"place": "x"}}}])
def test_a_model_with_unknown_local_paths_is_kept(tmp_path: Path, flavor: dict[str, Any]) -> None:
    from mlflow.models import Model

    remove_local_paths(tmp_path, Model(flavors={"python_function": flavor}))
    assert Model.load(str(tmp_path)).flavors["python_function"] == flavor
