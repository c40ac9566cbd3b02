"""What others have published: units, kinds, and the factors over the oracle."""

from __future__ import annotations

import json
import math
from importlib import resources

import numpy as np
import pytest

from ratefront.bounds import PublishedSeries, example, published_points
from ratefront.bounds.examples.published_points import PUBLISHED_BOUND, series_of
from ratefront.errors import InputError, UnknownNameError

ENTRY = {
    "dataset": "imagenet",
    "method": "mine",
    "rate_unit": "bit/pixel",
    "rate_kind": "actual",
    "metric": "top1",
    "source": "Me, 2030",
    "note": "",
    "points": [[0.5, 0.7], [0.6, None]],
}


@pytest.fixture(scope="module")
def published():
    return example("published")


def test_every_series_of_the_file_is_there_with_its_source() -> None:
    text = resources.files("ratefront.bounds.examples").joinpath("published_points.json").read_text("utf-8")
    written = json.loads(text)
    read = published_points()
    assert len(read) == len(written) == 90
    assert [series.method for series in read] == [entry["method"] for entry in written]
    assert sum(series.rate_bits.size for series in read) == sum(len(entry["points"]) for entry in written)
    assert all(series.source and series.rate_bits.shape == series.value.shape for series in read)


def test_rates_in_bit_per_pixel_become_bit_per_sample() -> None:
    series = series_of(ENTRY)
    assert series.rate_bits.tolist() == pytest.approx([0.5 * 224 * 224, 0.6 * 224 * 224])
    assert series.published_unit == "bit/pixel"
    assert series.accuracy[0] == 0.7
    assert np.isnan(series.accuracy[1])
    kodak = published_points("kodak")[0]
    assert kodak.rate_bits[0] / (768 * 512) == pytest.approx(0.04824490017361111)
    with pytest.raises(InputError, match="psnr_rgb_db is no accuracy"):
        _ = kodak.accuracy


def test_series_are_chosen_by_data_set_and_metric() -> None:
    assert {series.dataset for series in published_points("mnist")} == {"mnist"}
    assert published_points("kodak", metric="top1") == ()
    with pytest.raises(UnknownNameError, match="modelnet40"):
        published_points("modelnet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_kind": "guessed"}, "imagenet, mine: rate_kind 'guessed', expected one of actual"),
        ({"metric": "top5"}, "metric 'top5'"),
        ({"rate_unit": "bit/point"}, "published_unit 'bit/point'"),
        ({"dataset": "birds"}, "birds, mine: how many pixels its images have is not known"),
        ({"points": [[1.0, 1.2]]}, r"an accuracy must be in \[0, 1\]"),
        ({"points": [[-1.0, 0.2]]}, "a rate must be finite and not negative"),
        ({"points": [1.0]}, "points must be pairs"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        series_of({**ENTRY, **change})


def test_a_factor_is_the_rate_over_the_oracles_closed_form(published) -> None:
    def uniform_bits(classes: int, accuracy: float) -> float:
        error = 1.0 - accuracy
        entropy = -error * math.log2(error) - accuracy * math.log2(accuracy)
        return math.log2(classes) - error * math.log2(classes - 1) - entropy

    for name in ("mnist", "imagenet"):
        panel = published.datasets[name]
        for point in panel.points:
            oracle = uniform_bits(panel.classes, point.accuracy)
            assert point.oracle_bits == pytest.approx(oracle, rel=2e-4)
            assert point.factor == pytest.approx(point.rate_bits / oracle, rel=2e-4)


def test_the_published_bound_lies_on_our_oracle(published) -> None:
    (bound,) = (series for series in published_points("modelnet40") if series.method == PUBLISHED_BOUND)
    oracle = published.datasets["modelnet40"].oracle
    costs = bound.rate_bits > 0.5  # it is loose near zero rate
    ours = [oracle.rate_at(1.0 - accuracy) for accuracy in bound.accuracy[costs]]
    assert bound.rate_bits[costs] == pytest.approx(ours, abs=0.01)
    assert bound.method not in {point.method for point in published.datasets["modelnet40"].points}


def test_no_point_beats_a_best_one(published) -> None:
    for panel in published.datasets.values():
        for point in panel.points:
            assert any(
                best.rate_bits <= point.rate_bits and best.accuracy >= point.accuracy for best in panel.best
            )
        for first, second in zip(panel.best, panel.best[1:], strict=False):
            assert first.rate_bits < second.rate_bits
            assert first.accuracy < second.accuracy


def test_the_factors_of_the_paper_are_reached(published) -> None:
    """RA: at least 10 at the higher end on ModelNet40, 100 on ImageNet, 1000 on COCO."""
    modelnet40, imagenet = published.datasets["modelnet40"], published.datasets["imagenet"]
    assert min(point.factor for point in modelnet40.points if point.accuracy > 0.82) > 10
    assert min(point.factor for point in imagenet.points) > 100
    assert published.detection.factor == pytest.approx(0.5 * 640 * 480 / 152.1745, rel=1e-6)
    assert published.detection.factor > 1000
    assert published.datasets["mnist"].best[-1].factor < 1.03


def test_a_series_checks_itself() -> None:
    with pytest.raises(InputError, match="a rate must be finite"):
        PublishedSeries(
            dataset="mnist", method="m", source="s", note="", rate_kind="actual", metric="top1",
            published_unit="bit/sample", rate_bits=np.array([np.inf]), value=np.array([0.5]),
        )  # fmt: skip
