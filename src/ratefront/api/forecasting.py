"""The forecast of a sweep: what it may take in hours, GPU-hours and disk, by short trials of each family."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.api.run_sweep import default_folder
from ratefront.argument_checks import checked_folder
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec
from ratefront.store.sweep_folder import SweepFolder

if TYPE_CHECKING:
    from ratefront.store.forecast_file import Forecast


def forecast(
    spec: Path | str | Mapping[str, Any] | LoadedSpec,
    folder: Path | str | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    address: str | None = None,
    autoscaling: bool = False,
) -> tuple[Forecast, Path]:
    """Run a few short trials of each family, and write what the whole sweep may take into its folder.

    The trials run where the sweep would. A sweep may begin in the folder afterwards; its report compares the forecast
    with what it took.

    Args:
        spec: As ``load_spec`` takes it.
        folder: The folder that the sweep will use; new, empty, or with an older forecast. None: ``runs/NAME-TIME``.
        overrides: As ``load_spec`` takes them.
        address: As ``rf.run`` takes it.
        autoscaling: As ``rf.run`` takes it.

    Returns:
        The forecast, and the folder with ``forecast.json``.

    Raises:
        InputError: The spec, the folder or the cluster does not fit.
        EngineError: No trial of a family could be calibrated.
    """
    from ratefront.engine.opening_events import ResumeOptions
    from ratefront.orchestrate.begin_and_resume_checks import check_folder
    from ratefront.orchestrate.forecast_sweep import forecast_sweep
    from ratefront.orchestrate.join_cluster import ClusterOptions
    from ratefront.store.forecast_file import write_forecast

    loaded = load_spec(spec, overrides)
    path = default_folder(loaded.spec.name) if folder is None else checked_folder(folder)
    files = SweepFolder(path)
    check_folder(files, ResumeOptions())
    made = forecast_sweep(loaded, files.path.resolve(), ClusterOptions(address, autoscaling))
    write_forecast(files, made)
    return made, path
