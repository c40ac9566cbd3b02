"""The figure of a waterfall has a bar for each step, as long as the step, with its number beside it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ratefront.bounds import oracle_curve, task_model_curve, waterfall
from ratefront.bounds.rate_waterfall import STAGES
from ratefront.report.waterfall_figure import waterfall_figure

CURVES = {"oracle": oracle_curve([0.5, 0.5]), "task_model": task_model_curve(4 * np.eye(2), [0, 1])}

RATES: dict[str, list[float | str]] = {
    "all": [1.0, 2.0, 1.8, 2.5, 2.6, 2.65, 3.0],
    "far": [3.0, 3.3, 3.304, 3.338, 3.32, 3.36, 8.0],
    "joined": [2.75, "no posteriors", 2.9, "too few samples to tell", 12.5, 12.53, 16.7],
    "nothing below": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    "one only": ["no", "no", "no", "no", "no", "no", 8.0],
}


def drawn(rates: list[float | str]) -> Figure:
    point = waterfall(0.8, dict(zip(STAGES, rates, strict=True)), 0.9)  # type: ignore[arg-type]
    figure = waterfall_figure(point, CURVES, 2.0, "t0000 (<split> $x$)")
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.mark.parametrize("kind", RATES)
def test_bars_are_as_long_as_their_steps(kind: str) -> None:
    rates = RATES[kind]
    axes = drawn(rates).axes[0]
    defined = [rate for rate in rates if not isinstance(rate, str)]
    right = axes.get_xlim()[1]
    ends = [min(rate, right) for rate in defined[1:]]
    lengths = [end - start for end, start in zip(ends, defined, strict=False)]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(lengths)  # type: ignore[attr-defined]
    assert len({round(bar.get_y(), 6) for bar in axes.patches}) == len(lengths)  # type: ignore[attr-defined]


def test_a_last_bar_that_is_far_longer_ends_at_the_frame() -> None:
    axes = drawn(RATES["far"]).axes[0]
    assert axes.get_xlim()[1] < 4.0
    assert axes.texts[-1].get_text() == "block length +4.64 →"


def test_numbers_have_a_sign_and_joined_steps_both_names() -> None:
    texts = [text.get_text().strip() for text in drawn(RATES["all"]).axes[0].texts]
    assert texts[:2] == ["model +1", "transmitter −0.2"]
    joined = [text.get_text().strip() for text in drawn(RATES["joined"]).axes[0].texts]
    assert joined[0] == "model +\ntransmitter +0.15"


@pytest.mark.parametrize("kind", ["all", "far", "joined"])
def test_no_label_of_a_bar_leaves_the_axes(kind: str) -> None:
    """On the left there are the names of the stages."""
    axes = drawn(RATES[kind]).axes[0]
    frame = axes.get_window_extent()
    assert all(text.get_window_extent().x0 > frame.x0 - 1 for text in axes.texts)


def test_what_is_not_defined_is_explained_below() -> None:
    figure = drawn(RATES["joined"])
    below = "\n".join(text.get_text() for text in figure.texts)
    assert "task model (TMRD): not defined, no posteriors." in below
    assert "words sent, H(Ẑ): not defined, too few samples to tell." in below
    assert "no bound" in below
    assert [label.get_text().count("not defined") for label in figure.axes[0].get_yticklabels()] == [
        0, 1, 0, 1, 0, 0, 0,
    ]  # fmt: skip


def test_the_curves_and_the_point_stand_beside_the_bars() -> None:
    beside = drawn(RATES["all"]).axes[1]
    assert {line.get_gid() for line in beside.lines} >= {"oracle", "task_model"}
    legend = beside.get_legend()
    assert legend is not None
    assert "the trial, in blocks" in [text.get_text() for text in legend.get_texts()]
