"""A checkpoint on disk is read as it was written or not at all, and saving costs a bounded share of the time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from ratefront.checkpoints.checkpoint_file import CheckpointFile, CheckpointSaver, _checksum
from ratefront.checkpoints.training_state import Snapshot


def _small_snapshot() -> Snapshot:
    tensors = {
        "learner.weights": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "learner.none": torch.zeros(0, 4, dtype=torch.int32),
        "optimiser.0.step": torch.tensor(7.0),
        "half": torch.tensor([0.5], dtype=torch.bfloat16),
    }
    return Snapshot(tensors, {"epochs_done": 2, "seconds": 0.1, "groups": [{"lr": 0.1 + 0.2}]})


def _same(one: Snapshot, other: Snapshot) -> bool:
    return (
        one.plain == other.plain
        and one.tensors.keys() == other.tensors.keys()
        and all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CheckpointFile:
    return CheckpointFile(tmp_path_factory.mktemp("small") / "checkpoint.safetensors", {"trial_id": "t"})


def test_a_snapshot_is_read_as_it_was_written(small: CheckpointFile) -> None:
    small.write(_small_snapshot())
    read = small.read()
    assert read is not None
    assert _same(read, _small_snapshot())


@pytest.mark.parametrize("description", ["[]", "3", "{}", "x", "[" * 100_000])
def test_a_checksum_that_fits_makes_no_checkpoint(small: CheckpointFile, description: str) -> None:
    tensors = _small_snapshot().tensors
    metadata = {"ratefront": description, "sha256": _checksum(description, tensors)}
    small.path.write_bytes(save(dict(tensors), metadata))
    assert small.read() is None
    assert not small.path.exists()


@settings(deadline=None)
@given(st.data())
def test_a_damaged_checkpoint_is_not_read(small: CheckpointFile, data: st.DataObject) -> None:
    """After any change of the bytes nothing is read, or (as with the padding's spaces) the very same snapshot."""
    small.write(_small_snapshot())
    content = bytearray(small.path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[position] ^= data.draw(st.integers(1, 255))
    else:
        del content[position:]
    small.path.write_bytes(content)
    read = small.read()
    assert read is None or _same(read, _small_snapshot())
    assert small.path.exists() == (read is not None)


class _FakeState:
    """A training whose epochs take no real time."""

    epochs_done, seconds = 0, 0.0

    def snapshot(self) -> Snapshot:
        return Snapshot({}, {})


class _FakeDisk:
    """Every save takes ``cost_s`` of its clock."""

    def __init__(self, cost_s: float) -> None:
        self.cost_s, self.now_s, self.saves = cost_s, 0.0, 0

    def clock(self) -> float:
        return self.now_s

    def write(self, snapshot: Snapshot) -> None:
        self.now_s += self.cost_s
        self.saves += 1


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=60),
    st.floats(1e-4, 1e3),
    st.floats(0, 1e4),
)
def test_saving_takes_a_fiftieth_of_the_time(epochs_s: list[float], cost_s: float, before_s: float) -> None:
    disk, state = _FakeDisk(cost_s), _FakeState()
    state.seconds = before_s
    saving = CheckpointSaver(disk, len(epochs_s), before_s, 1 / 50, disk.clock)
    lost_s, longest_lost_s, saved_at = 0.0, 0.0, []
    for epoch_s in epochs_s:
        state.epochs_done += 1
        state.seconds += epoch_s
        saves = disk.saves
        saving.after_epoch(state)  # type: ignore[arg-type]
        lost_s = 0.0 if disk.saves > saves else lost_s + epoch_s
        longest_lost_s = max(longest_lost_s, lost_s)
        saved_at += [state.epochs_done] * (disk.saves - saves)
    assert {1, len(epochs_s)} <= set(saved_at)
    trained_s = sum(epochs_s)
    in_between_s = (disk.saves - 1) * cost_s  # the last one is made in any case
    assert in_between_s <= max(cost_s, trained_s / 50) * (1 + 1e-9)
    assert longest_lost_s <= 100 * cost_s * (1 + 1e-9)
