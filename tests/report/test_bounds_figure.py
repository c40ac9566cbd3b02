"""The figure of bounds: what is drawn, named and written."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ratefront.bounds import (
    Bootstrap,
    HeldOutIntervals,
    Predictions,
    RateDistortionCurve,
    bounds_of,
    from_predictions,
)
from ratefront.bounds.curve_names import CURVE_KINDS, LOG_LOSS
from ratefront.errors import InputError
from ratefront.report.bounds.bounds_figure import bounds_figure, draw_bounds
from ratefront.report.bounds.rate_axis import GREATEST_LINEAR_SPAN, rate_axis
from ratefront.report.colours import BOUNDS, bound_style
from ratefront.report.figure_file import PAPER_SETTINGS

pytestmark = pytest.mark.medium

CODES = ("fixed_length", "huffman", "block_codes", "merged_classes")


def predictions(samples=300, classes=5):
    rng = np.random.default_rng(7)
    labels = rng.choice(classes, samples, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    logits = 2.0 * rng.normal(size=(samples, classes))
    logits[np.arange(samples), labels] += 4.0
    return Predictions.from_logits(labels, logits)


def curve(name, rate_bits, distortion, **more):
    return RateDistortionCurve(name, np.array(rate_bits, float), np.array(distortion, float), **more)


def band(rate_bits, distortion, low, high, level=0.95):
    """Intervals of the rate; those of the distortion are not drawn."""
    arrays = (
        np.array(values, float) for values in (rate_bits, distortion, low, high, distortion, distortion)
    )
    return HeldOutIntervals(*arrays, level=level, resamples=99, seed=0, folds=5)


def only(bounds, *names):
    kept = {name: bounds.held_out[name] for name in names if name in bounds.held_out}
    return replace(bounds, curves={name: bounds[name] for name in names}, held_out=kept)


def with_curves(bounds, *curves):
    return replace(bounds, curves={**bounds.curves, **{one.name: one for one in curves}})


@pytest.fixture(autouse=True)
def settings_of_a_file():
    with mpl.rc_context(PAPER_SETTINGS):
        yield


@pytest.fixture(scope="module")
def bounds():
    """Every kind of curve that there may be."""
    names = [
        "oracle",
        "estimate_and_compress",
        "indirect_estimate_and_compress",
        "sample_and_communicate",
        "time_sharing",
    ]
    measured = bounds_of(predictions(), names)
    error, model = measured.task_model_distortion, measured["indirect_estimate_and_compress"]
    rate, distortion = model.rate_bits, model.distortion
    more = [
        curve("task_model", 0.95 * rate, distortion),
        curve("indirect_estimate_and_compress_posterior", 1.02 * rate, distortion),
        curve("indirect_estimate_and_compress_cross_fitted", 1.04 * rate, distortion),
        curve("linear_rule", [np.log2(5), 0.0], [0.0, 1.0]),
        curve("fixed_length", [3.0], [error]),
        curve("huffman", [2.3], [error]),
        curve("block_codes", [3.0, 2.5, 7 / 3], [error] * 3),
        curve("merged_classes", [2.3, 1.8, 1.0], [error, error + 0.1, error + 0.3]),
        curve("my own $code$", [2.5, 1.0], [error, 0.6]),
    ]
    held_out = {"task_model": band(rate, distortion, 0.9 * rate, 1.2 * rate)}
    return replace(with_curves(measured, *more), held_out=held_out)


def drawn(axes):
    """The lines of an axes by the name of the curve, reference or band."""
    return {line.get_gid(): line for line in axes.lines if line.get_gid()}


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def rendered(figure):
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.canvas.draw()
    return renderer


def test_every_curve_is_drawn_once_with_its_own_points(bounds):
    axes = bounds_figure(bounds).axes[0]
    lines = drawn(axes)
    assert set(lines) == {*bounds, "task_model held out", "task model", "majority class"}
    for name, curve in bounds.items():
        place = lines[name].get_xdata(), lines[name].get_ydata()
        found = sorted(zip(*(np.round(values, 9).tolist() for values in place), strict=True))
        expected = np.round(curve.rate_bits, 9), np.round(curve.accuracy, 9)
        assert found == sorted(zip(*(values.tolist() for values in expected), strict=True)), name
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rate (bit/sample)", "accuracy")
    assert axes.get_xscale() == "linear"


def test_codes_are_markers_and_bounds_are_lines_of_different_looks(bounds):
    lines = drawn(bounds_figure(bounds).axes[0])
    for name in bounds:
        assert (lines[name].get_linestyle() == "None") == (name in CODES), name
    looks = [
        (lines[name].get_color(), lines[name].get_linewidth(), str(lines[name]._unscaled_dash_pattern))
        for name in bounds
        if name not in CODES
    ]
    assert len(set(looks)) == len(looks)
    assert len({lines[name].get_marker() for name in CODES}) == len(CODES)
    assert lines["oracle"].get_zorder() > lines["task_model"].get_zorder()
    assert all(
        lines["task_model"].get_zorder() > line.get_zorder()
        for name, line in lines.items()
        if name not in ("oracle", "task_model", *CODES)
    )


def test_the_legend_names_every_curve_in_the_order_of_the_hierarchy(bounds):
    labels = legend_of(bounds_figure(bounds))
    assert labels[:3] == [
        "oRD  oracle",
        "TMRD  task model",
        "iE&C  indirect estimate and compress",
    ]
    assert labels[-2:] == [r"my own \$code\$", "held out, with 95 % interval"]
    assert len(labels) == len(bounds) + 1
    shuffled = replace(bounds, curves=dict(sorted(bounds.items(), reverse=True)))
    assert legend_of(bounds_figure(shuffled)) == labels


def test_every_known_curve_has_a_style_of_its_own():
    assert set(BOUNDS) == set(CURVE_KINDS)
    assert len({style.short for style in BOUNDS.values()}) == len(BOUNDS)
    assert bound_style("anything").label == "anything"


def test_the_region_above_the_oracle_is_shaded(bounds):
    axes = bounds_figure(bounds).axes[0]
    (shade,) = [one for one in axes.collections if one.get_zorder() < 1]
    path = shade.get_paths()[0]
    oracle = bounds["oracle"]
    for accuracy in (0.5, 0.7, 0.9):
        rate = oracle.rate_at(1.0 - accuracy)
        assert path.contains_point((0.98 * rate, accuracy))
        assert not path.contains_point((1.02 * rate, accuracy))


def test_warnings_are_small_print_inside_the_figure(bounds):
    warning = "S&C lies $below$ TMRD: " + 40 * "many words "
    lines = {}
    for name, warnings in (("with", (warning, "another")), ("without", ())):
        figure = bounds_figure(replace(bounds, warnings=warnings))
        renderer = rendered(figure)
        lines[name] = [text.get_text() for text in figure.texts]
        boxes = [text.get_window_extent(renderer) for text in (*figure.texts, figure.legends[0])]
        assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)
        assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])
    text = " ".join(reversed(lines["with"]))
    assert text.replace("\\$", "$") == f"Warning: {warning.strip()} Warning: another"
    assert lines["without"] == []


def test_the_reference_lines_say_what_they_are(bounds):
    figure = bounds_figure(bounds)
    lines = drawn(figure.axes[0])
    task_model = 1.0 - bounds.task_model_distortion
    majority = 1.0 - bounds.zero_rate_distortion
    assert lines["task model"].get_ydata() == pytest.approx([task_model] * 2)
    assert lines["majority class"].get_ydata() == pytest.approx([majority] * 2)
    words = [text.get_text() for text in figure.axes[-1].texts]
    assert f"task model\n{100 * task_model:.1f} %" in words
    assert f"majority class\n{100 * majority:.1f} %" in words
    unknown = replace(bounds, task_model_distortion=None, zero_rate_distortion=None)
    assert not {"task model", "majority class"} & set(drawn(bounds_figure(unknown).axes[0]))


def test_the_right_panel_shows_bits_above_the_oracle(bounds):
    lines = drawn(bounds_figure(bounds).axes[1])
    oracle = bounds["oracle"]
    assert lines["oracle"].get_xdata() == pytest.approx(np.zeros(lines["oracle"].get_xdata().size), abs=1e-12)
    for name in ("indirect_estimate_and_compress", "time_sharing"):
        curve = bounds[name]
        place, accuracy = lines[name].get_data()
        for at in range(0, place.size, 97):
            distortion = 1.0 - accuracy[at]
            assert place[at] == pytest.approx(
                curve.rate_at(distortion) - oracle.rate_at(distortion), abs=1e-6
            )


def test_a_held_out_band_lies_between_its_ends(bounds):
    axes = bounds_figure(bounds).axes[0]
    held_out = bounds.held_out["task_model"]
    assert drawn(axes)["task_model held out"].get_xdata() == pytest.approx(held_out.rate_bits[::-1])
    path = band_of(axes).get_paths()[0]
    for at in range(5, len(held_out.distortion) - 5, 9):
        rate, accuracy = held_out.rate_bits[at], 1.0 - held_out.distortion[at]
        assert path.contains_point((0.93 * rate, accuracy))
        assert path.contains_point((1.17 * rate, accuracy))
        assert not path.contains_point((0.8 * rate, accuracy))
        assert not path.contains_point((1.3 * rate, accuracy))


def band_of(axes):
    (found,) = [one for one in axes.collections if one.get_alpha() is not None]
    return found


def test_an_interval_without_an_upper_end_is_open_to_the_right(bounds):
    held_out, no_end = bounds.held_out["task_model"], np.r_[[np.inf] * 3]
    high = np.r_[no_end, held_out.rate_bits_high[3:]]
    opened = replace(held_out, rate_bits_high=high)
    axes = bounds_figure(replace(bounds, held_out={"task_model": opened})).axes[0]
    assert band_of(axes).get_paths()[0].contains_point((axes.get_xlim()[1], 1.0 - held_out.distortion[1]))
    gone = replace(opened, rate_bits_low=np.r_[no_end, held_out.rate_bits_low[3:]])
    axes = bounds_figure(replace(bounds, held_out={"task_model": gone})).axes[0]
    assert band_of(axes).get_paths()[0].get_extents().y1 == pytest.approx(1.0 - held_out.distortion[3])


def test_a_held_out_point_is_drawn_with_its_interval(bounds):
    point = {"task_model": band([1.2], [0.2], [1.0], [1.5], level=0.9)}
    alone = replace(bounds, curves={"task_model": curve("task_model", [1.2], [0.2])}, held_out=point)
    (axes,) = bounds_figure(alone).axes
    spans = [tuple(line.get_xdata()) for line in axes.lines]
    assert (1.0, 1.5) in spans
    assert legend_of(bounds_figure(alone))[-1] == "held out, with 90 % interval"


def test_intervals_of_different_levels_have_no_level_in_the_title(bounds):
    both = {
        name: band([1.2], [0.2], [1.0], [1.5], level)
        for name, level in (("oracle", 0.9), ("task_model", 0.95))
    }
    assert legend_of(bounds_figure(replace(bounds, held_out=both)))[-1] == "held out, with interval"


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_the_same_bounds_give_the_same_bytes_in_any_process(tmp_path, suffix):
    samples = predictions(200, 3)
    np.savez(tmp_path / "p.npz", labels=samples.labels, logits=samples.log_probabilities)
    this_process, other_process = tmp_path / f"here{suffix}", tmp_path / f"there{suffix}"
    options = {"only": ["oracle", "estimate_and_compress"], "bootstrap": Bootstrap(20)}
    drawn_bounds = from_predictions(samples.labels, logits=samples.log_probabilities, **options)
    draw_bounds(drawn_bounds, this_process)
    program = (
        "import sys; from ratefront.bounds import Bootstrap, from_file; "
        "wanted = {'only': ['oracle', 'estimate_and_compress'], 'bootstrap': Bootstrap(20)}; "
        "from_file(sys.argv[1], **wanted).save_figure(sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "p.npz"), str(other_process)],
        env={**os.environ, "PYTHONHASHSEED": "17", "TZ": "Asia/Tokyo"},
        check=True,
    )
    content = this_process.read_bytes()
    assert content == other_process.read_bytes()
    assert content.startswith(b"%PDF" if suffix == ".pdf" else b"\x89PNG")
    assert not any(word in content for word in (b"CreationDate", b"Producer", b"Software", b"tIME"))


def test_a_pdf_embeds_truetype_and_its_suffix_may_be_in_capitals(tmp_path, bounds):
    draw_bounds(bounds, tmp_path / "figure.PDF")
    content = (tmp_path / "figure.PDF").read_bytes()
    assert content.startswith(b"%PDF")
    assert b"CIDFontType2" in content
    assert b"Type3" not in content


@pytest.mark.parametrize("name", ["figure.svg", "figure", "figure.png.gz"])
def test_another_suffix_is_refused_with_the_allowed_ones(tmp_path, bounds, name):
    with pytest.raises(InputError, match=r"\.png or \.pdf"):
        draw_bounds(bounds, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_an_input_error(tmp_path, bounds):
    with pytest.raises(InputError, match="cannot be written"):
        draw_bounds(bounds, tmp_path / "nowhere" / "figure.png")


def test_one_class_gives_a_point_and_no_region():
    figure = bounds_figure(bounds_of(Predictions.from_decisions([0, 0, 0], [0, 0, 0], 1)))
    (axes,) = figure.axes
    line = drawn(axes)["oracle"]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([0.0], [1.0])
    assert line.get_marker() == "o"
    assert not axes.collections
    assert axes.get_ylim()[0] < 1.0 < axes.get_ylim()[1]


@pytest.mark.parametrize("name", ["oracle", "time_sharing", "fixed_length", "my own $code$"])
def test_a_single_curve_needs_one_panel(bounds, name):
    (axes,) = bounds_figure(only(bounds, name)).axes
    assert name in drawn(axes)


def test_a_curve_without_an_accuracy_is_named_and_not_drawn(bounds):
    loss = curve("rate_invariance", [2.0, 0.0], [0.0, 2.0], measure=LOG_LOSS)
    figure = bounds_figure(with_curves(bounds, loss))
    assert "rate_invariance" not in drawn(figure.axes[0])
    assert any("rate_invariance" in text.get_text() for text in figure.texts)
    with pytest.raises(InputError, match="rate_invariance"):
        bounds_figure(replace(bounds, curves={"rate_invariance": loss}))


def test_bounds_without_curves_are_refused(bounds):
    with pytest.raises(InputError, match="hold none"):
        bounds_figure(only(bounds))


@pytest.mark.parametrize("distortions", [(0.03, 0.6), (0.3, 0.31), (0.0, 0.0), (0.6, 0.6), (0.7, 0.65)])
def test_text_stays_inside_the_figure_and_off_the_data(bounds, distortions):
    task_model, zero_rate = distortions
    long = curve("_ a name\nthat is far too long for the legend of a figure " * 2, [1.0], [0.5])
    shown = replace(
        with_curves(bounds, long), task_model_distortion=task_model, zero_rate_distortion=zero_rate
    )
    figure = bounds_figure(shown)
    renderer = rendered(figure)
    legend = figure.legends[0].get_window_extent(renderer)
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    for box in (legend, *boxes):
        assert min(box.x0, box.y0, figure.bbox.width - box.x1, figure.bbox.height - box.y1) >= 0
    assert not any(legend.overlaps(box) for box in boxes)
    assert len(legend_of(figure)) == len(shown) + 1
    names = [text.get_window_extent(renderer) for text in figure.axes[-1].texts]
    assert not names[0].overlaps(names[1])
    assert all(name.x0 >= figure.axes[-1].get_window_extent(renderer).x1 for name in names)


def test_a_codec_with_a_large_rate_makes_the_axis_logarithmic(bounds):
    raw, free = curve("raw", [1500.0, 900.0], [0.1, 0.3]), curve("huffman", [0.0], [0.5])
    axes = bounds_figure(with_curves(bounds, raw, free)).axes[0]
    assert axes.get_xscale() == "log"
    left, right = axes.get_xlim()
    assert 0.0 < left < 0.2
    assert right > 1500.0
    assert list(drawn(axes)["huffman"].get_xdata()) == [left]


def _line(top):
    return RateDistortionCurve("line", np.array([top, 0.0]), np.array([0.1, 0.9]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=5), st.floats(0.1, 10.0))
def test_the_axis_holds_every_rate_and_is_linear_within_two_decades(tops, factor):
    axis = rate_axis(map(_line, tops))
    assert axis.right > max(tops)
    assert axis.logarithmic == (max(tops) > GREATEST_LINEAR_SPAN * min(tops) / 2.0)
    assert axis.left == 0.0 if not axis.logarithmic else 0.0 < axis.left < min(tops)
    assert 0.0 <= axis.position(min(tops)) < 1.0
    other = rate_axis(_line(factor * top) for top in tops)
    if other.logarithmic == axis.logarithmic:
        assert (other.left, other.right) == pytest.approx((factor * axis.left, factor * axis.right))


def test_the_axis_of_zero_rates_alone_is_one_bit_long():
    axis = rate_axis([_line(0.0)])
    assert (axis.left, axis.right, axis.logarithmic) == (0.0, 1.0, False)
