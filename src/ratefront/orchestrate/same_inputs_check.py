"""Whether a sweep may go on: only with the data, the code and the weights that it began with."""

from __future__ import annotations

from collections.abc import Sequence

from ratefront.engine.engine import Engine
from ratefront.history.events import Event, Extended, Reconfigured, Reopened
from ratefront.history.sweep_history import SweepHistory
from ratefront.orchestrate.driver_loop import Turns
from ratefront.spec.schema import SweepSpec
from ratefront.store.same_inputs import check_inputs


def goes_on(opening: Sequence[Event]) -> bool:
    """True where a driver that opens the ledger with these events drives the sweep, and not only changes a setting."""
    return any(not isinstance(event, Reconfigured) for event in opening)


def is_anything_left(engine: Engine, opening: Sequence[Event]) -> bool:
    """True where trials will run behind these events."""
    return not engine.done or any(isinstance(event, Extended | Reopened) for event in opening)


def check_same_inputs(history: SweepHistory, spec: SweepSpec, function: str, turns: Turns) -> None:
    """Look on a worker, by ``function`` (as ``present_inputs``), whether all is as the sweep began with it.

    Nothing has been written by then: a sweep that is refused goes on once what has changed is put back.

    Raises:
        SweepMismatchError: Something is another; it is named.
        InputError: The data set or the task model cannot be had any more.
    """
    ready = history.task_model
    if ready is not None and ready.inputs:
        from ratefront.orchestrate.task_model_worker import inputs_on_worker

        check_inputs(ready.inputs, inputs_on_worker(function, spec, turns), spec)
