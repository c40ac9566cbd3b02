"""Page and front.png show what the description of the figure holds, and nothing else."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from html import unescape
from typing import Any, get_args

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from tests.builders import SAMPLES, FakeSweep, full_sweep, label, result, spec, split

from ratefront.columns import accuracy_interval
from ratefront.history.events import Finished, Planned, Started
from ratefront.report.front.describe_front import describe_front
from ratefront.report.front.front_figure import (
    Bar,
    Bound,
    Element,
    FrontFigure,
    Level,
    Marker,
    Panel,
    Region,
    Stairs,
)
from ratefront.report.front.front_png import draw
from ratefront.report.front.panel_artists import draw_panel
from ratefront.report.page.plotly_front import main_figure, main_traces
from ratefront.report.sweep_view import read_view

pytestmark = pytest.mark.medium

CODES = ["oracle", "task_model", "sample_and_communicate", "huffman", "merged_classes"]


def full(path):
    return full_sweep(path)


def running(path):
    sweep = FakeSweep(path)
    sweep.finish(label(), 3.3, 0.97, 52_000)
    sweep.plan(split("stem", 1.0))
    return sweep.folder


def codes(path):
    sweep = FakeSweep(path, spec(bounds=CODES))
    sweep.finish(label(), 3.3, 0.97, 52_000)
    sweep.finish(split("a $b$ <c>", 1.0, "x $y$ <z>"), 4.0, 0.95, 0)
    return sweep.end()


def collapsed(path):
    sweep = FakeSweep(path)
    sweep.finish(split("stem", 0.01), 0.0, 0.11, 2_900, status="collapsed")
    sweep.finish(split("stem", 0.02, "categorical"), 0.3, 0.12, 2_900, status="collapsed")
    return sweep.folder


def repeated(path):
    """One configuration of the front was measured with a fresh seed."""
    sweep = FakeSweep(path)
    sweep.finish(split("stem", 1.0), 4.0, 0.9, 2_600)
    again = Planned("t0001", 1, 9, split("stem", 1.0), repeat_of="t0000")
    sweep.append(again, Started("t0001", 1, "w"))
    sweep.append(Finished("t0001", 1, result("t0001", 5.0, 0.8, 2_600).to_json()))
    return sweep.end()


def without_trials(path):
    return FakeSweep(path).folder


def without_task_model(path):
    sweep = FakeSweep(path, task_model=False)
    sweep.finish(split("stem", 1.0), 4.0, 0.9, 2_600)
    return sweep.folder


def without_anything(path):
    return FakeSweep(path, task_model=False).folder


def of_one_class(path):
    """Every bound of which is a single point, or nearly."""
    sweep = FakeSweep(path, spec(bounds=["oracle", "task_model"]))
    logits = np.tile(9.0 * np.eye(10)[0], (50, 1))
    np.savez(sweep.folder.predictions, labels_test=np.zeros(50, int), logits_test=logits)
    sweep.finish(label(), 0.0, 1.0, 52_000)
    return sweep.end()


SWEEPS = [
    full,
    running,
    codes,
    repeated,
    collapsed,
    without_trials,
    without_task_model,
    without_anything,
    of_one_class,
]


@pytest.fixture(scope="module", params=SWEEPS, ids=lambda make: make.__name__)
def front(request, tmp_path_factory) -> FrontFigure:
    return describe_front(read_view(request.param(tmp_path_factory.mktemp("sweep"))))


@pytest.fixture(scope="module")
def full_front(tmp_path_factory) -> FrontFigure:
    return describe_front(read_view(full_sweep(tmp_path_factory.mktemp("sweep"))))


def names(panel: Panel) -> Counter[str]:
    return Counter(element.name for element in panel.elements)


def gids(axes: Any) -> Counter[str]:
    return Counter(artist.get_gid() for artist in (*axes.lines, *axes.collections))


def test_front_png_holds_every_element_and_nothing_else(front):
    main, size, *others = draw(front).axes
    assert gids(main) == names(front.main)
    assert gids(size) == names(front.size)
    if front.close is not None:
        assert gids(others[0]) == names(front.close)


def test_front_png_has_the_axes_of_the_description(front):
    for axes, panel in zip(draw(front).axes, (front.main, front.size, front.close), strict=False):
        if panel is not None:
            assert axes.get_xlim() == pytest.approx(panel.x_axis.limits)
            assert np.multiply(axes.get_ylim(), panel.y_axis.unit) == pytest.approx(panel.y_axis.limits)
            assert axes.get_ylabel() == panel.y_axis.title


def test_the_legend_of_front_png_is_that_of_the_description(front):
    axes = draw(front).axes[-1]
    legends = {child for child in axes.get_children() if isinstance(child, Legend)}
    legend_texts = Counter(text.get_text() for legend in legends for text in legend.get_texts())
    entries = (*front.legend.bounds, *front.legend.codecs)
    assert legend_texts == Counter(entry.text.replace("$", r"\$") for entry in entries)


def name_in_page(element: Element) -> str:
    return " ".join(element.style.label.split()) if isinstance(element, Bound) else element.name


def traced(traces: list[dict[str, Any]], axis: str) -> Counter[str]:
    """How often each name is drawn on an axis: a line once, markers of trials one by one."""
    found: Counter[str] = Counter()
    for trace in traces:
        if trace.get("yaxis", "y") == axis:
            bars = trace["x"].count(None)
            found[unescape(trace["name"])] += bars or (len(trace["x"]) if "text" in trace else 1)
    return found


def test_the_page_holds_every_element_and_nothing_else(front):
    traces = main_traces(front)
    assert traced(traces, "y") == Counter(map(name_in_page, front.main.elements))
    assert traced(traces, "y2") == Counter(map(name_in_page, front.size.elements))


def test_the_page_has_the_axes_of_the_description(front):
    figure = main_figure(front)
    whole = figure["windows"]["whole"]
    assert [10**end for end in whole["x"]] == pytest.approx(front.main.x_axis.limits)
    assert whole["y"] == pytest.approx(front.main.y_axis.limits)
    assert [10**end for end in whole["y2"]] == pytest.approx(front.size.y_axis.limits)
    assert ("close" in figure["windows"]) == (front.close is not None)
    assert {name: axis["title"] for name, axis in figure["axes"].items()} == {
        "x": front.main.x_axis.title,
        "y": front.main.y_axis.title,
        "y2": front.size.y_axis.title,
    }


def test_page_and_png_draw_a_trial_at_the_same_place(front):
    still = [
        line for line in draw(front).axes[0].lines if ": " in line.get_gid() and len(line.get_xdata()) == 1
    ]
    points = {(line.get_gid(), line.get_xdata()[0], line.get_ydata()[0]) for line in still}
    page = {
        (unescape(trace["name"]), x, y)
        for trace in main_traces(front)
        if "text" in trace and "yaxis" not in trace
        for x, y in zip(trace["x"], trace["y"], strict=True)
    }
    assert points == page


def test_page_and_png_draw_the_same_bounds_as_points(front):
    page = {trace["name"]: trace["mode"] for trace in main_traces(front)}
    still = {line.get_gid(): line.get_linestyle() for line in draw(front).axes[0].lines}
    for bound in front.main.of_kind(Bound):
        assert (page[name_in_page(bound)] == "markers") == (still[bound.name] == "None") == bound.is_points


def test_bars_show_fresh_seeds_and_the_interval_of_the_accuracy(tmp_path):
    front = describe_front(read_view(repeated(tmp_path / "sweep")))
    bars = {(bar.trial.trial_id, bar.meaning): (bar.rate, bar.height) for bar in front.main.of_kind(Bar)}
    assert bars.keys() == {("t0000", "seeds"), ("t0000", "samples")}
    assert bars["t0000", "samples"] == ((4.0, 4.0), accuracy_interval(0.9, SAMPLES))
    seeds = [(bar.rate, bar.height) for bar in front.main.of_kind(Bar) if bar.meaning == "seeds"]
    assert seeds == [((5.0, 5.0), (0.8, 0.8))] * 2, "of one seed the least value is the greatest"
    assert [entry.key for entry in front.legend.codecs if entry.key in ("seeds", "samples")] == [
        "seeds",
        "samples",
    ]


def test_a_full_sweep_shows_every_kind_of_element(full_front):
    kinds = {type(element) for element in (*full_front.main.elements, *full_front.size.elements)}
    assert kinds == set(get_args(Element)) == {Region, Level, Bound, Stairs, Bar, Marker}
    assert {marker.front_status for marker in full_front.main.of_kind(Marker)} == {
        "front",
        "dominated",
        "collapsed",
    }


class Arrow:
    """An element that no renderer knows."""

    name = "arrow"


def test_an_unknown_element_is_an_error_in_both_renderers(full_front):
    panel = replace(full_front.main, elements=(*full_front.main.elements, Arrow()))
    with pytest.raises(AssertionError, match="Arrow"):
        draw_panel(Figure().add_subplot(), panel)
    with pytest.raises(AssertionError, match="Arrow"):
        main_traces(replace(full_front, main=panel))


def test_trials_on_the_front_cover_the_others(full_front):
    front_statuses = [marker.front_status == "front" for marker in full_front.main.of_kind(Marker)]
    assert front_statuses == sorted(front_statuses)


def test_a_trial_below_the_close_up_is_not_drawn_under_its_axes(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.3, 0.97, 52_000)
    sweep.finish(label("merged", merged_classes=3), 0.5, 0.9, 52_000)
    front = describe_front(read_view(sweep.end()))
    assert front.close.y_axis.limits[0] > 0.9
    assert [marker.height for marker in front.close.of_kind(Marker)] == [0.97]
    assert len(list(front.main.of_kind(Marker))) == 2


def test_curves_end_with_the_axis_and_fronts_go_beyond_it(full_front):
    left, right = full_front.main.x_axis.limits
    for bound in full_front.main.of_kind(Bound):
        assert bound.rate.min() > 0.3 * left
    assert all(math.isclose(stairs.rate[-1], 10 * right) for stairs in full_front.main.of_kind(Stairs))
