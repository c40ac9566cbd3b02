from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ratefront.bounds.examples.documents import EXAMPLES, example_document
from ratefront.errors import InputError
from ratefront.report.figure_file import PAPER_SETTINGS
from ratefront.report.paper_figures import draw_example, example_figure


@pytest.fixture(autouse=True)
def settings_of_a_file():
    with mpl.rc_context(PAPER_SETTINGS):
        yield


@pytest.fixture(scope="module")
def documents():
    return {name: example_document(name) for name in EXAMPLES}


def lines(axes):
    """What was drawn, by the curve's name."""
    return {line.get_gid(): line for line in axes.lines if line.get_gid()}


def assert_draws(axes, document, names):
    found = lines(axes)
    assert set(found) == set(names)
    for name in names:
        curve = document["curves"][name]
        assert found[name].get_xdata() == pytest.approx(curve["rate_bits"])
        assert found[name].get_ydata() == pytest.approx(1.0 - np.array(curve["distortion"]))


def test_detection_draws_every_panel_of_its_document(documents):
    document = documents["detection"]
    axes = example_figure(document).axes
    assert [one.get_title(loc="left") or one.get_title() for one in axes] == [
        "MNIST: K = 10",
        "ModelNet40: K = 40",
        "ImageNet: K = 1000",
        "COCO, YOLO-like detection: K ≈ 6.4 × 10⁴⁵",
    ]
    for one, panel in zip(axes, [*document["panels"].values(), document], strict=True):
        assert_draws(one, panel, ["oracle", "linear_rule"])
        assert one.get_xlabel() == "rate (bit/image)"
        assert one.get_xlim()[1] > panel["log2_classes"]


def test_modelnet40_draws_both_priors_and_tells_them_apart(documents):
    (axes,) = example_figure(documents["modelnet40"]).axes
    assert_draws(axes, documents["modelnet40"], ["oracle", "oracle_uniform"])
    looks = {(line.get_color(), line.get_linestyle()) for line in lines(axes).values()}
    assert len(looks) == 2
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["test-split prior, H = 5.007 bit", "uniform prior, H = 5.322 bit"]


def test_mixture_draws_densities_and_rates_over_the_papers_distortions(documents):
    document = documents["mixture"]
    left, right = example_figure(document).axes
    drawn = lines(left)
    assert set(drawn) == {"p(x)", "p(x | y = 0)", "p(x | y = 1)"}
    for name, line in drawn.items():
        assert line.get_xdata() == pytest.approx(document["density"]["x"])
        assert line.get_ydata() == pytest.approx(document["density"][name])
    drawn = lines(right)
    assert set(drawn) == {*document["curves"], "least_distortion"}
    for name, curve in document["curves"].items():
        assert drawn[name].get_xdata() == pytest.approx(curve["distortion"])
        assert drawn[name].get_ydata() == pytest.approx(curve["rate_bits"])
    assert right.get_xlim() == (0.0, 0.5)
    labels = [text.get_text().split()[0] for text in right.get_legend().get_texts()]
    assert labels == ["oRD", "iRD", "E&C", "C&E"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_word_leaves_the_figure_and_no_legend_covers_a_line(documents, name):
    figure = example_figure(documents[name])
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
def test_a_figure_has_the_same_bytes_again(tmp_path, name, suffix):
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    draw_example(example_document(name), first)
    draw_example(example_document(name), second)
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 5000


def test_unknown_names_and_suffixes_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(InputError, match="there are mixture, detection, modelnet40"):
        draw_example(example_document("coco"), tmp_path / "a.png")
    with pytest.raises(InputError, match=r"\.png or \.pdf"):
        draw_example(example_document("modelnet40"), tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())
