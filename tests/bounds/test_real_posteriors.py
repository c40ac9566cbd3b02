"""The order of the curves on posteriors of real networks: the digits task model, and MNIST if available."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax
from tests.bounds.random_posteriors import EXACT_BITS, Truth, assert_order, log_of

from ratefront.bounds import (
    Predictions,
    RateDistortionCurve,
    calibrated,
    curves_from_predictions,
    expected_calibration_error,
    oracle_rate_bits,
)

PLUG_IN = (
    "oracle",
    "task_model",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "indirect_estimate_and_compress_posterior",
    "sample_and_communicate",
    "time_sharing",
)


def digits(task_model_folder: Path) -> Predictions:
    arrays = np.load(task_model_folder / "predictions.npz")
    return Predictions.from_logits(arrays["labels_test"], arrays["logits_test"])


def mnist_folder() -> Path | None:
    given = os.environ.get("RATEFRONT_DATA")
    return Path(given) if given and (Path(given) / "MNIST" / "raw").is_dir() else None


def mnist_images(train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    from torchvision.datasets import MNIST

    data = MNIST(str(mnist_folder()), train=train, download=False)
    return data.data.flatten(1).float() / 255.0, data.targets


def mnist() -> Predictions:
    """A network with one hidden layer, two passes over a third of the training images."""
    images, labels = mnist_images(train=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        for batch in torch.randperm(20_000).repeat(2).split(200):
            loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    images, labels = mnist_images(train=False)
    with torch.no_grad():
        return Predictions.from_logits(labels.numpy(), model(images).numpy())


@pytest.fixture(
    scope="module",
    params=[
        "digits",
        pytest.param(
            "mnist",
            marks=pytest.mark.skipif(
                mnist_folder() is None,
                reason="RATEFRONT_DATA names no folder with MNIST/ as torchvision lays it out",
            ),
        ),
    ],
)
def predictions(request: pytest.FixtureRequest) -> Predictions:
    if request.param == "digits":
        return digits(request.getfixturevalue("task_model_folder"))
    return mnist()


@pytest.fixture(scope="module")
def posterior(predictions: Predictions) -> np.ndarray:
    assert predictions.log_probabilities is not None
    return np.asarray(softmax(predictions.log_probabilities.astype(np.float64), axis=1))


@pytest.fixture(scope="module")
def curves(predictions: Predictions) -> dict[str, RateDistortionCurve]:
    return curves_from_predictions(predictions, PLUG_IN)


def test_the_model_is_better_than_chance(predictions: Predictions) -> None:
    assert np.mean(predictions.predicted == predictions.labels) > 0.9


def test_the_order_holds_with_the_models_posteriors_as_truth(posterior: np.ndarray) -> None:
    assert_order(Truth(posterior))


def test_the_order_holds_where_the_model_is_unsure(posterior: np.ndarray) -> None:
    """A good model's curves nearly coincide; at a third of its confidence they come apart."""
    flat = softmax(log_of(np.maximum(posterior, 1e-300)) / 3.0, axis=1)[:2000]
    truth = Truth(flat)
    assert_order(truth)
    d = (truth.least_distortion + truth.zero_rate_distortion) / 2
    indirect, task_model = truth.indirect().rate_at(d), truth.task_model().rate_at(d)
    assert indirect is not None
    assert task_model is not None
    assert task_model < indirect - 0.005
    assert float(oracle_rate_bits(truth.prior, d)) < task_model - 0.05


def test_no_curve_on_the_labels_lies_below_their_oracle(
    predictions: Predictions, curves: dict[str, RateDistortionCurve]
) -> None:
    for name, curve in curves.items():
        oracle = oracle_rate_bits(predictions.label_prior, curve.distortion)
        assert np.all(oracle <= curve.rate_bits + EXACT_BITS), name


def test_a_good_model_nearly_keeps_the_order_on_labels(
    predictions: Predictions, curves: dict[str, RateDistortionCurve]
) -> None:
    """Where the model is well calibrated, what the labels measure is what the posteriors promise."""
    zero_rate = float(1.0 - predictions.label_prior.max())
    mended, report = calibrated(predictions)
    assert report.expected_calibration_error_after <= 0.05
    assert report.log_loss_bits_after <= report.log_loss_bits_before + 1e-12
    assert expected_calibration_error(mended) == pytest.approx(report.expected_calibration_error_after)
    task_model = curves_from_predictions(mended, ["task_model"])["task_model"].envelope(zero_rate)
    for d in np.linspace(task_model.least_distortion + 0.01, zero_rate - 0.01, 60):
        indirect, sent = curves["indirect_estimate_and_compress"].rate_at(d), task_model.rate_at(d)
        assert indirect is not None
        assert sent is not None
        assert sent <= indirect + 0.05
