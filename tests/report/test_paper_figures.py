"""The papers' figures, drawn again from our own curves."""

from __future__ import annotations

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ratefront.bounds import EXAMPLES, example
from ratefront.errors import InputError
from ratefront.report.bounds.paper_figures import draw_example, example_figure
from ratefront.report.figure_file import PAPER_SETTINGS

pytestmark = pytest.mark.medium


@pytest.fixture(autouse=True)
def settings_of_a_file():
    with mpl.rc_context(PAPER_SETTINGS):
        yield


@pytest.fixture(scope="module")
def examples():
    return {name: example(name) for name in EXAMPLES}


def lines(axes):
    """What was drawn, by the curve's name."""
    return {line.get_gid(): line for line in axes.lines if line.get_gid()}


def assert_draws(axes, bounds, names):
    found = lines(axes)
    assert set(found) == set(names)
    for name in names:
        assert found[name].get_xdata() == pytest.approx(bounds[name].rate_bits)
        assert found[name].get_ydata() == pytest.approx(bounds[name].accuracy)


def test_detection_draws_all_its_panels(examples):
    bounds = examples["detection"]
    axes = example_figure(bounds).axes
    assert [one.get_title(loc="left") or one.get_title() for one in axes] == [
        "MNIST: K = 10",
        "ModelNet40: K = 40",
        "ImageNet: K = 1000",
        "COCO, YOLO-like detection: K ≈ 6.4 × 10⁴⁵",
    ]
    for one, panel in zip(axes, [*bounds.panels.values(), bounds], strict=True):
        assert_draws(one, panel, ["oracle", "linear_rule"])
        assert one.get_xlabel() == "rate (bit/image)"
        assert one.get_xlim()[1] > panel.log2_classes


def test_modelnet40_draws_both_priors_and_tells_them_apart(examples):
    (axes,) = example_figure(examples["modelnet40"]).axes
    assert_draws(axes, examples["modelnet40"], ["oracle", "oracle_uniform"])
    looks = {(line.get_color(), line.get_linestyle()) for line in lines(axes).values()}
    assert len(looks) == 2
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["test-split prior, H = 5.007 bit", "uniform prior, H = 5.322 bit"]


def test_mixture_draws_densities_and_rates_over_the_papers_distortions(examples):
    bounds = examples["mixture"]
    left, right = example_figure(bounds).axes
    drawn = lines(left)
    assert set(drawn) == {"p(x)", "p(x | y = 0)", "p(x | y = 1)"}
    density = bounds.density
    for name, values in zip(drawn, (*density.given, density.mixture), strict=True):
        assert drawn[name].get_xdata() == pytest.approx(density.x)
        assert drawn[name].get_ydata() == pytest.approx(values)
    drawn = lines(right)
    assert set(drawn) == {*bounds, "least_distortion"}
    for name, curve in bounds.items():
        assert drawn[name].get_xdata() == pytest.approx(curve.distortion)
        assert drawn[name].get_ydata() == pytest.approx(curve.rate_bits)
    assert right.get_xlim() == (0.0, 0.5)
    labels = [text.get_text().split()[0] for text in right.get_legend().get_texts()]
    assert labels == ["oRD", "iRD", "E&C", "C&E"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_text_leaves_the_figure_and_no_legend_covers_a_line(examples, name):
    figure = example_figure(examples[name])
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.canvas.draw()
    for axes in figure.axes:
        box = axes.get_tightbbox(renderer)
        assert min(box.x0, box.y0, figure.bbox.width - box.x1, figure.bbox.height - box.y1) >= 0
        if axes.get_legend() is not None:
            cover = axes.get_legend().get_window_extent(renderer)
            for line in axes.lines:
                if not line.get_gid():
                    continue
                path = line.get_path().interpolated(20).transformed(line.get_transform())
                assert not cover.count_contains(path.vertices), (name, line.get_gid())


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_drawing_again_gives_the_same_bytes(tmp_path, name, suffix):
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    draw_example(example(name), first)
    draw_example(example(name), second)
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 5000


def test_another_suffix_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"\.png or \.pdf"):
        draw_example(example("modelnet40"), tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())


def test_published_draws_every_series_and_its_kind(examples):
    bounds = examples["published"]
    axes = example_figure(bounds).axes
    for one, panel in zip(axes, bounds.datasets.values(), strict=False):
        found = lines(one)
        for series in panel.series:
            line = found[f"published {series.method}"]
            assert line.get_xdata() * panel.count == pytest.approx(series.rate_bits)
            assert (line.get_markerfacecolor() == "white") == (series.rate_kind != "actual")
        assert found["oracle"].get_xdata() == pytest.approx(panel.oracle.rate_bits / panel.count)
    assert {"factor mnist", "factor modelnet40", "factor imagenet", "factor coco"} == set(lines(axes[3]))
