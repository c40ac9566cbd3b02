"""Prints what ``ratefront front`` answers: the codecs that meet constraints, and the best of them."""

from __future__ import annotations

from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ratefront.columns import NO_BREAK_SPACE
from ratefront.history.sweep_history import TrialHistory
from ratefront.safe_text import visible_line
from ratefront.store.views.chosen_front import ChosenFront
from ratefront.store.views.front_trials import result_of
from ratefront.terminal import phrases

_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("trial", "left"),
    ("rate (bit)", "right"),
    ("accuracy", "right"),
    ("transmitter", "right"),
    ("codec", "left"),
)

#: What the best trial is best in, in words.
_BEST = {"rate_bits": "the fewest bits", "accuracy": "the highest accuracy"}


def print_chosen_front(chosen: ChosenFront, console: Console) -> None:
    """Print the front of the trials that meet the constraints, cheapest first; or what each constraint leaves out."""
    console.print(Text(visible_line(_heading(chosen)), style="dim"))
    if chosen.trials:
        console.print(_table(chosen))
    if chosen.best is not None:
        console.print(Text(visible_line(_best_line(chosen, chosen.best))))
    elif chosen.finished:
        for text, count in chosen.excluded.items():
            console.print(Text(visible_line(f"{text}: {_of(count, chosen.finished)} do not meet it")))


def _heading(chosen: ChosenFront) -> str:
    if not chosen.finished:
        return "no trial has finished"
    if not chosen.constraints:
        return f"the front: {len(chosen.trials)} of {_trials(chosen.finished)}, measured on test"
    asked = " and ".join(map(str, chosen.constraints))
    if not chosen.meeting:
        return f"no trial meets {asked} on validation"
    return (
        f"{asked}: met on validation by {_of(chosen.meeting, chosen.finished)}; "
        f"their front has {len(chosen.trials)}, measured on test"
    )


def _of(count: int, finished: int) -> str:
    return f"{count} of {_trials(finished)}"


def _trials(count: int) -> str:
    return f"{count} finished trial{'' if count == 1 else 's'}"


def _table(chosen: ChosenFront) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading, justify in _COLUMNS:
        table.add_column(heading, justify=justify, no_wrap=True, min_width=len(heading))
    for trial in chosen.trials:
        result = result_of(trial)
        cells = (
            trial.params.trial_id,
            f"{result.test.rate_bits:.3f}",
            f"{100 * result.test.accuracy:.2f} %",
            phrases.size(result.transmitter_bytes),
            phrases.series_and_split(trial.params.values),
        )
        table.add_row(*map(Text, map(visible_line, cells)), style="bold" if trial is chosen.best else "")
    return table


def _best_line(chosen: ChosenFront, best: TrialHistory) -> str:
    on = result_of(best).validation
    return (
        f"best: {best.params.trial_id}, {_BEST[chosen.best_by]} on validation "
        f"({on.rate_bits:.3f} bit, {100 * on.accuracy:.2f}{NO_BREAK_SPACE}%)"
    )
