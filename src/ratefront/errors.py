"""Every error that ratefront raises on purpose.

::

    RatefrontError                    exit code 1
    ├── InputError                    exit code 2: an input cannot be used
    │   ├── SpecError                 a sweep file: one line a problem, each with its path in the file
    │   ├── UnknownNameError          a name that no registry holds; lists the ones that exist
    │   ├── UnknownCurveError         bounds have no curve of this name; lists theirs (also a KeyError)
    │   ├── UnknownTrialError         a sweep has no such trial; lists those that are near (also a KeyError)
    │   └── SweepMismatchError        a sweep meets another spec, other data or code than it began with; says which
    ├── LedgerError
    │   ├── LedgerDamagedError        exit code 2: an entry cannot be read, or contradicts those before it; says which
    │   ├── LedgerLockedError         another driver writes this sweep; names it
    │   ├── LedgerMovedError          the folder of a running sweep was moved, deleted or replaced: the sweep ends
    │   └── LedgerVersionError        exit code 2: written by a newer ratefront
    ├── EngineError                   the sweep cannot go on
    ├── TrackingError                 a tracker cannot be reached, or takes nothing more; the ledger has it all
    ├── InvariantBrokenError          a simulated sweep broke a rule (ratefront.simulate.run_simulation)
    └── TrialError                    one trial fails, the sweep goes on
        ├── DivergedError             a loss or an objective became NaN or infinite
        ├── UnknownCostError          an objective has no value: operations of the transmitter that no formula counts,
        │                             or a metric that needs scores, of a codec that gives none
        ├── MetricError               a metric of the sweep file raised an error, or gave no finite number
        ├── BitstreamError            a coded file is truncated, altered, foreign or from a newer version
        ├── OracleViolationError      a point below the oracle of its own samples: a leak or a bug
        ├── DisagreementError         what is decoded is not what the task model decides: chance, or spoiled weights
        ├── TrialTimedOutError        an attempt ran longer than the sweep file's trial_hours
        ├── WorkerLostError           the process or node that ran the trial died (retryable)
        ├── SweepFolderGoneError      the worker does not find the sweep's folder: no trial's fault (retryable)
        └── StorageFullError          the sweep's folder takes no more: no trial's fault, the sweep ends (resumable)

``retryable`` says whether another attempt at the same work can succeed. The engine decides by it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar

from ratefront.wording import Message


class RatefrontError(Exception):
    """Base of all errors that ratefront raises on purpose.

    Attributes:
        exit_code: The exit code of the command line.
        retryable: Whether another attempt at the same work can succeed.
    """

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the attributes: pickle would rebuild the error from its message alone."""
        return _rebuild_error, (type(self), self.args, dict(self.__dict__))


def _rebuild_error(
    kind: type[RatefrontError], args: tuple[Any, ...], state: dict[str, Any]
) -> RatefrontError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InputError(RatefrontError):
    """An input cannot be used; nothing was started."""

    exit_code = 2


#: A person reads no more problems at once than this.
_MOST_LINES = 100


class SpecError(InputError):
    """A sweep file with one or more problems, each as ``path: what is wrong (and what is allowed)``."""

    def __init__(self, source: str, problems: Iterable[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        shown, more = self.problems[:_MOST_LINES], len(self.problems) - _MOST_LINES
        lines = (part for problem in shown for part in ("\n  ", problem))
        rest = [f"\n  … and {more} more"] if more > 0 else []
        super().__init__(Message(f"{source}: {len(self.problems)} problem(s)", *lines, *rest))


class UnknownNameError(InputError):
    """A name that the registry of its kind does not hold."""

    def __init__(self, kind: str, name: str, valid: Iterable[str], remark: str = "") -> None:
        self.kind, self.name, self.valid = kind, name, tuple(valid)
        reason = f": {remark}" if remark else ""
        super().__init__(f"unknown {kind} {name!r}{reason}; valid: {', '.join(self.valid) or 'none'}")


class UnknownCurveError(InputError, KeyError):
    """Bounds have no curve of this name; also a KeyError, as any mapping raises."""

    def __init__(self, name: object, valid: Iterable[str]) -> None:
        self.name, self.valid = name, tuple(valid)
        super().__init__(f"there is no curve {name!r}; valid: {', '.join(self.valid) or 'none'}")

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would quote it


class UnknownTrialError(InputError, KeyError):
    """A sweep has no trial of this identity; also a KeyError, as any mapping raises."""

    def __init__(self, trial_id: str, known: Sequence[str]) -> None:
        self.trial_id = trial_id
        near = get_close_matches(str(trial_id), known, n=3)
        near_ids = f"near it: {', '.join(near)}; " if near else ""
        valid_ids = f"{near_ids}valid: {known[0]} to {known[-1]}" if known else "it has none yet"
        super().__init__(f"the sweep has no trial {trial_id!r}; {valid_ids}")

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would quote it


class SweepMismatchError(InputError):
    """A sweep was asked to go on with other settings, data or code than its ledger began with."""


class LedgerError(RatefrontError):
    """The ledger of a sweep cannot be read or written."""


class LedgerDamagedError(LedgerError):
    """An entry of the ledger is no whole line, holds no event, or contradicts the entries before it."""

    exit_code = InputError.exit_code


class LedgerLockedError(LedgerError):
    """Another driver is writing this sweep."""


class LedgerMovedError(LedgerError):
    """The ledger of a running sweep is not at its path any more: its folder was moved, deleted or replaced."""


class LedgerVersionError(LedgerError):
    """A newer ratefront wrote the ledger; this one does not know its events."""

    exit_code = InputError.exit_code


class EngineError(RatefrontError):
    """The sweep cannot go on."""


class TrackingError(RatefrontError):
    """A tracker cannot be reached or accepts nothing more; nothing is lost, since the ledger has it all."""


class TrialError(RatefrontError):
    """One trial cannot be finished; the sweep goes on."""


class DivergedError(TrialError):
    """A loss or an objective became NaN or infinite."""


class UnknownCostError(TrialError):
    """An objective has no value.

    Either the transmitter runs operations that no formula counts, or a metric needs scores and the codec gives none.
    """


class MetricError(TrialError):
    """A metric of the sweep file raised an error, or gave no finite number."""


class BitstreamError(TrialError):
    """A coded file is truncated, altered, foreign, or written by a newer version."""


class OracleViolationError(TrialError):
    """A deterministic codec measured below the oracle of its own samples: a leak or a bug."""


class DisagreementError(TrialError):
    """Two computations of the same decisions differ by more than rounding: a network is random, or was spoiled."""


class TrialTimedOutError(TrialError):
    """An attempt ran longer than ``trial_hours``. Another one would take as long."""


class WorkerLostError(TrialError):
    """The process or node that ran the trial died."""

    retryable = True


class SweepFolderGoneError(TrialError):
    """The worker does not find the sweep's folder. If the driver does not find it either, the sweep ends."""

    retryable = True


class StorageFullError(TrialError):
    """The disk of the sweep's folder is full: every further trial would fail, so the sweep ends and can be resumed."""

    retryable = True
