"""How errors of trials and of lost workers are named, and which are worth another try."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path

import pytest
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayActorError, RayTaskError

from ratefront.errors import BitstreamError, DivergedError, InputError, WorkerLostError
from ratefront.orchestrate.tune import lost_workers
from ratefront.orchestrate.tune.lost_workers import (
    ReportedWorkerError,
    summarise_trial_error,
    summarise_worker_error,
)
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.error_summary import OUT_OF_MEMORY, summarise_error


class _ArrayMemoryError(MemoryError):
    """As NumPy raises it."""


TorchFull = type("OutOfMemoryError", (RuntimeError,), {})  # as torch has it, which need not be loaded here


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        _ArrayMemoryError("Unable to allocate 7 GiB"),
        TorchFull("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("could not create a primitive"),  # of oneDNN, under a limit of the address space
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        OutOfMemoryError("1 worker(s) were killed due to the node running low on memory."),
    ],
)
def test_all_out_of_memory_errors_have_one_name_and_are_retried(error: Exception) -> None:
    summary = summarise_error(error)
    assert (summary.error, summary.retryable) == ("OutOfMemoryError", True)
    assert summary.reason


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_a_full_disk_is_named_storage_full(error: Exception) -> None:
    assert summarise_error(error).error == "StorageFullError"


def test_a_nodes_full_disk_is_retried_the_sweeps_own_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    ledger = SweepFolder(tmp_path).ledger
    ledger.touch()
    summary = summarise_trial_error(full, tmp_path)
    assert (summary.error, summary.retryable) == ("OSError", True)
    assert list(tmp_path.iterdir()) == [ledger]
    monkeypatch.setattr(lost_workers, "LEAST_FREE_BYTES", 2**62)
    assert summarise_trial_error(full, tmp_path).error == "StorageFullError"
    assert summarise_trial_error(ValueError("bad"), tmp_path).error == "ValueError"


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), FileNotFoundError(), ValueError("no codec.json")],
)
@pytest.mark.parametrize("place", ["gone", "ledger.jsonl", "empty"])
def test_no_error_is_the_trials_fault_where_the_folder_is_gone(
    error: Exception, place: str, tmp_path: Path
) -> None:
    (tmp_path / "ledger.jsonl").touch()
    (tmp_path / "empty").mkdir()
    summary = summarise_trial_error(error, tmp_path / place)
    assert (summary.error, summary.retryable) == ("SweepFolderGoneError", True)
    assert f"{tmp_path / place}: {error or 'FileNotFoundError'}" in summary.reason


@pytest.mark.parametrize(
    ("error", "name", "retryable"),
    [
        (ValueError("merged: out of bounds"), "ValueError", False),
        (DivergedError("the loss became nan"), "DivergedError", False),
        (BitstreamError("the receiver refused: out of memory, says the file"), "BitstreamError", False),
        (WorkerLostError("the receiver died"), "WorkerLostError", True),
        (FileNotFoundError(2, "No such file"), "FileNotFoundError", False),
    ],
)
def test_other_errors_keep_their_name_and_retry_flag(error: Exception, name: str, retryable: bool) -> None:
    assert summarise_error(error).error == name
    assert summarise_error(error).retryable is retryable


@pytest.mark.parametrize(
    "full", [MemoryError("Unable to allocate 9 GiB"), RuntimeError("can't allocate memory: you tried …")]
)
def test_a_full_memory_is_no_fault_of_the_file_being_read(full: Exception) -> None:
    error = InputError("data.npz: cannot be read")
    error.__cause__ = full
    assert (summarise_error(error).error, summarise_error(error).retryable) == (OUT_OF_MEMORY, True)


def test_an_error_without_text_is_described_by_its_name() -> None:
    assert summarise_error(KeyError()).reason == "KeyError"


def test_a_dead_worker_differs_from_an_error_in_its_code() -> None:
    text = (
        "The actor died unexpectedly before finishing this task.\n\tclass_name: A\n\tpid: 7\n"
        "The actor died because its node has died. Node Id: 12ab. Some common causes include: (1) …"
    )
    lost = summarise_worker_error(RayActorError(error_msg=text))
    assert (lost.error, lost.retryable) == ("WorkerLostError", True)
    assert lost.reason == "The actor died because its node has died"
    assert summarise_worker_error(None).reason == "the worker died"
    own = summarise_worker_error(
        RayTaskError("reset", "traceback", ValueError("no such family"), "worker", 1, "ip")
    )
    assert (own.error, own.reason, own.retryable) == ("ValueError", "no such family", False)


def test_an_error_unknown_to_tune_is_passed_as_a_dead_actor() -> None:
    errors = ReportedWorkerError()
    full = OutOfMemoryError("low on memory\nmore")
    with errors.while_handled(full) as passed:
        assert isinstance(pickle.loads(pickle.dumps(passed)), RayActorError)
        assert errors.current is full
        summary = summarise_worker_error(errors.current)
    assert (summary.error, summary.reason, summary.retryable) == ("OutOfMemoryError", "low on memory", True)
    assert errors.current is None


def test_errors_known_to_tune_are_passed_unchanged() -> None:
    for error in (ActorDiedError(), RayTaskError("f", "t", ValueError(), "w", 1, "ip"), ValueError("x")):
        with ReportedWorkerError().while_handled(error) as passed:
            assert passed is error
