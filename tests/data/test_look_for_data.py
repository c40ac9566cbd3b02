"""Data sets that are found, or could be downloaded: nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request

import numpy as np
import pytest
from tests.data.data_files import write_mnist
from tests.tracking.recording_server import Listener, listening
from torchvision import datasets

from ratefront.data import download_reach
from ratefront.data.download_reach import why_not_reached
from ratefront.data.look_for_data import FoundData, look_for_data
from ratefront.errors import InputError
from ratefront.spec.sweep_spec import Named

pytestmark = pytest.mark.medium


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The only host from which MNIST is downloaded."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with listening() as listener:
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{listener.uri}/"])
        yield listener


def look(name: str, **parameters: Any) -> FoundData:
    return look_for_data(Named(name=name, **parameters))


def test_published_files_are_found_where_they_are(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    found = look("mnist", root=str(tmp_path), download=False)
    assert found == (f"mnist: its files are in {tmp_path}", "mnist")


def test_missing_files_could_be_downloaded(tmp_path: Path, host: Listener) -> None:
    found = look("mnist", root=str(tmp_path))
    assert found.text == f"mnist: it is downloaded from 127.0.0.1:{host.server_port} into {tmp_path}"
    assert found.content == "mnist"
    assert [*tmp_path.iterdir()] == []


def test_missing_files_that_cannot_be_had_are_named(tmp_path: Path, host: Listener) -> None:
    for answer, why in (((404, ""), "HTTP status 404"), ((503, ""), "HTTP status 503")):
        host.answer = answer
        with pytest.raises(InputError, match=rf"{tmp_path}/MNIST/raw/train-images.*\n(.*\n)*") as raised:
            look("mnist", root=str(tmp_path))
        assert f"is not reached: {why}" in str(raised.value)
    with pytest.raises(InputError, match="download is false"):
        look("mnist", root=str(tmp_path), download=False)


@pytest.mark.parametrize("status", [200, 405, 429])
def test_a_host_that_offers_the_file_is_reached(host: Listener, status: int) -> None:
    host.answer = (status, "")
    assert why_not_reached(f"{host.uri}/file") == ""


@pytest.mark.parametrize("status", [401, 403, 404, 407, 410, 451, 500, 503])
def test_a_host_that_refuses_the_file_is_not_reached(host: Listener, status: int) -> None:
    host.answer = (status, "")
    assert why_not_reached(f"{host.uri}/file") == f"HTTP status {status}"


def test_a_host_is_asked_under_the_name_of_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets.utils import USER_AGENT

    asked: list[Request] = []

    def answer(request: Request, **_: Any) -> BytesIO:
        asked.append(request)
        return BytesIO()

    monkeypatch.setattr(download_reach, "urlopen", answer)
    assert why_not_reached("https://example.org/file") == ""
    assert [request.get_header("User-agent") for request in asked] == [USER_AGENT]


def test_a_host_that_does_not_answer_is_not_reached() -> None:
    assert "refused" in why_not_reached("http://127.0.0.1:1/file")


def test_other_arrays_have_other_content(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"

    def write(count: int) -> FoundData:
        x, y = np.zeros((count, 8, 8), np.uint8), np.arange(count) % 2
        x[:, 0, 0] = np.arange(count)
        np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
        return look("arrays", path=str(path))

    first, second = write(40), write(60)
    assert f"arrays in {path} of " in first.text
    assert "2 classes" in first.text
    assert first.content != second.content
    assert write(40).content == first.content
    path.unlink()
    with pytest.raises(InputError, match=r"mine\.npz"):
        look("arrays", path=str(path))
