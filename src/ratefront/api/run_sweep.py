"""Runs or resumes a sweep in this process, with its trials on Ray."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.api.sweeps import Sweep
from ratefront.argument_checks import check_count, checked_folder
from ratefront.catalogue.number_limits import MOST_TRIALS
from ratefront.errors import InputError
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec, spec_from_plain
from ratefront.store.ledger.read_ledger import read_spec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.known_addresses import recorded_address

if TYPE_CHECKING:
    from ratefront.terminal.progress_display import Display


def load_given_spec(
    spec: Path | str | Mapping[str, Any] | LoadedSpec | None,
    folder: Path | str | None,
    overrides: Mapping[str, Any] | None = None,
    *,
    tracking_uri: str | None = None,
    own_module: bool = False,
) -> LoadedSpec:
    """Load the spec that is given, or that of the sweep in ``folder``, and apply the overrides.

    Raises:
        InputError: As ``load_spec``, or the folder holds no sweep, or one whose code may not be run, or it names a
            tracking address that was never used here and is not given.
    """
    if spec is None:
        files = SweepFolder(checked_folder(folder or "."))
        loaded = spec_from_plain(
            read_spec(files), source=str(files.ledger), overrides=overrides, own_module=own_module
        )
        if tracking_uri is None and {"tracking", "tracking.uri"}.isdisjoint(overrides or {}):
            recorded_address(loaded.spec.tracking.uri, files.path)
        return loaded
    return load_spec(spec, overrides)


def default_folder(name: str) -> Path:
    """Return the folder of a sweep for which the user names none: ``runs/NAME-TIME``."""
    return Path("runs") / f"{name}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"


def run(
    spec: Path | str | Mapping[str, Any] | LoadedSpec | None = None,
    folder: Path | str | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    resume: bool = False,
    extend: int | None = None,
    retry_failed: bool = False,
    tracking_uri: str | None = None,
    own_module: bool = False,
    address: str | None = None,
    autoscaling: bool = False,
    progress: bool | Display = True,
) -> Sweep:
    """Run a sweep to its end, or resume one, and show its progress in a terminal or notebook.

    Ctrl-C (in a notebook: interrupt) stops the sweep cleanly; it can be resumed.

    Args:
        spec: As ``load_spec`` takes it. None: that of the sweep in ``folder``, which is resumed.
        folder: The sweep's own folder, new or empty unless the sweep is resumed. None: ``runs/NAME-TIME``.
        overrides: As ``load_spec`` takes them.
        resume: Resume the sweep in ``folder``.
        extend: Resume, and try this many trials more than the sweep asked for.
        retry_failed: Resume, and try again the trials that failed for good.
        tracking_uri: MLflow store or server. None: as the spec says, else ``mlflow.db`` beside the sweep's folder.
        own_module: Resume the sweep in ``folder`` also if its Python code (task model, metrics) is new to this machine:
            it is your own. A ``spec`` that you pass runs its code in any case.
        address: Head of the Ray cluster that runs the trials, HOST:PORT; ``auto``: as ``RAY_ADDRESS`` says, else that
            on this machine. None: as ``RAY_ADDRESS`` says, else Ray starts on this machine for the sweep.
        autoscaling: The cluster starts nodes as trials wait for them. So what no node has yet is not refused, and
            ``resources.concurrent`` trials are begun at once.
        progress: Whether to show the progress; or an object that shows it.

    Returns:
        The sweep.

    Raises:
        InputError: The spec, the folder or the cluster does not fit; nothing was started.
        LedgerError: The ledger is damaged, or another driver writes it.
        EngineError: The sweep cannot go on; what was measured is kept.
        KeyboardInterrupt: The sweep was interrupted; it can be resumed.

    Example:
        >>> import ratefront as rf
        >>> small = {"trials": 1, "task_model.epochs": 1, "training.epochs": 1}
        >>> sweep = rf.run("sweeps/digits.yaml", folder / "small", overrides=small, progress=False)
        >>> rf.run(folder=folder / "small", extend=1, progress=False).summary.trials_requested
        2
    """
    from ratefront.orchestrate.join_cluster import ClusterOptions
    from ratefront.orchestrate.sweep_driver import run_sweep
    from ratefront.terminal.progress_display import open_display

    is_resumed = resume or retry_failed or extend is not None
    if is_resumed and folder is None:
        raise InputError("to go on with a sweep, say which: pass its folder")
    if spec is None and not is_resumed:
        raise InputError(
            "pass a spec; or the folder of a sweep to go on with, and resume, extend or retry_failed"
        )
    more_trials = None if extend is None else check_count("extend", extend, most=MOST_TRIALS)
    loaded = load_given_spec(spec, folder, overrides, tracking_uri=tracking_uri, own_module=own_module)
    files = SweepFolder(checked_folder(default_folder(loaded.spec.name) if folder is None else folder))
    with open_display(progress) as display:
        run_sweep(
            loaded,
            files,
            resume=is_resumed,
            extend=more_trials,
            retry_failed=retry_failed,
            tracking_uri=tracking_uri,
            cluster=ClusterOptions(address, autoscaling),
            on_update=None if display is None else display.update,
            on_training=None if display is None else display.train,
            on_interrupt=None if display is None else display.ending,
        )
    return Sweep(files.path, own_module=own_module)
