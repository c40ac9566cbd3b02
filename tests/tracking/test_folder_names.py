"""Whatever characters a folder's name has, database and files are in their places, and MLflow finds them again."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from tests.builders import FakeSweep, label
from tests.tracking.test_mlflow_ui import free_port, wait_until_healthy
from tests.tracking.tracked_places import EXPERIMENT, MlflowPlace, fake_codec

from ratefront.errors import InputError
from ratefront.tracking.browsing import mlflow_ui
from ratefront.tracking.mlflow.codec_models import CodecModels
from ratefront.tracking.mlflow.mlflow_store import MlflowStore
from ratefront.tracking.tracking_uri import resolve_uri, sqlite_uri

pytestmark = pytest.mark.medium

NAMES = [
    "a%20b",
    "a%2Fb%zz%(x)s%%",
    "a#b",
    "ä ö 日本",
    "a;b&c+d=e,f",
    "a'b\"c\\d",
    "file:a@b[c]{d}",
    "~$*|<>\t\n",
]
RATEFRONT = [sys.executable, "-c", "from ratefront.cli import main; main()"]


@pytest.mark.parametrize("name", NAMES)
def test_files_and_models_are_found_again(name: str, tmp_path: Path, empty_store: Path) -> None:
    folder = tmp_path / name / "digits"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<p>front</p>")
    store = MlflowStore(sqlite_uri(Path(shutil.copy(empty_store, folder.parent / "mlflow.db"))), EXPERIMENT)
    run = store.create("t0000", 5, {})
    store.add_artifact(run, folder / "report.html")
    CodecModels(store.client, store.experiment_id, None).log(
        run.run_id, "digits", fake_codec(folder, "t0000")
    )

    again = Path(store.client.download_artifacts(run.run_id, "report.html"))
    assert again.read_text() == "<p>front</p>"
    (model,) = store.client.search_logged_models([store.experiment_id])
    files = [path.name for path in Path(_downloaded(store, model.model_id, tmp_path / "copy")).rglob("*")]
    assert {"codec.json", "codec.safetensors", "MLmodel"} <= set(files)
    assert {path.name for path in tmp_path.iterdir()} <= {name, "copy"}
    assert {path.name for path in folder.parent.iterdir()} == {
        "digits",
        "mlflow.db",
        "mlflow.db.lock",
        "mlartifacts",
    }


def _downloaded(store: MlflowStore, model_id: str, to: Path) -> str:
    import mlflow

    to.mkdir()
    location = store.client.get_logged_model(model_id).artifact_location
    return str(mlflow.artifacts.download_artifacts(location, dst_path=str(to)))


def test_a_question_mark_above_the_database_is_refused_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "what?" / "digits"
    with pytest.raises(InputError, match=r"'\?' in its path; give another place with tracking_uri="):
        resolve_uri(None, folder)
    with pytest.raises(InputError, match=r"'\?'"):
        resolve_uri(str(folder / "own.db"), folder)
    elsewhere = sqlite_uri(tmp_path / "mlflow.db")
    assert resolve_uri(elsewhere, folder) == elsewhere
    assert resolve_uri(None, tmp_path / "what?") == elsewhere


@pytest.mark.parametrize("uri", [None, "http://mlflow.example.org"])
def test_a_folder_whose_name_is_no_text_is_refused_at_once(uri: str | None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8") as caught:
        resolve_uri(uri, tmp_path / os.fsdecode(b"a\xff") / "digits")
    str(caught.value).encode()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["runs %20%2F#;&+'\"ä"])
def test_a_sweep_is_sent_and_served_from_such_a_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name / "digits%20#"
    sweep = FakeSweep(folder)
    trial = sweep.finish(label(), 3.0, 0.9, 5000)
    sweep.end()
    sweep.folder.trial(trial).path.mkdir(parents=True)
    fake_codec(sweep.folder.trial(trial).path, trial)
    sent = subprocess.run([*RATEFRONT, "track", str(folder)], capture_output=True, text=True, timeout=120)
    assert sent.returncode == 0, sent.stderr
    assert {path.name for path in folder.parent.iterdir()} == {
        folder.name,
        "mlflow.db",
        "mlflow.db.lock",
        "mlartifacts",
    }
    runs = MlflowPlace(sqlite_uri(folder.parent / "mlflow.db")).stored()
    parent = next(run for run in runs if "trial_id" not in run.data.tags)
    port = free_port()
    command = [*RATEFRONT, "ui", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        try:
            wait_until_healthy(port)
            address = f"http://{mlflow_ui.HOST}:{port}"
            with urlopen(f"{address}/get-artifact?path=report.html&run_uuid={parent.info.run_id}") as answer:
                assert answer.read() == sweep.folder.report.read_bytes()
        finally:
            os.killpg(server.pid, signal.SIGINT)
        assert re.search(f"/runs/{quote(parent.info.run_id)}", server.communicate(timeout=30)[0])
