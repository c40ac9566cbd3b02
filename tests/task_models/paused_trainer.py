"""A process that prepares a task model: its training creates the file ``trains`` and waits for the file ``go``.

It is called with the sweep as JSON and a folder for these files and for the task model.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from ratefront.spec.sweep_spec import SweepSpec
from ratefront.task_models import prepare_task_model


def main(spec: SweepSpec, place: Path) -> None:
    train = prepare_task_model.train_task_model

    def paused_training(*arguments: Any) -> None:
        (place / "trains").touch()
        while not (place / "go").exists():
            time.sleep(0.01)
        train(*arguments)

    prepare_task_model.train_task_model = paused_training  # type: ignore[attr-defined]
    prepare_task_model.prepare_task_model(spec, place / "model")


if __name__ == "__main__":
    main(SweepSpec.model_validate_json(sys.argv[1], strict=False), Path(sys.argv[2]))
