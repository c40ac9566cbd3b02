"""What a machine remembers of the code that it has run for a user, and when it does not trust its memory."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ratefront import user_memory
from ratefront.errors import InputError
from ratefront.known_code import NamedCode, check_may_run, remember

NET = NamedCode("task model", "net_:make")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Write a module on PYTHONPATH; the memory is in ``cache``."""
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path / "code")
    (tmp_path / "code").mkdir()

    def write(name: str, content: str) -> Path:
        path = tmp_path / "code" / name
        path.write_text(content)
        return path

    return write


@pytest.fixture
def memory(tmp_path: Path, write: Callable[[str, str], Path]) -> Path:
    write("net_.py", "import helper_\n")
    write("helper_.py", "raise SystemExit('run')\n")
    remember([NET])
    (folder,) = (tmp_path / "cache").iterdir()
    return folder


def is_known(code: NamedCode = NET) -> bool:
    try:
        check_may_run([code], "here", own_module=False)
    except InputError:
        return False
    return True


def test_a_function_is_known_with_the_files_that_it_had(
    memory: Path, write: Callable[[str, str], Path]
) -> None:
    assert is_known()
    write("helper_.py", "changed = True\n")
    with pytest.raises(InputError, match="but helper_ has changed since"):
        check_may_run([NET], "here", own_module=False)
    check_may_run([NET], "here", own_module=True)
    remember([NET])
    assert is_known()


@pytest.mark.parametrize("code", [NamedCode("metric", "net_:make"), NamedCode("task model", "net_:other")])
def test_another_function_or_another_role_is_not_known(memory: Path, code: NamedCode) -> None:
    assert not is_known(code)


def test_the_same_source_elsewhere_is_not_known(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside it may lie a compiled file of something else, which Python would run."""
    (tmp_path / "code").rename(tmp_path / "moved")
    monkeypatch.syspath_prepend(tmp_path / "moved")
    with pytest.raises(InputError, match=r"but helper_, net_ has changed since"):
        check_may_run([NET], "here", own_module=False)


def test_a_module_that_does_not_exist_is_neither_known_nor_remembered(memory: Path) -> None:
    nowhere = NamedCode("task model", "no_such_:make")
    remember([nowhere])
    assert len(list(memory.iterdir())) == 1
    with pytest.raises(InputError, match="there is no module no_such_ on PYTHONPATH"):
        check_may_run([nowhere], "here", own_module=False)


def test_the_memory_is_for_this_user_alone(memory: Path) -> None:
    (file,) = memory.iterdir()
    assert (memory.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    memory.chmod(0o770)
    assert not is_known()
    remember([NamedCode("task model", "helper_:make")])
    assert len(list(memory.iterdir())) == 1
    memory.chmod(0o700)
    elsewhere = memory.rename(memory.with_name("elsewhere"))
    memory.symlink_to(elsewhere)
    assert not is_known()


def test_a_memory_of_another_owner_is_not_trusted(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another = os.getuid() + 1
    memory.rename(memory.with_name(f"known_code-{another}"))
    monkeypatch.setattr(os, "getuid", lambda: another)
    assert not is_known()


def test_a_folder_that_cannot_be_written_stops_nothing(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "file"))
    remember([NET])
    assert not is_known()


def test_a_torn_memory_still_counts(memory: Path, write: Callable[[str, str], Path]) -> None:
    (file,) = memory.iterdir()
    file.write_text('{"net_": ["/')
    assert is_known()
    write("net_.py", "")
    assert not is_known()


def test_the_oldest_memories_are_forgotten(
    memory: Path, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_memory, "MOST_REMEMBERED", 5)
    for number in range(5, 12):
        write(f"other{number}_.py", "")
        remember([NamedCode("metric", f"other{number}_:f")])
        assert is_known(), "what is used is not old"
    assert len(list(memory.iterdir())) == 5


def _remember_all(count: int) -> None:
    for number in range(count):
        remember([NamedCode("metric", f"net_:f{number}")])


def test_several_processes_remember_at_the_same_time(memory: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_remember_all, args=(30,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert all(is_known(NamedCode("metric", f"net_:f{number}")) for number in range(30))
