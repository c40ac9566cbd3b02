"""The trials of a sweep and its front, as mappings, sequences and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from ratefront.argument_checks import checked_folder, checked_output_folder
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial_records import Scalar, Status, TrialResult

if TYPE_CHECKING:
    import pandas as pd

    from ratefront.export.export_trial import Export
    from ratefront.report.sweep_view import SweepView
    from ratefront.trial.reproduction.reproduce_trial import Reproduction
    from ratefront.trial.stored_codec import StoredCodec
    from ratefront.trial.waterfall.trial_waterfall import TrialWaterfall


class Trial:
    """One trial of a sweep, in the state in which it was taken from the sweep.

    Example:
        >>> import ratefront as rf
        >>> trial = rf.open(folder).trials["t0000"]
        >>> trial.status
        'finished'
        >>> trial.result.test.rate_bits >= 0  # bit/sample
        True
    """

    def __init__(
        self, files: SweepFolder, history: SweepHistory, trial: TrialHistory, *, own_module: bool = False
    ) -> None:
        self._files, self._history, self._trial, self._own_module = files, history, trial, own_module

    @property
    def trial_id(self) -> str:
        """The trial's name, as ``t0042``."""
        return self._trial.params.trial_id

    @property
    def folder(self) -> Path:
        """The folder of its codec, coded test split and samples. It need not exist."""
        return self._files.trial(self.trial_id).path

    @property
    def params(self) -> Mapping[str, Scalar]:
        """The trial's configuration: ``family`` and that family's parameters."""
        return self._trial.params.values

    @property
    def seed(self) -> int:
        """The seed of the trial's random numbers."""
        return self._trial.params.seed

    @property
    def starts_from(self) -> str:
        """The trial whose weights it was to start from; empty where it starts from scratch."""
        return self._trial.params.starts_from

    @property
    def status(self) -> Status:
        """``planned``, ``running``, ``finished``, ``collapsed``, ``pruned``, ``stopped`` or ``failed``."""
        return self._trial.status

    @property
    def reason(self) -> str:
        """Why the trial ended as it did, if there is more to say than ``status``."""
        return self._trial.reason

    @property
    def result(self) -> TrialResult | None:
        """What the trial measured, as ``result.test.rate_bits`` in bit/sample; None before it has run to its end."""
        return self._trial.result

    @property
    def history(self) -> TrialHistory:
        """Everything that the ledger says of the trial; ``history.reports`` holds its epochs."""
        return self._trial

    def load_codec(self, *, own_module: bool = False) -> StoredCodec:
        """Load the trial's codec; see ``ratefront.load_codec``.

        Args:
            own_module: Allow to run the Python code of the task model, because it is your own; also what
                ``ratefront.open`` was told.

        Returns:
            The codec, on the CPU.

        Raises:
            InputError: The trial has no codec, its files were not kept, or the codec names code that may not be run.
        """
        from ratefront.api.codec_loading import load_codec

        return load_codec(self._files.path, self.trial_id, own_module=own_module or self._own_module)

    def reproduce(self, folder: Path | str) -> Reproduction:
        """Run the trial again and compare all bits, without Ray, MLflow and Optuna.

        Args:
            folder: Where the files of the new trial stay; new or empty.

        Returns:
            The comparison: ``again.differences`` has a line for each difference.

        Raises:
            InputError: The trial has not run to its end; the task model, the data or a GPU is missing; or the sweep
                names Python code that may not be run (see ``ratefront.open``).
            SweepMismatchError: Data or code have changed since the sweep began.
        """
        from ratefront.trial.reproduction.reproduce_trial import reproduce

        return reproduce(
            self._files,
            self._history,
            self.trial_id,
            checked_output_folder(folder),
            own_module=self._own_module,
        )

    def waterfall(self) -> TrialWaterfall:
        """Return where the trial's bits go on test, from the oracle to what was paid, without Ray, MLflow and Optuna.

        A probe is trained on what the transmitter computes, in seconds to minutes. Its curve is no bound.

        Returns:
            ``found.point.stages`` and ``found.point.joined_steps`` in bit/sample, ``found.curves`` by name,
            ``found.transmitter_bytes_with_probe``; ``found.save_figure(path)`` draws it.

        Raises:
            InputError: The trial was not measured, the task model's predictions or the data are gone, or the sweep
                names Python code that may not be run (see ``ratefront.open``).
            SweepMismatchError: Data or code have changed since the sweep began.

        Example:
            >>> import ratefront as rf
            >>> found = rf.open(folder).trials["t0000"].waterfall()
            >>> steps = found.point.joined_steps
            >>> paid = found.point.stage("alone").bits - found.point.stage("oracle").bits
            >>> abs(sum(step.bits for step in steps) - paid) < 1e-9
            True
        """
        from ratefront.trial.waterfall.trial_waterfall import trial_waterfall

        return trial_waterfall(self._files, self._history, self.trial_id, own_module=self._own_module)

    def export(self, folder: Path | str) -> Export:
        """Write the trial's codec as ONNX files for another program, and check them on the test split.

        It needs the packages of ``pip install 'ratefront[onnx]'``. docs/export.md describes the files.

        Args:
            folder: Where the files are written; new or empty.

        Returns:
            The sizes of the files, and ``export.check``: what ONNX Runtime gave, compared with the codec.

        Raises:
            InputError: The trial has no codec, such a codec cannot be exported, a package is missing, or the folder is
                in use.
            SweepMismatchError: Data or code have changed since the sweep began.
            DisagreementError: The exported networks do something else than the codec; nothing is written.
        """
        from ratefront.export.export_trial import export_trial

        return export_trial(
            self._files,
            self._history,
            self.trial_id,
            checked_folder(folder),
            own_module=self._own_module,
        )

    def __eq__(self, other: object) -> bool:
        """Return whether both are the same trial of the same sweep, in the same state."""
        if not isinstance(other, Trial):
            return NotImplemented
        return self.folder == other.folder and self._trial == other._trial

    def __hash__(self) -> int:
        return hash(self.folder)

    def __repr__(self) -> str:
        return f"<trial {self.trial_id}, {self.params['family']}, {self.status}>"


class Trials(Mapping[str, Trial]):
    """Every trial of a sweep by its name, in the order of planning.

    The trials are in the state in which they were taken from the sweep.

    Example:
        >>> import ratefront as rf
        >>> trials = rf.open(folder).trials
        >>> list(trials)[:2]
        ['t0000', 't0001']
        >>> trials.to_dataframe()["trial_id"].iloc[0]
        't0000'
    """

    def __init__(self, files: SweepFolder, history: SweepHistory, *, own_module: bool = False) -> None:
        self._files, self._history, self._own_module = files, history, own_module

    def __getitem__(self, trial_id: str) -> Trial:
        trial = self._history.trial(trial_id)
        return Trial(self._files, self._history, trial, own_module=self._own_module)

    def __iter__(self) -> Iterator[str]:
        return iter(self._history.trials)

    def __len__(self) -> int:
        return len(self._history.trials)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row for every trial that has ended, with the columns of ``trials.csv``."""
        import pandas as pd

        from ratefront.store.views.trials_csv import trial_columns, trial_rows

        return pd.DataFrame(trial_rows(self._history), columns=list(trial_columns(self._history)))

    def __repr__(self) -> str:
        return f"<{len(self)} trials>"

    def _repr_html_(self) -> str:
        ended = self.to_dataframe()
        counted = f"<p>{len(ended)} of {len(self)} trials have ended.</p>"
        return counted + (str(ended.to_html(index=False, max_rows=30)) if len(ended) else "")


class Front(Sequence[Trial]):
    """The trials on the Pareto front, by rising test rate.

    The front is in the state in which it was taken from the sweep.

    Example:
        >>> import ratefront as rf
        >>> front = rf.open(folder).front
        >>> table = front.to_dataframe()  # rate_bits in bit/sample, accuracy in [0, 1], gaps in bit/sample
        >>> list(table["trial_id"]) == [trial.trial_id for trial in front]
        True
    """

    def __init__(self, view: SweepView, *, own_module: bool = False) -> None:
        self._view = view
        self._trials = [
            Trial(view.folder, view.history, measured.trial, own_module=own_module) for measured in view.front
        ]

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Trial]: ...
    def __getitem__(self, place: int | slice) -> Trial | Sequence[Trial]:
        return self._trials[place]

    def __len__(self) -> int:
        return len(self._trials)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row for each trial, with the columns of ``front.csv``: gaps to every bound in bit/sample."""
        import pandas as pd

        from ratefront.report.front_csv import front_columns, front_rows

        return pd.DataFrame(front_rows(self._view), columns=list(front_columns(self._view)))

    def __repr__(self) -> str:
        return f"<front of {len(self)} trials>"

    def _repr_html_(self) -> str:
        from ratefront.api.notebook import front_html

        return front_html(self._view)
