"""``python invalid_results_sweep.py FOLDER TRIALS``: the digits' sweep with trials whose results are invalid."""

from __future__ import annotations

import sys
from pathlib import Path

from ratefront.orchestrate.sweep_driver import WorkerFunctions, run_sweep
from ratefront.spec.load_spec import load_spec
from ratefront.store.sweep_folder import SweepFolder

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


def main() -> None:
    loaded = load_spec(DIGITS, {"trials": int(sys.argv[2])})
    run_sweep(
        loaded,
        SweepFolder(Path(sys.argv[1])),
        resume=False,
        tracking_uri=None,
        on_update=None,
        functions=WorkerFunctions(trial_steps="invalid_results_trial:trial_steps"),
    )


if __name__ == "__main__":
    main()
