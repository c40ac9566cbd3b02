"""A sweep as an object: open it, look at it, stop it, send it to a tracker, browse it."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ratefront.api.trials import Front, Trials
from ratefront.argument_checks import checked_folder, checked_path
from ratefront.errors import InputError, RatefrontError
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import spec_from_plain
from ratefront.store.ledger.read_ledger import check_is_sweep, read_history, read_spec
from ratefront.store.sweep_folder import SweepFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from optuna.study import Study

    from ratefront.bounds import PredictionBounds
    from ratefront.report.sweep_view import SweepView
    from ratefront.report.write_report import DrawnReport
    from ratefront.store.kept_trial_files import Keep, Removed
    from ratefront.store.views.chosen_front import ChosenFront
    from ratefront.store.views.parameter_importance import Importance
    from ratefront.store.views.sweep_status import SweepStatus
    from ratefront.store.views.sweep_summary import Summary

STOPPED_BY_HAND = "stopped by hand"


class Sweep:
    """A sweep in its folder, running or ended.

    It reads the ledger at each access, so that it shows the current state.

    Example:
        >>> import ratefront as rf
        >>> sweep = rf.open(folder)
        >>> sweep.status().state
        'ended'
        >>> sweep.front.to_dataframe()["rate_bits"].is_monotonic_increasing
        True
    """

    def __init__(self, folder: Path | str, *, own_module: bool = False) -> None:
        """Open the sweep in a folder; see ``ratefront.open``.

        Raises:
            InputError: The folder holds no sweep.
        """
        self._files, self._own_module = SweepFolder(checked_folder(folder)), own_module
        check_is_sweep(self._files)
        self._history_at_size: tuple[int, SweepHistory] | None = None
        self._view_of_history: tuple[SweepHistory, SweepView] | None = None

    @property
    def folder(self) -> Path:
        """The folder with all files of the sweep; ``docs/files.md`` says what each file holds."""
        return self._files.path

    @property
    def name(self) -> str:
        """The sweep's name, as in its sweep file."""
        return str(self.history.spec.get("name", "sweep"))

    @property
    def history(self) -> SweepHistory:
        """The sweep as its ledger records it now: every trial with its events.

        Raises:
            InputError: The ledger is empty because the sweep has not begun, or it has been deleted.
            LedgerDamagedError: An entry cannot be read.
        """
        check_is_sweep(self._files)  # the folder may have been deleted meanwhile
        written = self._files.ledger.stat().st_size
        if self._history_at_size is None or self._history_at_size[0] != written:
            self._history_at_size = written, read_history(self._files)
        return self._history_at_size[1]

    @property
    def spec(self) -> LoadedSpec:
        """The current sweep file with all defaults resolved. ``load_spec`` takes it, too.

        Raises:
            InputError: It names Python code that may not be run; see ``ratefront.open``.
            SpecError: This version of ratefront does not accept it, or its data have moved.
        """
        return spec_from_plain(
            read_spec(self._files), source=str(self._files.ledger), own_module=self._own_module
        )

    def status(self) -> SweepStatus:
        """Return the state of the sweep, also while another process runs it.

        Returns:
            Counts by status, speed in trials per hour, the running and the failed trials, and the front.

        Raises:
            InputError: The ledger is empty, and no driver writes it.
        """
        from ratefront.store.views.sweep_status import status_of

        return status_of(self._files)

    def stop(self, trial_id: str | None = None, *, reason: str = STOPPED_BY_HAND) -> None:
        """Stop the sweep, or one of its trials, and wait until it has stopped. A sweep can be resumed.

        Args:
            trial_id: The trial to stop, whether a driver runs it or not. None: the whole sweep.
            reason: The reason that the ledger stores.

        Raises:
            InputError: No driver runs the sweep, there is no such trial, or it has ended.
            EngineError: The driver does not answer.
        """
        from ratefront.store.ledger import stop_from_outside

        if trial_id is None:
            stop_from_outside.stop_sweep(self._files, reason)
        else:
            stop_from_outside.stop_trial(self._files, trial_id, reason)

    @property
    def trials(self) -> Trials:
        """Every trial by its name, as ``sweep.trials["t0003"]``."""
        return Trials(self._files, self.history, own_module=self._own_module)

    @property
    def front(self) -> Front:
        """The trials on the Pareto front, which is chosen on validation and shown on test.

        Raises:
            InputError: A file of the task model cannot be used.
        """
        return Front(self._view, own_module=self._own_module)

    def choose(
        self,
        *constraints: str,
        min_accuracy: float | str | None = None,
        max_rate: float | str | None = None,
        max_transmitter: float | str | None = None,
    ) -> ChosenFront:
        """Choose among the trials so far: the front of those that meet constraints, and the best of them.

        Trials are chosen on validation; a table of them shows what they measured on test.

        Args:
            constraints: As in a sweep file: ``"encode_ms <= 2"``, ``"transmitter_bytes <= 64 KiB"``.
            min_accuracy: The least accuracy, in [0, 1], or as ``"95 %"``.
            max_rate: The highest rate, in bit/sample.
            max_transmitter: The largest transmitter, in bytes, or with a unit as ``"1 MiB"``.

        Returns:
            The choice: ``choice.trials`` by rising test rate, ``choice.best`` (the fewest bits where an
            accuracy is asked for, else the highest accuracy), and ``choice.excluded``, how many trials
            each constraint leaves out. Without an argument, the constraints are those of the sweep file.

        Raises:
            InputError: A constraint cannot be read, or is on no value of the sweep.

        Example:
            >>> import ratefront as rf
            >>> choice = rf.open(folder).choose("transmitter_bytes <= 64 KiB", min_accuracy=0.1)
            >>> choice.best.params.trial_id in {trial.params.trial_id for trial in choice.trials}
            True
        """
        from ratefront.spec.goals.constraints import recorded_constraints
        from ratefront.store.views.chosen_front import asked_constraints, chosen_front

        limits = (
            ("accuracy >=", min_accuracy),
            ("rate_bits <=", max_rate),
            ("transmitter_bytes <=", max_transmitter),
        )
        given = [f"{limit} {value}" for limit, value in limits if value is not None]
        history = self.history
        asked = asked_constraints([*given, *constraints], history.spec)
        choice = chosen_front(history, asked or recorded_constraints(history.spec))
        if choice.best is None:
            return choice
        return replace(choice, has_codec=self._files.trial(choice.best.params.trial_id).codec_config.exists())

    @property
    def bounds(self) -> PredictionBounds:
        """The bounds behind the sweep's task model, curves by name.

        ``sweep.bounds["oracle"].rate_at(0.05)`` is the oracle's rate in bit/sample at a distortion of 0.05.

        Raises:
            InputError: The task model is not ready yet, or its predictions cannot be used.
        """
        bounds = self._view.bounds
        if bounds is None:
            is_ready = self.history.task_model is not None
            why = f"{self._files.predictions} is gone" if is_ready else "the task model is not ready yet"
            raise InputError(f"{self.folder}: {why}, and bounds are those of its predictions")
        return bounds

    @property
    def _view(self) -> SweepView:
        """Everything that a report shows, read once for each state of the ledger."""
        from ratefront.report.sweep_view import read_view

        history = self.history
        if self._view_of_history is None or self._view_of_history[0] is not history:
            self._view_of_history = history, read_view(self._files, history)
        return self._view_of_history[1]

    @property
    def summary(self) -> Summary:
        """The sweep in numbers, as ``summary.json``: front, gaps to the bounds in bit/sample, hypervolumes."""
        return self._view.summary

    def importance(self) -> Importance:
        """Return how much each parameter decides in which order trials stand, for each objective.

        Returns:
            ``importance.objectives["rate_bits"].families["split"].parameters`` has numbers in [0, 1] by parameter, the
            greatest first, that add up to 1. They are None, with the ``reason``, where under 10 trials have finished.

        Example:
            >>> import ratefront as rf
            >>> rate = rf.open(folder).importance().objectives["rate_bits"]
            >>> sorted(rate.families)
            ['label', 'split']
            >>> rate.families["split"].reason.endswith("finished, under 10")
            True
        """
        from ratefront.store.views.parameter_importance import importance_of

        return importance_of(self.history)

    def plot_front(self, ax: Axes | None = None) -> Axes:
        """Draw accuracy over rate: the front, every trial, and the bounds.

        Args:
            ax: Where to draw. None: a new figure of pyplot.

        Returns:
            The axes: rates in bit/sample (logarithmic) and accuracies in [0, 1], both on test.

        Raises:
            InputError: As ``front``.
        """
        from ratefront.report.front.front_plot import plot_front

        return plot_front(self._view, ax)

    def study(self) -> Study:
        """Return the sweep as an Optuna study in memory, for Optuna's own plots.

        Its objective values are those on validation.

        Raises:
            SpecError: The sweep's spec does not fit what is installed here.
        """
        from ratefront.tracking.browsing.optuna_study import study_of

        return study_of(self.history, str(self._files.ledger))

    def report(self) -> DrawnReport:
        """Draw ``report.html``, ``front.png`` and ``front.csv`` again, and ``trials.csv`` and both summaries.

        Returns:
            What was drawn: ``drawn.artifacts`` are the files.

        Raises:
            InputError: As ``front``; nothing was written.
        """
        from ratefront.report.write_report import write_report

        return write_report(self._files)

    def track(
        self,
        tracking_uri: str | None = None,
        *,
        experiment: str | None = None,
        register: str | None = None,
    ) -> str:
        """Send the sweep to an MLflow store or server. Sending it again changes nothing.

        A running sweep is followed to its end.

        Args:
            tracking_uri: The store or server. None: the one of the sweep file.
            experiment: The experiment's name there. None: the one of the sweep file.
            register: The codecs on the front become versions of this registered model.

        Returns:
            The address of the store or server.

        Raises:
            InputError: The address cannot hold a sweep, the sweep's own driver reports there already, or the sweep's
                folder names an address that was never used here and is not given.
            TrackingError: The store cannot be reached, or accepts nothing more.
        """
        from ratefront.orchestrate.track_existing import track_existing_sweep

        return track_existing_sweep(
            self._files, tracking_uri=tracking_uri, experiment=experiment, register=register
        )

    def clean(self, keep: Keep | None = None, *, dry_run: bool = False) -> Removed:
        """Delete the checkpoints of trials that have ended, and codecs that need not be kept.

        Args:
            keep: Whose codec, stream and samples stay: ``all``, ``front`` or ``none``. None: as the sweep file says.
            dry_run: Delete nothing, and only count.

        Returns:
            How many files and bytes were deleted, or would be.

        Raises:
            InputError: ``keep`` has another value.
        """
        from ratefront.store.kept_trial_files import apply_retention

        return apply_retention(self._files, self.history, keep, dry_run=dry_run)

    def environment_changes(self) -> list[str]:
        """Return the differences between this environment and that of the sweep, one line each.

        Raises:
            InputError: An environment file of the sweep cannot be used.
        """
        from ratefront.orchestrate.environment.describe_environment import environment_changes

        return environment_changes(self._files)

    def record_table(self, path: Path | str) -> int:
        """Record the sweep as a table for ``simulate_sweep``.

        Args:
            path: The file to write (.json.gz).

        Returns:
            How many trials of the sweep the table holds.

        Raises:
            InputError: No trial has finished, or the file cannot be written.
        """
        from ratefront.simulate.problems.table_from_ledger import table_of_folder

        table = table_of_folder(self._files)
        table.save(checked_path(path, "path"), [self._files.ledger, self._files.predictions])
        return len(table.rows)

    def serve_dashboard(self, *, port: int | None = None) -> None:
        """Serve the Optuna Dashboard on the sweep until Ctrl-C. It listens on this machine only.

        Args:
            port: The port. None: 8080, or a free one.

        Raises:
            InputError: The port is taken, or the sweep's spec does not fit what is installed here.
        """
        from ratefront.tracking.browsing.optuna_dashboard import serve_dashboard

        serve_dashboard(self._files, port)

    def __repr__(self) -> str:
        return f"<sweep in {self.folder}>"

    def _repr_html_(self) -> str:
        from ratefront.api.notebook import sweep_html

        try:
            return sweep_html(self._view)
        except RatefrontError as error:  # a cell shows the error as text instead of a traceback
            return f"<p>{escape(repr(self))}: {escape(str(error))}</p>"


def open(folder: Path | str, *, own_module: bool = False) -> Sweep:
    """Open the sweep in a folder, whether it runs, was interrupted, or has ended.

    Args:
        folder: The sweep's own folder.
        own_module: Allow to run the Python code that the sweep names (task model, metrics), because it is your own.
            Code that has run on this machine for your own sweep files does not need it.

    Returns:
        The sweep. It reads the ledger at each access, and does not block the driver that writes it.

    Raises:
        InputError: The folder holds no sweep.

    Example:
        >>> import ratefront as rf
        >>> rf.open(folder).name
        'digits'
    """
    return Sweep(folder, own_module=own_module)


def serve_ui(folder: Path | str = "runs", *, port: int | None = None, tracking_uri: str | None = None) -> int:
    """Serve the MLflow UI on the store of a sweep until Ctrl-C. It listens on this machine only.

    Args:
        folder: The folder of a sweep, or the folder of many.
        port: The port. None: 5000, or a free one.
        tracking_uri: Another store than the sweep's own.

    Returns:
        The server's exit code. If the store is itself a server, only its address is printed, and 0 is returned at once.

    Raises:
        InputError: There is no such store, the port is taken, or the sweep's folder names an address that was never
            used here and is not given.
        TrackingError: The store's database cannot be opened.

    Example:
        >>> import ratefront as rf
        >>> rf.serve_ui(folder)  # doctest: +SKIP
    """
    from ratefront.tracking.browsing.mlflow_pages import sweep_of
    from ratefront.tracking.browsing.mlflow_ui import serve_ui as serve
    from ratefront.tracking.known_addresses import recorded_address, remember_address
    from ratefront.tracking.tracking_uri import resolve_uri

    folder = checked_folder(folder)
    sweep = sweep_of(SweepFolder(folder)) if SweepFolder(folder).ledger.exists() else None
    own_uri = (sweep.spec.get("tracking") or {}).get("uri") if sweep else None
    sweep_folder = folder if sweep else folder / "any"
    if tracking_uri is None:
        store_uri = recorded_address(own_uri, sweep_folder)
    else:
        store_uri = resolve_uri(tracking_uri, sweep_folder)
        remember_address(store_uri, sweep_folder)
    return serve(store_uri, port, sweep)
