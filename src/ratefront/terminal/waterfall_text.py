"""Prints the waterfall of a trial: a row for each stage, with the step that leads to it and what the step is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ratefront.safe_text import visible_line

if TYPE_CHECKING:
    from ratefront.trial.waterfall.trial_waterfall import ProbeFacts, TrialWaterfall


def print_waterfall(found: TrialWaterfall, console: Console) -> None:
    """Print what was measured, the table, and what the probe is."""
    measured = found.result.test
    console.print(
        f"trial {found.trial_id} ({visible_line(found.family)}): accuracy {measured.accuracy:.2%} at "
        f"{measured.rate_bits:.4f} bit/sample on {measured.samples} test samples"
    )
    console.print(_table(found))
    for line in _lines(found):
        console.print(Text(visible_line(line)))


def _table(found: TrialWaterfall) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for title in ("stage", "bit/sample"):
        table.add_column(title, justify="left" if title == "stage" else "right", no_wrap=True)
    table.add_column("step", justify="right", no_wrap=True)
    table.add_column("what the step is")
    steps = {step.end: step for step in found.point.joined_steps}
    for stage in found.point.stages:
        step = steps.get(stage.name)
        if stage.bits is None:
            cells = ("–", "", f"not defined: {stage.reason}")
        elif step is None or step.bits is None:
            cells = (f"{stage.bits:.4f}", "", "what any codec needs at this accuracy, for these labels")
        else:
            meaning = step.meaning if len(step.names) == 1 else "not told apart, see above"
            cells = (f"{stage.bits:.4f}", f"{step.bits:+.4f}", f"{step.title}: {meaning}")
        table.add_row(stage.title, *(visible_line(cell) for cell in cells))
    return table


def _lines(found: TrialWaterfall) -> Iterator[str]:
    if found.probe is not None:
        yield from _probe_lines(found, found.probe)
    words = found.words
    if words is not None and words.bits is not None:
        yield (
            f"words: {words.distinct} different ones, {words.seen_once} seen once; H(Ẑ) is their plug-in entropy, "
            f"{words.plug_in_bits:.4f} bit, and Miller's correction, {words.bits - words.plug_in_bits:.4f}"
        )
    yield f"temperature of the task model's posteriors, from validation: {found.temperature:.3f}"


def _probe_lines(found: TrialWaterfall, probe: ProbeFacts) -> Iterator[str]:
    yield f"probe: {_probe_text(probe)}; accuracy {probe.accuracy:.2%}, temperature {probe.temperature:.3f}"
    size = f"transmitter: {found.result.transmitter_bytes:,} bytes"
    if probe.bytes:
        yield f"{size}; {found.transmitter_bytes_with_probe:,} with the probe, which count if it computes the probe"
    else:
        yield f"{size}, of which the probe is a part"
    yield "The probe's curve is achievable in long blocks. It is no bound: a better receiver may need less."


def _probe_text(probe: ProbeFacts) -> str:
    if probe.kind == "classifier":
        return "the classifier that the transmitter runs itself"
    inputs = "means of feature maps" if probe.means_of_maps else "features"
    return (
        f"linear, on {probe.features} {inputs} of the transmitter, trained on {probe.train_samples} samples "
        f"(λ = {probe.penalty:g})"
    )
