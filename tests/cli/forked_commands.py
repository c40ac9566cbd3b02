"""Runs many commands of ratefront, each in a process of its own, that share one import of everything heavy.

As a program it reads ``[{"words": […], "closed": […]}, …]`` from stdin, runs each in a fork, and prints the answers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

NAMES = ("stdin", "stdout", "stderr")


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    stdout: str
    stderr: str


def run_commands(
    commands: Sequence[Sequence[str | Path]],
    environment: Mapping[str, str] | None = None,
    *,
    closed: Sequence[Sequence[int]] | None = None,
    cwd: Path | None = None,
) -> list[Done]:
    """Run commands one after another; ``closed`` has for each the standard streams that are closed from the start."""
    pairs = zip(commands, closed or [()] * len(commands), strict=True)
    requests = [{"words": [*map(str, words)], "closed": list(numbers)} for words, numbers in pairs]
    paths = [*sys.path, *filter(None, [os.environ.get("PYTHONPATH")])]
    given = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **(environment or {})}
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        env=given,
        cwd=cwd,
        check=True,
        timeout=300,
    )
    return [Done(**answer) for answer in json.loads(done.stdout)]


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        files = [Path(temporary, name) for name in NAMES]
        child = os.fork()
        if not child:
            _run(request["words"], request["closed"], files)
        _, status = os.waitpid(child, 0)
        _, stdout, stderr = (file.read_text() if file.exists() else "" for file in files)
    return {"code": os.waitstatus_to_exitcode(status), "stdout": stdout, "stderr": stderr}


def _run(words: list[str], closed: list[int], files: list[Path]) -> NoReturn:
    """Become the command. An error that it does not report itself is exit code 99."""
    from ratefront.cli import main

    sys.argv = ["ratefront", *words]
    code: Any = 99
    try:
        for number, name in enumerate(NAMES):
            if number in closed:
                os.close(number)
                setattr(sys, name, None)
            elif number:
                os.dup2(os.open(files[number], os.O_WRONLY | os.O_CREAT), number)
        main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        files[2].with_name("traceback").write_text(traceback.format_exc())
        if sys.stderr is not None:
            traceback.print_exc()
    finally:
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    # Once for all commands. Not Optuna and MLflow: commands that run a trial check that they are absent.

    import ratefront.bounds
    import ratefront.cli
    import ratefront.report.write_report
    import ratefront.trial.run_trial
    import ratefront.trial.stored_codec  # noqa: F401

    print(json.dumps([_answer(request) for request in json.load(sys.stdin)]))
