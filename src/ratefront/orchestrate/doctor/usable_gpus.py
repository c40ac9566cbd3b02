"""Whether torch can use the GPUs of a machine: its build, the driver and the GPUs have to fit together.

The node gets this module's source, which imports the standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

#: Loading torch from a slow disk takes a while, and a driver that hangs does not answer at all.
TORCH_WITHIN_S = 20.0

#: It initializes CUDA as a trial does, and takes no memory of a GPU. torch says by a warning only that it has no code
#: for a GPU: each operation on it fails.
_PROGRAM = """
import json, warnings
import torch
problem = ""
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        torch.cuda.init()
    except Exception as error:
        problem = str(error)
said = (str(each.message) for each in caught)
problem = problem or next((text for text in said if "compute capability" in text or "CUDA capability" in text), "")
version = torch.version.cuda or torch.version.hip
count = 0 if problem else torch.cuda.device_count()
print(json.dumps({"torch": torch.__version__, "cuda": version, "count": count, "problem": problem}))
"""


def usable_gpus() -> dict[str, Any]:
    """Return torch's version, the CUDA that it was built for, how many GPUs it can use, and why it can use none.

    ``is_known`` is false where torch has not answered; ``problem`` then says why.
    """
    program = [sys.executable, "-c", _PROGRAM]
    try:
        done = subprocess.run(
            program,
            check=False,
            capture_output=True,
            text=True,
            timeout=TORCH_WITHIN_S,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        return _no_answer(f"no answer within {TORCH_WITHIN_S:g} s", is_known=False)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        said = done.stderr.strip().splitlines() or [f"Python ends with status {done.returncode}"]
        return _no_answer(said[-1], is_known=True)
    answer: dict[str, Any] = json.loads(lines[-1])
    # torch's texts have several lines: the first sentence names the reason.
    return {**answer, "problem": " ".join(answer["problem"].split()).partition(". ")[0], "is_known": True}


def _no_answer(problem: str, *, is_known: bool) -> dict[str, Any]:
    return {"torch": "", "cuda": None, "count": 0, "problem": problem, "is_known": is_known}


def _environment() -> dict[str, str]:
    """Return the environment of a trial on this node.

    Ray may hide all GPUs from a process to which it has given none (RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=1). Where Ray
    was started without any in sight, it counts none, and this is not asked.
    """
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}  # torch, not a torch.py of the current folder
    if not environment.get("CUDA_VISIBLE_DEVICES"):
        environment.pop("CUDA_VISIBLE_DEVICES", None)
    return environment
