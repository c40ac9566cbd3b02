"""How bounds show themselves: in axes of the user, in a file, in a notebook."""

from __future__ import annotations

import base64
import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib import image, pyplot
from matplotlib.figure import Figure

from ratefront.bounds import Bootstrap, Bounds, RateDistortionCurve, example, from_predictions, from_prior
from ratefront.bounds.curve_names import LOG_LOSS
from ratefront.errors import InputError


@pytest.fixture(scope="module")
def bounds():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, 120)
    logits = 2.0 * np.eye(4)[labels] + rng.normal(size=(120, 4))
    return from_predictions(labels, logits=logits, points=8, bootstrap=Bootstrap(5))


@pytest.fixture
def loss():
    curve = RateDistortionCurve("loss", np.array([2.0, 0.0]), np.array([0.0, 2.0]), measure=LOG_LOSS)
    return Bounds(curves={"loss": curve}, classes=4)


def test_every_curve_is_in_the_axes_with_its_points_and_a_name(bounds):
    given_axes = Figure().add_subplot()
    axes = bounds.plot(given_axes)
    assert axes is given_axes
    lines = {line.get_gid(): line for line in axes.lines if line.get_gid()}
    for name, curve in bounds.items():
        found = sorted(zip(*np.round(lines[name].get_data(), 9).tolist(), strict=True))
        assert found == sorted(
            zip(curve.rate_bits.round(9).tolist(), curve.accuracy.round(9).tolist(), strict=True)
        )
    assert set(lines) == {
        *bounds,
        "task model",
        "majority class",
        *(f"{name} held out" for name in bounds.held_out),
    }
    assert bounds.held_out
    assert axes.get_xlabel() == "rate (bit/sample)"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "oRD  oracle" in names
    assert "held out, with 95 % interval" in names
    assert len(names) == len(bounds) + 1


def test_without_axes_a_new_figure_is_pyplots_current_one():
    before = pyplot.get_fignums()
    axes = from_prior([5, 3, 2]).plot()
    try:
        assert pyplot.gca() is axes
        assert len(pyplot.get_fignums()) == len(before) + 1
    finally:
        pyplot.close(axes.figure)


class Cells(HTMLParser):
    """The cells of a page's tables, row by row, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open, self._cell = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        self._cell = tag in ("td", "th")

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._cell = False

    def handle_data(self, data):
        if self._cell:
            self.rows[-1].append(data)


def test_a_notebook_shows_the_rates_at_a_few_accuracies_and_a_picture(bounds, tmp_path):
    page = bounds._repr_html_()
    cells = Cells(page)
    assert cells.open == []
    head, *rows = cells.rows
    assert head[1] == f"{1.0 - bounds.task_model_distortion:.2%}"
    assert [row[0] for row in rows] == list(bounds)
    for name, best, *_ in rows:
        rate = bounds[name].rate_at(bounds.task_model_distortion)
        assert best == ("–" if rate is None else f"{rate:.4f}")
    assert "120 samples, 4 classes" in page
    (encoded,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    (tmp_path / "small.png").write_bytes(base64.b64decode(encoded))
    picture = image.imread(tmp_path / "small.png")
    assert picture[..., :3].min() < 0.2, "something is drawn"
    assert picture.shape[1] < 1000


def test_what_a_notebook_shows_is_escaped(loss):
    evil = "<script>alert('x')</script>"
    curve = RateDistortionCurve(evil, np.array([1.0, 0.0]), np.array([0.1, 0.9]))
    page = Bounds(curves={evil: curve}, classes=2, warnings=(evil,))._repr_html_()
    assert "<script" not in page
    assert unescape(page).count(evil) == 2


def test_without_an_accuracy_a_notebook_shows_no_picture(loss):
    page = loss._repr_html_()
    assert "<img" not in page
    assert "4 classes" in page
    with pytest.raises(InputError, match="needs a curve that has an accuracy"):
        loss.plot(Figure().add_subplot())


def test_an_example_is_shown_and_its_file_is_the_papers_figure(tmp_path):
    mixture = example("modelnet40")
    assert "ModelNet40" in mixture._repr_html_()
    mixture.save_figure(tmp_path / "paper.png")
    from_prior([5, 3, 2]).save_figure(str(tmp_path / "prior.png"))
    paper, prior = (image.imread(tmp_path / f"{name}.png").shape for name in ("paper", "prior"))
    assert paper[1] < prior[1], "a column of a page is narrower than a page"
