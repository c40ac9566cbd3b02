"""Every family of the catalogue passes the codec contract, on real digits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec

from ratefront.bitstream.coded_stream import write_stream
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.families import SplitParameters
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.distortions import divergence_from_teacher
from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.complexity.macs import multiply_accumulates
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.spec.space.configurations import uses_seed
from ratefront.task_models.architectures.small_cnn import SmallCNN
from ratefront.testing.codec_contract import (
    CodecContract,
    LearnedContract,
    PerSampleContract,
    TrainedExample,
    TransmitterContract,
    train_example,
)

pytestmark = [pytest.mark.medium, pytest.mark.usefixtures("short_recovery")]

LEARNED = [
    name
    for name, values in CODEC_CONFIGURATIONS.items()
    if values["family"] in ("split", "student")
    or values.get("codec") == "learned"
    or values.get("classifier") == "small"
]
FILES = {
    name for name, values in CODEC_CONFIGURATIONS.items() if values.get("codec") in ("png", "jpeg", "webp")
}
DRAW_JOINTLY = {"sample"}  # families whose latents of a sample depend on its block


class Examples(dict[str, TrainedExample]):
    """An example of each configuration, which is trained when it is first asked for."""

    def __init__(self, train: Callable[[str], TrainedExample]) -> None:
        super().__init__()
        self._train = train

    def __missing__(self, name: str) -> TrainedExample:
        self[name] = self._train(name)
        return self[name]


@pytest.fixture(scope="session")
def examples(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainedExample]:
    def train(name: str) -> TrainedExample:
        values = CODEC_CONFIGURATIONS[name]
        return train_example(values, small_sweep_spec(), task_model_folder, tmp_path_factory.mktemp(name))

    return Examples(train)


class TestEveryFamily(CodecContract):
    @pytest.fixture(params=CODEC_CONFIGURATIONS)
    def trained(self, request: pytest.FixtureRequest, examples: dict[str, TrainedExample]) -> TrainedExample:
        return examples[request.param]


class TestFamiliesWithLatentsPerSample(PerSampleContract):
    @pytest.fixture(
        params=[name for name, values in CODEC_CONFIGURATIONS.items() if values["family"] not in DRAW_JOINTLY]
    )
    def trained(self, request: pytest.FixtureRequest, examples: dict[str, TrainedExample]) -> TrainedExample:
        return examples[request.param]


class TestFamiliesWithNetworksAndTables(TransmitterContract):
    @pytest.fixture(params=[name for name in CODEC_CONFIGURATIONS if name not in FILES])
    def trained(self, request: pytest.FixtureRequest, examples: dict[str, TrainedExample]) -> TrainedExample:
        return examples[request.param]


class TestLearnedFamilies(LearnedContract):
    @pytest.fixture(params=LEARNED)
    def trained(self, request: pytest.FixtureRequest, examples: dict[str, TrainedExample]) -> TrainedExample:
        return examples[request.param]


def test_draws_jointly_is_true_for_these_families_only(examples: dict[str, TrainedExample]) -> None:
    trained = [examples[name] for name in CODEC_CONFIGURATIONS]
    assert {example.family for example in trained if example.codec.draws_jointly} == DRAW_JOINTLY


@pytest.mark.parametrize("name", sorted(set(CODEC_CONFIGURATIONS) - set(LEARNED)))
def test_families_that_learn_nothing_have_no_learner(examples: dict[str, TrainedExample], name: str) -> None:
    assert examples[name].untrained(seed=0)[1] is None


@pytest.mark.parametrize("name", CODEC_CONFIGURATIONS)
def test_only_learned_families_use_the_seed(name: str) -> None:
    assert uses_seed(CODEC_CONFIGURATIONS[name]) == (name in LEARNED)


def random_latents(codec: LabelCodec, images: torch.Tensor, first: int = 0) -> Symbols:
    return torch.randint(10, (len(images), 1), dtype=torch.int32).numpy()


def test_an_undeclared_random_draw_fails_the_contract(
    examples: dict[str, TrainedExample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LabelCodec, "analyse", random_latents)
    with pytest.raises(AssertionError):
        CodecContract().test_codecs_without_seed_are_equal_for_all_seeds(examples["label-lossless"])


def test_undeclared_training_fails_the_contract(
    examples: dict[str, TrainedExample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SplitParameters, "uses_seed", False)
    with pytest.raises(AssertionError, match="what is trained depends on the seed"):
        CodecContract().test_codecs_without_seed_are_equal_for_all_seeds(examples["split-factorized"])


def test_every_family_of_the_catalogue_has_an_example() -> None:
    assert {values["family"] for values in CODEC_CONFIGURATIONS.values()} == set(CATALOGUE.families)


def test_every_example_is_valid_by_its_parameter_model() -> None:
    for values in CODEC_CONFIGURATIONS.values():
        parameters = {name: value for name, value in values.items() if name != "family"}
        CATALOGUE.families[values["family"]].parameters.model_validate(parameters)


def test_a_receiver_imports_no_compressai(examples: dict[str, TrainedExample], tmp_path: Path) -> None:
    trained = examples["split-factorized"]
    latents = trained.codec.analyse(torch.from_numpy(trained.data.test.images))
    path = tmp_path / "stream.bin"
    path.write_bytes(write_stream(trained.codec, trained.identity, latents, 1000).data)
    program = (
        "import sys; from pathlib import Path; from ratefront.trial.receiver import decode_file\n"
        "classes = decode_file(*map(Path, sys.argv[1:]))\n"
        "assert not {'compressai', 'ray', 'mlflow', 'optuna'} & set(sys.modules), 'too much imported'\n"
        "print(','.join(map(str, classes)))"
    )
    files = [trained.files.codec_config, trained.files.codec_weights, path]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, files)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ",".join(map(str, trained.codec.classify(latents).tolist()))


@pytest.mark.parametrize("entropy_model", ["factorized", "categorical"])
def test_sga_lowers_its_own_loss(examples: dict[str, TrainedExample], entropy_model: str) -> None:
    """Rate + β·KL(teacher ‖ codec), over integers: no sample gets worse, and the mean gets better."""
    codec = examples[f"split-{entropy_model}-sga"].codec
    assert isinstance(codec, BottleneckCodec)
    assert codec.teacher is not None
    images = torch.from_numpy(examples[f"split-{entropy_model}-sga"].data.test.images)
    features = codec.features(images)
    with torch.no_grad():
        plain = codec.bottleneck.model.quantize(codec.bottleneck.latent_parameters(features))
        losses = [_loss(codec, features, latents) for latents in (plain, codec.quantize_features(features))]
    assert (losses[1] <= losses[0] + 1e-4).all()
    assert losses[1].mean() < losses[0].mean() - 0.01


def _loss(codec: BottleneckCodec, features: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    assert codec.teacher is not None
    model = codec.bottleneck.model
    return model.bits(model.dequantize(latents)) + codec.beta * divergence_from_teacher(
        codec.logits(latents), codec.teacher(features)
    )


@pytest.mark.parametrize("name", CODEC_CONFIGURATIONS)
def test_multiply_accumulates_of_every_family_are_known(
    examples: dict[str, TrainedExample], name: str
) -> None:
    codec, images = examples[name].codec, torch.from_numpy(examples[name].data.test.images[:1])
    assert codec.transmitter_macs(images).unknown == ()


@pytest.mark.parametrize("name", ["split-factorized", "split-categorical"])
def test_sga_costs_three_forward_passes_a_step(examples: dict[str, TrainedExample], name: str) -> None:
    """Those of synthesis, densities and back end; and one pass of the task model's own back end."""
    plain, refined = examples[name].codec, examples[f"{name}-sga"].codec
    assert isinstance(refined, BottleneckCodec)
    images = torch.from_numpy(examples[name].data.test.images[:1])
    features = refined.features(images)
    relaxed = refined.bottleneck.model.dequantize(refined.quantize_features(features))
    parts = [
        multiply_accumulates(run, values).counted
        for run, values in (
            (refined.bottleneck.synthesise, relaxed),
            (refined.bottleneck.model.bits, relaxed),
            (refined.back_end, features),
        )
    ]
    added = refined.transmitter_macs(images).counted - plain.transmitter_macs(images).counted
    assert added == 3 * 30 * sum(parts) + parts[2]


def test_sga_makes_the_transmitter_larger(examples: dict[str, TrainedExample]) -> None:
    plain, refined, distilled = (
        module_bytes(*examples[name].codec.transmitter_modules())
        for name in ("split-factorized", "split-factorized-sga", "split-distilled-sga")
    )
    assert (
        plain < distilled < refined
    )  # distilling needs synthesis and prior, a teacher its back ends as well


def test_time_sharing_sends_the_share_on_a_schedule(examples: dict[str, TrainedExample]) -> None:
    trained, lossless = examples["label-time-shared"], examples["label-lossless"]
    images = torch.from_numpy(trained.data.test.images)
    shared, all_sent = trained.codec.analyse(images)[:, 0], lossless.codec.analyse(images)[:, 0]
    sent = np.diff(np.floor(0.6 * np.arange(len(images) + 1))) > 0
    assert sent.mean() == pytest.approx(0.6, abs=1 / len(images))
    assert np.array_equal(shared[sent], all_sent[sent])
    assert len(set(shared[~sent])) == 1
    second_half = trained.codec.analyse(images[180:], first=180)[:, 0]
    assert np.array_equal(second_half, shared[180:])


def test_merging_leaves_fewer_classes(examples: dict[str, TrainedExample]) -> None:
    trained = examples["label-merged"]
    decoded = trained.codec.analyse(torch.from_numpy(trained.data.test.images))
    assert len(np.unique(decoded)) == trained.data.classes - 4


@pytest.mark.parametrize(
    ("predicted", "merged", "symbols"),
    [
        ([0, 0, 0, 1, 1, 1, 2, 3], 3, 1),
        ([0, 1, 2, 3], 1, 3),
        ([0, 1, 2, 3], 3, 1),
        ([3, 3, 3, 0, 1, 2], 2, 2),
    ],
)
def test_merging_k_classes_leaves_k_fewer_symbols(predicted: list[int], merged: int, symbols: int) -> None:
    """Also where classes are equally frequent: the commonest class is never merged."""
    codec = LabelCodec(SmallCNN(4), classes=4, share=1.0)
    codec.fit(np.array(predicted), merged)
    assert int((codec.counts > 0).sum()) == symbols
    assert codec.further_state_bytes() == 4
