"""What a sweep found, in sentences that can be checked against the figure."""

from __future__ import annotations

from ratefront.bounds import Gap
from ratefront.columns import NO_BREAK_SPACE, kibibytes, percent
from ratefront.history.sweep_history import SweepHistory
from ratefront.report.colours import bound_style
from ratefront.report.sweep_view import MeasuredTrial, SweepView
from ratefront.store.views.chosen_front import goal_sentences
from ratefront.trial_records import ENDED

#: A learned codec is close to the task model if its validation accuracy is at most this much lower.
CLOSE_TO_TASK_MODEL = 0.02


def status_line(view: SweepView) -> str:
    """Return one sentence: the sweep's state, how many trials have ended, and how they ended."""
    counts = view.history.counts
    ended = ", ".join(f"{counts[status]} {status}" for status in ENDED if counts[status])
    repeats = view.history.repeats.describe(is_over=view.history.ended)
    progress = f"{view.trials_ended} of {view.trials_requested} trials{repeats} ended"
    state, why = _state(view.history)
    return f"{state}: {progress}{f' ({ended})' if ended else ''}{f': {why}' if why else ''}."


def _state(history: SweepHistory) -> tuple[str, str]:
    """Return the state, and its reason or an empty string."""
    if history.ended:
        return "Ended", history.ended_early
    if history.halted is not None:
        return "Failed" if history.halted.has_failed else "Interrupted", history.halted.reason
    return "Running", ""


def findings(view: SweepView) -> list[str]:
    """Return the findings of a sweep, a few sentences; the last ones are warnings.

    A sweep without a finished trial gives a sentence that says so.
    """
    if not view.front:
        yet = "" if view.history.ended else " yet"
        nothing = f"No trial has finished{yet}: there is nothing to compare with the bounds."
        return [nothing, *view.summary.warnings]
    learned = best_learned(view)
    sentences = [] if learned is None else [_learned_sentence(view, learned)]
    label = _best_label(view)
    if label is not None:
        sentences.append(_label_sentence(view, label))
    sentences.append(_front_sentence(view))
    if view.summary.early_stopping.sentence:
        sentences.append(view.summary.early_stopping.sentence)
    return [*sentences, *goal_sentences(view.history), *view.summary.warnings]


def best_learned(view: SweepView) -> MeasuredTrial | None:
    """Return the learned codec on the front that the findings name, or None without a learned codec.

    Codecs whose transmitter has under half of the task model's bytes are preferred. Among them, the one with the
    fewest bits that is within 2 points of the task model's accuracy is chosen; if none is that close, the most
    accurate one. Rates and accuracies are those on validation.
    """
    learned = [trial for trial in view.front if trial.learned]
    half = (view.task_model.task_model_bytes or 0) / 2
    small = [trial for trial in learned if trial.test.transmitter_bytes < half] or learned
    target = view.task_model.accuracy_validation
    close = [t for t in small if target is not None and t.validation.accuracy >= target - CLOSE_TO_TASK_MODEL]
    if close:
        return min(close, key=lambda trial: trial.validation.rate_bits)
    return max(small, key=lambda trial: trial.validation.accuracy, default=None)


def _best_label(view: SweepView) -> MeasuredTrial | None:
    labels = [
        trial for trial in view.front if trial.trial.params.family == "label" and _runs_task_model(trial)
    ]
    return max(labels, key=lambda trial: trial.validation.accuracy, default=None)


def _runs_task_model(trial: MeasuredTrial) -> bool:
    """Whether the transmitter of a ``label`` codec runs the task model as it is, not one made smaller."""
    own = (trial.parameter("classifier"), trial.parameter("precision"), trial.parameter("pruning"))
    return own[0] in (None, "task_model") and own[1] in (None, "fp16") and own[2] in (None, "none")


def _learned_sentence(view: SweepView, trial: MeasuredTrial) -> str:
    point = trial.test
    where = trial.parameter("split")
    at = f" at {where}" if where else ""
    text = (
        f"The learned codec {trial.trial_id} ({point.series}{at}) sends {point.rate_bits:.2f} bit/sample at "
        f"{percent(point.accuracy)} test accuracy"
    )
    if view.task_model.accuracy is not None:
        text += f", {_difference(point.accuracy - view.task_model.accuracy)} the task model"
    return f"{text}. {_transmitter(view, trial)}{_gap_sentence(trial)}"


def _transmitter(view: SweepView, trial: MeasuredTrial) -> str:
    size, whole = trial.test.transmitter_bytes, view.task_model.task_model_bytes
    share = (
        f", {100 * size / whole:.0f}{NO_BREAK_SPACE}% of the task model's {kibibytes(whole)}" if whole else ""
    )
    return f"Its transmitter holds {kibibytes(size)}{share}."


def _gap_sentence(trial: MeasuredTrial) -> str:
    named = (("oracle", "the oracle"), ("sample_and_communicate", "S&C"))
    parts = [
        f"{gap_in_words(trial.gaps[name])} {bound}" for name, bound in named if _known(trial.gaps.get(name))
    ]
    return f" It lies {' and '.join(parts)}." if parts else ""


def _known(gap: Gap | None) -> bool:
    return gap is not None and gap.bits is not None


def gap_in_words(gap: Gap) -> str:
    """Return a gap in words, as ``1.21 bit (1.4×) above``. The gap must be defined."""
    bits = gap.bits or 0.0
    return f"{abs(bits):.2f} bit ({gap.ratio or 0:.2f}×) {'above' if bits >= 0 else 'below'}"


def _label_sentence(view: SweepView, trial: MeasuredTrial) -> str:
    point, whole = trial.test, view.task_model.task_model_bytes
    share = f", {100 * point.transmitter_bytes / whole:.0f}{NO_BREAK_SPACE}% of its bytes" if whole else ""
    return (
        f"Sending the task model's own class ({trial.trial_id}) costs {point.rate_bits:.2f} bit/sample at "
        f"{percent(point.accuracy)}, but needs the task model at the transmitter{share}."
    )


def _front_sentence(view: SweepView) -> str:
    families = sorted({trial.trial.params.family for trial in view.front})
    points = f"{len(view.front)} point{'s' if len(view.front) > 1 else ''}"
    text = f"The front has {points} from {' and '.join(families)}"
    if view.constraints:
        meeting = sum(view.meets_constraints(trial) is True for trial in view.front)
        text += f", {meeting} of which meet{'s' if meeting == 1 else ''} {' and '.join(map(str, view.constraints))}"
    share = view.summary.hypervolume_rate_accuracy
    if share is None:
        return f"{text}."
    return f"{text}; in rate and accuracy it covers {percent(share)} of the hypervolume under the oracle."


def _difference(accuracy: float) -> str:
    points = round(100 * accuracy, 1)
    if points == 0:
        return "level with"
    return f"{abs(points):.1f} points {'above' if points > 0 else 'below'}"


def bound_rows(view: SweepView) -> list[tuple[str, str, str]]:
    """Return abbreviation, name and assumptions of every bound that is drawn."""
    if view.bounds is None:
        return []
    styles = [(name, bound_style(name)) for name in view.bound_names]
    return [(style.short, style.title, view.bounds.curves[name].assumptions) for name, style in styles]
