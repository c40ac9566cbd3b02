"""The events that a driver writes first when it has opened a ledger, on a cluster and in a simulation alike."""

from __future__ import annotations

from dataclasses import dataclass

from ratefront.history.budget import may_go_on
from ratefront.history.events import (
    LEDGER_FORMAT,
    Created,
    Event,
    Extended,
    Known,
    Reconfigured,
    Reopened,
    Resumed,
)
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.changeable_settings import Change
from ratefront.spec.load_spec import to_plain
from ratefront.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class ResumeOptions:
    """How a sweep begins or resumes.

    Attributes:
        resume: Resume the sweep that the ledger holds; False begins a new one.
        extend: How many more trials are requested; None for no more.
        retry_failed: Try the trials again that had failed for good.
    """

    resume: bool = False
    extend: int | None = None
    retry_failed: bool = False


@dataclass(frozen=True)
class DriverIdentity:
    """The driver that opens a ledger (``process 123 on host``), and the version of ratefront that it runs."""

    name: str
    ratefront_version: str


def opening_events(
    spec: SweepSpec,
    history: SweepHistory,
    options: ResumeOptions,
    driver: DriverIdentity,
    change: Change | None = None,
    known: Known | None = None,
) -> list[Event]:
    """The events to write first, in the order in which the history needs them; none where there is nothing to say.

    An empty ledger begins a sweep, whatever the options are: its driver may have died before its first event.

    Args:
        spec: The sweep file, resolved.
        history: The sweep as the ledger records it.
        options: Whether the sweep resumes, is extended, or its failed trials are tried again.
        driver: The driver that opens the ledger.
        change: Settings of the sweep file that have changed since the sweep began; None where it did not change.
        known: What is known before the first trial; None where nothing is, or the ledger has it.
    """
    if not history.spec:
        created = Created(spec.name, to_plain(spec), driver.ratefront_version, LEDGER_FORMAT)
        return [created] if known is None else [created, known]
    opening: list[Event] = []
    if change is not None and change.settings:
        opening.append(Reconfigured(dict(change.settings)))
    has_other_rule = change is not None and "end_when" in change.settings
    if not history.ended or may_go_on(spec.budget, history, has_other_rule=has_other_rule):
        opening.append(Resumed(driver.name))
    if (
        known is not None and history.known is None and not history.trials
    ):  # the first driver died just before it
        opening.append(known)
    if options.extend is not None:
        opening.append(Extended(history.trials_requested + options.extend))
    if options.retry_failed:
        opening += [Reopened(trial.params.trial_id) for trial in history.with_status("failed")]
    return opening
