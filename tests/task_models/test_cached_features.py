"""Features of a frozen front end: computed once by one process, mapped by all, within a limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ratefront.errors import InputError
from ratefront.task_models.cached_features import cached_features

pytestmark = pytest.mark.medium


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path))
    return tmp_path / "features"


def _front_end(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()).eval().requires_grad_(False)


def _samples(count: int = 10) -> np.ndarray:
    return np.random.default_rng(0).random((count, 1, 8, 8)).astype(np.float32)


class _Counted(nn.Sequential):
    """Counts how many samples went through it."""

    seen = 0

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        type(self).seen += len(samples)
        return super().forward(samples)


def test_features_are_computed_once(cache: Path) -> None:
    front_end = _Counted(*_front_end())
    first = cached_features(front_end, _samples(), "data")
    assert first is not None
    assert np.array_equal(first[:], _front_end()(torch.from_numpy(_samples())).numpy())
    before = _Counted.seen
    again = cached_features(front_end, _samples(), "data")
    assert again is not None
    assert np.array_equal(again[:], first[:])
    assert _Counted.seen == before + 1  # one sample tells the shape


def test_other_weights_or_data_have_other_features(cache: Path) -> None:
    for seed, content in ((0, "a"), (0, "b"), (1, "a")):
        cached_features(_front_end(seed), _samples(), content)
    assert len(list(cache.glob("*.npy"))) == 3


def test_the_least_recently_used_features_are_removed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 10 * 4 * 6 * 6 * 4
    monkeypatch.setenv("RATEFRONT_FEATURES_GB", str(2.5 * size / 1e9))
    cached_features(_front_end(), _samples(), "first")
    (first,) = cache.glob("*.npy")
    cached_features(_front_end(), _samples(), "second")
    (second,) = set(cache.glob("*.npy")) - {first}
    os.utime(first, (1, 1))  # long ago: file systems do not tell milliseconds apart
    os.utime(second, (2, 2))
    cached_features(_front_end(), _samples(), "first")  # used again: the second is the older one now
    mapped = cached_features(_front_end(), _samples(), "third")
    assert mapped is not None
    assert len(list(cache.glob("*.npy"))) == 2
    assert first.exists()


def test_features_that_do_not_fit_are_not_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cached_features(_front_end(), _samples(), "data")
    monkeypatch.setenv("RATEFRONT_FEATURES_GB", "0")
    assert cached_features(_front_end(), _samples(), "data") is None, "not even where they lie there"
    for kept in cache.glob("*.npy"):
        kept.unlink()
    monkeypatch.setenv("RATEFRONT_FEATURES_GB", "1e-9")
    assert cached_features(_front_end(), _samples(), "data") is None
    assert "RATEFRONT_FEATURES_GB" in caplog.text
    assert list(cache.glob("*.npy")) == []


@pytest.mark.parametrize("setting", ["many", "-1", "nan"])
def test_an_invalid_limit_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("RATEFRONT_FEATURES_GB", setting)
    with pytest.raises(InputError, match="must be a number"):
        cached_features(_front_end(), _samples(), "data")


def test_the_draft_of_a_killed_process_is_removed(cache: Path) -> None:
    cached_features(_front_end(), _samples(), "data")
    (whole,) = cache.glob("*.npy")
    whole.rename(whole.with_suffix(".draft"))
    again = cached_features(_front_end(), _samples(), "data")
    assert again is not None
    assert np.array_equal(again[:], _front_end()(torch.from_numpy(_samples())).numpy())


def test_two_processes_compute_features_once(cache: Path, tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib, numpy as np, torch\n"
        "from torch import nn\n"
        "from ratefront.task_models.cached_features import cached_features\n"
        "class Slow(nn.Flatten):\n"
        "    def forward(self, x):\n"
        "        if len(x) > 1:\n"
        "            pathlib.Path(sys.argv[1], f'computed-{time.time_ns()}').touch(); time.sleep(1)\n"
        "        return super().forward(x)\n"
        "cached_features(nn.Sequential(Slow()), np.zeros((5, 1, 2, 2), np.float32), 'data')\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(list(tmp_path.glob("computed-*"))) == 1
