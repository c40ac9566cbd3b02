"""The front in axes of the user, and as a small picture for a notebook."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tests.builders import FakeSweep, full_sweep, spec, split

from ratefront.report.figure_file import figure_bytes
from ratefront.report.front.describe_front import describe_front
from ratefront.report.front.front_figure import Marker
from ratefront.report.front.front_plot import SMALL_WIDTH, plot_front, small_front_png
from ratefront.report.front.front_png import front_png
from ratefront.report.sweep_view import read_view

pytestmark = pytest.mark.medium


def rendered(figure: Figure) -> None:
    FigureCanvasAgg(figure).draw()


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    return read_view(full_sweep(tmp_path_factory.mktemp("sweep")))


def test_plot_front_draws_the_main_panel_into_given_axes(view):
    axes = Figure().add_subplot()
    assert plot_front(view, axes) is axes
    main = describe_front(view).main
    drawn = Counter(artist.get_gid() for artist in (*axes.lines, *axes.collections))
    assert drawn == Counter(element.name for element in main.elements)
    assert axes.get_xlim() == pytest.approx(main.x_axis.limits)
    assert (axes.get_title(), axes.get_xlabel()) == ("digits", main.x_axis.title)


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("size", [(3.0, 2.0), (7.0, 3.5), (14.0, 9.0)])
def test_plot_front_draws_at_any_size_and_beside_other_axes(view, size, layout):
    figure = Figure(figsize=size, layout=layout)
    for part in figure.subfigures(1, 2):
        plot_front(view, part.add_subplot())
    rendered(figure)


def test_the_legend_stands_beside_the_axes_where_a_layout_makes_room(view):
    figure = Figure(figsize=(5.0, 3.5), layout="constrained")
    axes = plot_front(view, figure.add_subplot())
    rendered(figure)
    legend, frame = axes.get_legend().get_window_extent(), axes.get_window_extent()
    assert legend.x0 > frame.x1
    assert legend.x1 <= figure.bbox.x1
    assert legend.y0 >= figure.bbox.y0


@pytest.mark.parametrize(("width", "layout"), [(5.0, None), (3.0, None), (3.0, "constrained")])
def test_without_a_layout_the_legend_lies_inside_under_the_trials(view, width, layout):
    figure = Figure(figsize=(width, 3.5), layout=layout)
    axes = plot_front(view, figure.add_subplot())
    rendered(figure)
    legend, frame = axes.get_legend().get_window_extent(), axes.get_window_extent()
    assert frame.x0 <= legend.x0
    assert legend.x1 <= frame.x1
    markers = {marker.name for marker in describe_front(view).main.of_kind(Marker)}
    assert all(
        line.get_zorder() > axes.get_legend().get_zorder() for line in axes.lines if line.get_gid() in markers
    )


@pytest.mark.parametrize(("ground", "is_light"), [("black", True), ("white", False), ("none", False)])
def test_the_oracle_is_visible_on_dark_and_light_backgrounds(view, ground, is_light):
    axes = Figure(facecolor="white").add_subplot(facecolor=ground)
    plot_front(view, axes)
    (oracle,) = [line for line in axes.lines if line.get_gid() == "oracle"]
    assert (np.mean(mpl.colors.to_rgb(oracle.get_color())) > 0.5) == is_light


def test_plot_front_changes_no_setting_and_opens_no_figure(view):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "import matplotlib\n"
        "from matplotlib.figure import Figure\n"
        "from ratefront.report.front.front_plot import plot_front, small_front_png\n"
        "from ratefront.report.sweep_view import read_view\n"
        "from ratefront.store.sweep_folder import SweepFolder\n"
        "before = matplotlib.rcParams.copy()\n"
        "view = read_view(SweepFolder(Path(sys.argv[1])))\n"
        "plot_front(view, Figure().add_subplot())\n"
        "small_front_png(view)\n"
        "assert matplotlib.rcParams.copy() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(view.folder.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_axes_plot_front_opens_a_figure(view):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    before = plt.get_fignums()
    axes = plot_front(view)
    try:
        assert plt.gcf() is axes.figure
        assert len(plt.get_fignums()) == len(before) + 1
    finally:
        plt.close(axes.figure)


def test_a_sweep_without_trials_is_drawn_as_empty_axes(tmp_path):
    axes = Figure().add_subplot()
    plot_front(read_view(FakeSweep(tmp_path, spec(name="a $b$ c"), task_model=False).folder), axes)
    assert not axes.lines
    assert axes.get_legend() is None
    rendered(axes.figure)


def test_the_small_picture_is_small_and_the_same_each_time(view):
    png = small_front_png(view)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png[16:20]) == 2 * SMALL_WIDTH
    assert len(png) < 60_000
    assert small_front_png(view) == png


def _titled():
    figure = Figure()
    figure.text(0.1, 0.5, "title")
    return figure


@pytest.mark.parametrize(
    "draw",
    [small_front_png, lambda view: front_png(describe_front(view)), lambda _: figure_bytes(_titled)],
    ids=["notebook", "report", "paper"],
)
def test_no_settings_of_a_file_reach_a_picture(view, draw):
    """Matplotlib reads the ``matplotlibrc`` in the current folder. With ``usetex`` it would start LaTeX."""
    png = draw(view)
    with mpl.rc_context({"text.usetex": True, "text.latex.preamble": "x", "savefig.transparent": True}):
        assert draw(view) == png


def test_rates_over_many_decades_have_ticks_at_powers_of_ten(tmp_path):
    sweep = FakeSweep(tmp_path)
    for rate in (0.05, 40_000.0):
        sweep.finish(split("stem", 1.0), rate, 0.9, 2_900)
    view = read_view(sweep.end())
    figure = Figure(figsize=(4.0, 3.0))
    axes = plot_front(view, figure.add_subplot())
    rendered(figure)
    shown = [text.get_text() for text in axes.get_xticklabels()]
    assert {"0.1", "1", "1000"} <= set(shown)
    assert not {"0.2", "5"} & set(shown)
