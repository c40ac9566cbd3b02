"""The small classifier: its structure, the fold of its normalisations, and what its learner minimises."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_sweep import CODEC_CONFIGURATIONS, SMALL, small_sweep_spec
from torch import nn
from torch.nn import functional as F

from ratefront.catalogue.families import LabelParameters
from ratefront.codecs.codec_files import codec_structure, load_family
from ratefront.codecs.label.classifier_learner import ClassifierLearner
from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.codecs.label.small_classifier import folded, small_classifier
from ratefront.data.load_dataset import load_dataset
from ratefront.task_models.stored_task_model import load_task_model
from ratefront.testing.codec_contract import train_example

NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d)


def with_random_statistics(classifier: nn.Sequential) -> nn.Sequential:
    for layer in classifier:
        if isinstance(layer, NORMALISATIONS):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.1, 3)
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
    return classifier.eval()


@pytest.mark.parametrize(
    ("sample", "depth"),
    [((1, 8, 8), 3), ((1, 28, 28), 5), ((3, 32, 20), 2), ((3, 97, 61), 1), ((40, 3), 3), ((2, 9, 2), 1)],
)
@torch.no_grad()
def test_folding_changes_nothing_but_rounding(sample: tuple[int, ...], depth: int) -> None:
    torch.manual_seed(0)
    classifier = with_random_statistics(small_classifier(sample, 7, width=5, depth=depth))
    samples = torch.randn(6, *sample)
    network = folded(classifier)
    assert torch.allclose(network(samples), classifier(samples), rtol=1e-4, atol=1e-4)
    assert not list(network.buffers()), "statistics of the training are stored"
    assert network(samples).shape == (6, 7)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_weights_of_a_small_classifier_are_those_of_its_formula(depth: int) -> None:
    """Of images of 28×28: 5×5 and then 3×3 convolutions with biases, and a linear layer on a map of at most 4×4."""
    network = folded(small_classifier((1, 28, 28), 10, width=6, depth=depth))
    channels = [6, 9, 12, 15][:depth]
    expected = channels[0] * (25 + 1)
    expected += sum(after * (9 * before + 1) for before, after in itertools.pairwise(channels))
    places = {1: 16, 2: 16, 3: 16, 4: 4}[depth]
    expected += 10 * (channels[-1] * places + 1)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


@given(
    height=st.integers(2, 40), width=st.integers(2, 40), depth=st.integers(1, 8), channels=st.integers(1, 3)
)
def test_the_depths_that_are_accepted_can_be_built(
    height: int, width: int, depth: int, channels: int
) -> None:
    parameters = LabelParameters(
        classifier="small", classifier_width=2, classifier_depth=depth, method="lossless"
    )
    shape = (channels, height, width)
    side = min(height, width)
    sides = [side]
    for _ in range(depth - 1):
        sides.append((sides[-1] + 1) // 2)
    problem = parameters.unfit({"shape": shape})
    assert (problem is None) == (min(sides) > 1)
    if problem is not None:
        assert f"classifier_depth {depth}" in problem
        deepest = int(problem.rsplit(" ", 1)[1])
        assert parameters.model_copy(update={"classifier_depth": deepest}).unfit({"shape": shape}) is None
        assert deepest < depth
    else:
        assert folded(small_classifier(shape, 4, 2, depth))(torch.zeros(2, *shape)).shape == (2, 4)


def test_the_order_of_points_decides_nothing() -> None:
    torch.manual_seed(1)
    network = folded(with_random_statistics(small_classifier((30, 3), 5, width=8, depth=2)))
    clouds = torch.randn(4, 30, 3)
    assert torch.allclose(network(clouds), network(clouds[:, torch.randperm(30)]), atol=1e-6)


def begun(folder: Path, **changes: Any) -> tuple[LabelCodec, ClassifierLearner]:
    """A small classifier's codec and learner on digits, before the training."""
    spec = small_sweep_spec()
    data, model = load_dataset(spec.dataset), load_task_model(spec, folder)
    values = {**SMALL, "method": "lossless", **changes}
    task_model = spec.task_model.model_copy(update={"augment": changes.pop("augment", "none")})
    parameters = {name: value for name, value in values.items() if name not in ("family", "augment")}
    structure = codec_structure(parameters, task_model, data)
    family = load_family("label")
    torch.manual_seed(0)
    codec = family.build(structure)
    learner = family.learner(codec, structure, model, data)
    assert isinstance(codec, LabelCodec)
    assert isinstance(learner, ClassifierLearner)
    return codec, learner


@pytest.mark.parametrize("loss", ["cross_entropy", "distillation"])
def test_the_loss_is_the_papers(task_model_folder: Path, loss: str) -> None:
    """Of labels the cross-entropy; of the task model's output T²·KL at T = 4 (Hinton et al. 2015, §2.1)."""
    _, learner = begun(task_model_folder, classifier_loss=loss)
    batch = torch.arange(32)
    found = learner.loss(batch, 0.0)
    samples = learner.train.inputs[batch]
    logits = learner.classifier(samples)
    if loss == "cross_entropy":
        expected = -logits.log_softmax(1)[batch, learner.train.labels[batch]].mean()
    else:
        model = load_task_model(small_sweep_spec(), task_model_folder).eval()
        taught = (model(samples) / 4).softmax(1)
        expected = 16 * (taught * (taught.log() - (logits / 4).log_softmax(1))).sum(1).mean()
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_training_samples_are_augmented_as_the_task_models(task_model_folder: Path) -> None:
    """By draws of torch's global generator, which a checkpoint holds."""
    _, plain = begun(task_model_folder)
    _, shifted = begun(task_model_folder, augment="shift")
    batch = torch.arange(48)

    def loss(learner: ClassifierLearner, seed: int) -> float:
        torch.manual_seed(seed)
        return float(learner.loss(batch, 0.0).detach())

    assert loss(shifted, 1) == loss(shifted, 1) != loss(shifted, 2)
    assert loss(plain, 1) == loss(plain, 2)


def test_validation_estimates_the_entropy_of_what_is_sent(task_model_folder: Path) -> None:
    _, learner = begun(task_model_folder)
    with torch.no_grad():
        for parameter in learner.classifier[0].parameters():
            parameter.mul_(3)
    metrics = learner.validate()
    images, labels = learner.validation.inputs[torch.arange(360)], learner.validation.labels
    decisions = learner.classifier.eval()(images).argmax(1)
    counts = np.bincount(decisions.numpy(), minlength=10) + 0.5
    probabilities = counts / counts.sum()
    assert metrics["accuracy"] == pytest.approx(float((decisions == labels).float().mean()))
    assert metrics["rate_bits_estimated"] == pytest.approx(-np.log2(probabilities[decisions.numpy()]).mean())


@pytest.mark.usefixtures("short_recovery")
@pytest.mark.parametrize("example", ["label-small-int8", "label-int8", "label-pruned"])
def test_tables_follow_from_the_decisions_of_this_very_classifier(
    task_model_folder: Path, tmp_path: Path, example: str
) -> None:
    """The rarest classes are those of the stored network on the training split, after all rounding."""
    values = CODEC_CONFIGURATIONS[example]
    spec = small_sweep_spec(training={"epochs": 3})
    codec = train_example(values, spec, task_model_folder, tmp_path).codec
    assert isinstance(codec, LabelCodec)
    with torch.no_grad():
        images = torch.from_numpy(load_dataset(spec.dataset).train.images)
        decisions = torch.cat([codec.classifier(part).argmax(1) for part in images.split(100)]).numpy()
    frequency = np.bincount(decisions, minlength=10)
    rarest = np.argsort(frequency, kind="stable")[: values.get("merged_classes", 0)]
    sent_as = codec.sent_as.numpy()
    assert np.array_equal(np.flatnonzero(sent_as != np.arange(10)), np.sort(rarest))
    assert set(sent_as[rarest]) <= {int(frequency.argmax())}
    merged = np.bincount(sent_as, weights=frequency + 0.5, minlength=10)
    assert np.allclose(codec.prior.numpy(), merged / merged.sum())


def test_stored_names_are_those_of_the_first_codecs() -> None:
    """A codec of the task model that was stored by an earlier version is still read."""
    codec = LabelCodec(nn.Sequential(nn.Linear(3, 2)), classes=2, share=1.0)
    assert list(codec.state_dict()) == [
        "sent_as",
        "prior",
        "counts",
        "task_model.0.weight",
        "task_model.0.bias",
    ]


def test_unrounded_logits_agree_with_functional_layers() -> None:
    """The first layer, computed by hand."""
    torch.manual_seed(0)
    classifier = with_random_statistics(small_classifier((1, 8, 8), 3, width=4, depth=1))
    convolution, norm = classifier[0], classifier[1]
    images = torch.rand(2, 1, 8, 8)
    raw = F.conv2d(images, convolution.weight, stride=2, padding=2)
    scaled = (raw - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt()
    expected = (scaled * norm.weight[:, None, None] + norm.bias[:, None, None]).relu()
    assert torch.allclose(folded(classifier)[:2](images), expected, atol=1e-5)
