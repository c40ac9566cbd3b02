"""The family sample: draws are exact, single and joint; their rate lies between information and Li–El Gamal's bound."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec

from ratefront.bitstream.coded_stream import read_stream, write_stream
from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder
from ratefront.bitstream.rate_bits import bits_alone
from ratefront.bounds import below_oracle, task_model_curve
from ratefront.catalogue.families import SampleParameters
from ratefront.catalogue.sample_groups import largest_group
from ratefront.codecs.channel_simulation import relative_entropy_coding
from ratefront.codecs.channel_simulation.posterior_channel import (
    RateDistortionOptimal,
    TemperedPosterior,
    information_bits,
)
from ratefront.codecs.channel_simulation.rank_code import RankCode
from ratefront.codecs.channel_simulation.relative_entropy_coding import (
    ChannelSimulation,
    FloatArray,
    exponentials,
)
from ratefront.codecs.channel_simulation.sample_codec import SampleCodec
from ratefront.codecs.channel_simulation.sample_family import SampleFamily
from ratefront.codecs.codec_files import load_codec
from ratefront.codecs.codec_interface import CodecStructure
from ratefront.errors import InputError
from ratefront.task_models.task_model import predict_logits
from ratefront.testing.codec_contract import TrainedExample, train_example

pytestmark = pytest.mark.medium

SKEWED = np.array([0.5, 0.3, 0.15, 0.05])


def make_channel(samples: int, classes: int = 6, sharpness: float = 3.0) -> FloatArray:
    """Rows (samples, classes) of different posteriors, some sure and some not."""
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(samples, classes)) * sharpness
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def fitted(channel: FloatArray, group: int) -> SampleCodec:
    """A receiver that knows the channel's mean output."""
    codec = SampleCodec(None, channel.shape[1], group)
    codec.fit(channel)
    return codec


def drawn(codec: SampleCodec, channel: FloatArray, first: int = 0) -> np.ndarray:
    return codec.simulation().draw(channel, first).astype(np.int32)[:, None]


class TestSharedVariables:
    def test_exponentials_are_minus_the_logarithm_of_uniform_words(self) -> None:
        raw = np.random.Philox(1).random_raw(100_000)
        uniform = ((raw >> np.uint64(12)) + 0.5) / 2**52
        np.testing.assert_allclose(exponentials(raw), -np.log(uniform), rtol=1e-15)

    def test_extreme_exponentials_are_finite_and_above_zero(self) -> None:
        least, greatest = exponentials(np.array([2**64 - 1, 0], dtype=np.uint64))
        assert least == pytest.approx(2.0**-53)
        assert greatest == pytest.approx(53 * np.log(2))

    def test_the_bits_of_shared_variables_do_not_change(self) -> None:
        simulation = ChannelSimulation(np.full(2, 0.5), 1)
        (chunk,) = simulation._chunks(2, first=7)
        assert [value.hex() for value in chunk.shared.ravel().tolist()] == [
            "0x1.f9737bfef9e79p+0",
            "0x1.59b2f4b23609bp-6",
            "0x1.5c010b8e24002p-2",
            "0x1.2f2fb7a5fbe15p-3",
        ]


class TestDraws:
    def test_each_class_is_drawn_as_often_as_the_channel_says(self) -> None:
        simulation = ChannelSimulation(np.full(4, 0.25), 3)
        classes = simulation.draw(np.tile(SKEWED, (30_000, 1)), first=0)
        assert chisquare(np.bincount(classes), 30_000 * SKEWED).pvalue > 0.01

    def test_the_order_of_the_words_does_not_change_the_draw(self) -> None:
        channel = make_channel(99)
        even, uneven = np.full(6, 1 / 6), np.array([0.9, 0.02, 0.02, 0.02, 0.02, 0.02])
        assert np.array_equal(*(ChannelSimulation(q, 2).draw(channel, 5) for q in (even, uneven)))

    def test_samples_of_a_group_are_independent(self) -> None:
        simulation = ChannelSimulation(SKEWED, 2)
        rows = np.stack([SKEWED, SKEWED[::-1]])
        pairs = simulation.draw(np.tile(rows, (20_000, 1)), first=0).reshape(-1, 2)
        counts = np.bincount(4 * pairs[:, 0] + pairs[:, 1], minlength=16)
        assert chisquare(counts, 20_000 * np.outer(*rows).ravel()).pvalue > 0.01

    def test_a_class_of_no_probability_is_never_drawn(self) -> None:
        row = np.array([0.5, 0.0, 0.5])
        assert 1 not in ChannelSimulation(np.full(3, 1 / 3), 2).draw(np.tile(row, (1001, 1)), first=0)

    def test_blocks_at_other_positions_are_other_draws(self) -> None:
        simulation, channel = ChannelSimulation(SKEWED, 2), np.tile(SKEWED, (400, 1))
        here, elsewhere = simulation.draw(channel, 0), simulation.draw(channel, 400)
        assert (here == elsewhere).mean() == pytest.approx((SKEWED**2).sum(), abs=0.1)


class TestTheSharedOrder:
    @pytest.mark.parametrize(("group", "samples"), [(1, 5), (3, 0), (3, 2), (3, 60), (3, 61), (3, 62)])
    def test_every_word_is_found_again_from_its_rank(self, group: int, samples: int) -> None:
        simulation = ChannelSimulation(SKEWED, group)
        classes = np.random.default_rng(1).integers(0, 4, samples)
        ranks = simulation.ranks(classes, first=11)
        assert len(ranks) == -(-samples // group)
        assert np.array_equal(simulation.classes_at_ranks(ranks, samples, first=11), classes)

    def test_another_process_finds_the_same_order(self) -> None:
        ranks = np.arange(100) * 17 % 1000
        program = (
            "import sys, numpy as np\n"
            "from ratefront.codecs.channel_simulation.relative_entropy_coding import ChannelSimulation\n"
            "q = np.linspace(0.05, 0.15, 10)\n"
            "print(ChannelSimulation(q, 3).classes_at_ranks(np.arange(100) * 17 % 1000, 300, first=9).tolist())\n"
            "assert 'torch' not in sys.modules"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        here = ChannelSimulation(np.linspace(0.05, 0.15, 10), 3).classes_at_ranks(ranks, 300, first=9)
        assert done.stdout.strip() == str(here.tolist())

    def test_the_ranks_of_all_words_are_all_ranks(self) -> None:
        simulation = ChannelSimulation(SKEWED, 2)
        words = np.array([[a, b] for a in range(4) for b in range(4)])
        assert sorted(int(simulation.ranks(word, first=3)[0]) for word in words) == list(range(16))

    def test_words_of_equal_times_go_by_their_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relative_entropy_coding, "exponentials", lambda raw: np.ones(raw.shape))
        simulation = ChannelSimulation(np.full(4, 0.25), 2)
        classes = np.random.default_rng(2).integers(0, 4, 40)
        ranks = simulation.ranks(classes, first=0)
        assert np.array_equal(ranks, 4 * classes[::2] + classes[1::2])
        assert np.array_equal(simulation.classes_at_ranks(ranks, 40, first=0), classes)

    def test_the_chunk_size_changes_no_draw_and_no_rank(self, monkeypatch: pytest.MonkeyPatch) -> None:
        simulation, channel = ChannelSimulation(np.full(6, 1 / 6), 3), make_channel(100)
        classes = simulation.draw(channel, 0)
        ranks = simulation.ranks(classes, 0)
        monkeypatch.setattr(relative_entropy_coding, "_CHUNK", 500)
        assert np.array_equal(simulation.draw(channel, 0), classes)
        assert np.array_equal(simulation.ranks(classes, 0), ranks)

    def test_too_many_words_are_refused_with_the_largest_group(self) -> None:
        with pytest.raises(InputError, match=r"10\^6 joint outcomes, .* at most 100000: group must be ≤ 5"):
            ChannelSimulation(np.full(10, 0.1), 6)

    @pytest.mark.parametrize(("classes", "words", "group"), [(10, 10_000, 4), (10, 9_999, 3), (1000, 500, 1)])
    def test_the_largest_group_is_the_last_that_fits(self, classes: int, words: int, group: int) -> None:
        assert largest_group(classes, words) == group


class TestRankCode:
    @pytest.fixture
    def code(self) -> RankCode:
        code = RankCode(classes=5, group=4)
        generator = np.random.default_rng(4)
        code.fit([generator.geometric(0.1, 300) % 5**length for length in range(1, 5)])
        return code

    @pytest.mark.parametrize("length", [1, 2, 3, 4])
    def test_rank_probabilities_are_a_distribution(self, code: RankCode, length: int) -> None:
        """The probabilities of all ranks sum to 1."""
        ranks = np.arange(5**length)
        bits = code.bits(ranks, np.full(len(ranks), length))
        assert float((2.0**-bits).sum()) == pytest.approx(1.0, abs=1e-12)

    def test_every_rank_comes_back(self, code: RankCode) -> None:
        lengths = np.repeat([4, 3, 2, 1], [625, 125, 25, 5])
        ranks = np.concatenate([np.arange(5**length) for length in (4, 3, 2, 1)])
        encoder = SymbolEncoder()
        code.write(ranks, lengths, encoder)
        assert np.array_equal(code.read(lengths, SymbolDecoder(encoder.words())), ranks)


class TestRate:
    @pytest.mark.parametrize("group", [1, 2, 3, 4])
    def test_the_rate_lies_between_the_information_and_its_bound(self, group: int) -> None:
        """I ≤ R ≤ I + log2(I + 1) + 4 bits a group (Li and El Gamal 2018, theorem 1)."""
        channel = make_channel(4000)
        codec, information = fitted(channel, group), group * information_bits(channel)
        sent = group * 8 * len(codec.encode(drawn(codec, channel))) / len(channel)
        assert information < sent < information + np.log2(information + 1) + 4

    def test_mean_log_rank_keeps_the_bound_of_li_and_el_gamal(self) -> None:
        channel = make_channel(4000)
        codec = fitted(channel, 2)
        ranks = codec.simulation().ranks(codec.simulation().draw(channel, 0), 0)
        allowed = 2 * information_bits(channel) + np.log2(np.e) / np.e + 1
        assert np.log2(ranks + 1).mean() < allowed

    def test_larger_groups_cost_less_a_sample(self) -> None:
        channel = make_channel(2400)
        codecs = [fitted(channel, group) for group in (1, 2, 3, 4)]
        rates = [8 * len(codec.encode(drawn(codec, channel))) / len(channel) for codec in codecs]
        assert rates == sorted(rates, reverse=True)

    def test_a_group_shares_its_estimate_equally(self) -> None:
        channel = make_channel(11)
        codec = fitted(channel, 4)
        shares = codec.estimate_bits(drawn(codec, channel)).numpy()
        assert len(set(shares[:4])) == len(set(shares[4:8])) == len(set(shares[8:])) == 1


@pytest.fixture(scope="module", params=["sample-communicate", "sample-task-model"])
def trained(
    request: pytest.FixtureRequest, task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> TrainedExample:
    folder = tmp_path_factory.mktemp(request.param)
    return train_example(CODEC_CONFIGURATIONS[request.param], small_sweep_spec(), task_model_folder, folder)


class TestOnDigits:
    def codec(self, trained: TrainedExample) -> SampleCodec:
        assert isinstance(trained.codec, SampleCodec)
        return trained.codec

    def test_the_rate_is_not_below_the_oracle_bound(self, trained: TrainedExample) -> None:
        stream = write_stream(trained.codec, trained.identity, trained.latents, len(trained.latents))
        labels, classes = trained.data.test.labels, trained.latents[:, 0].astype(np.int64)
        rate_bits = stream.rate_bits
        assert below_oracle(labels, classes, rate_bits, 10, draws_or_uses_position=True) is None

    def test_the_rate_is_information_plus_overhead(self, trained: TrainedExample) -> None:
        metrics = trained.codec.extra_metrics(trained.data.test.images)
        rate_bits = write_stream(trained.codec, trained.identity, trained.latents, 360).rate_bits
        sent = metrics["information_bits"] + metrics["simulation_overhead_bits"]
        assert 0 < metrics["information_bits"] < sent
        assert rate_bits == pytest.approx(sent, rel=0.02)

    def test_a_receiver_decodes_without_a_task_model(self, trained: TrainedExample) -> None:
        receiver, identity = load_codec(
            trained.files.codec_config, trained.files.codec_weights, receiver_only=True
        )
        assert not list(receiver.parameters())
        stream = write_stream(trained.codec, trained.identity, trained.latents, 150)
        assert np.array_equal(read_stream(receiver, identity, stream.data), trained.latents)

    def test_samples_sent_alone_are_drawn_alone(self, trained: TrainedExample) -> None:
        images = torch.from_numpy(trained.data.test.images[:60])
        alone = trained.codec.analyse_alone(images, 40)
        assert np.array_equal(alone[7:8], trained.codec.analyse(images[7:8], 47))
        estimates = [float(trained.codec.estimate_bits(alone[i : i + 1], 40 + i)[0]) for i in range(60)]
        strings = [8 * len(trained.codec.encode(alone[i : i + 1], 40 + i)) for i in range(60)]
        assert all(bits >= estimate - 1 for bits, estimate in zip(strings, estimates, strict=True))

    def test_samples_sent_alone_cost_more(self, trained: TrainedExample) -> None:
        images = torch.from_numpy(trained.data.test.images)
        alone = bits_alone(trained.codec, trained.codec.analyse_alone(images))
        assert alone.mean() > float(trained.codec.estimate_bits(trained.latents).mean())

    def test_the_transmitter_holds_the_orders_probabilities(self, trained: TrainedExample) -> None:
        codec = self.codec(trained)
        learned = isinstance(codec.transmitter.channel, RateDistortionOptimal)
        assert codec.further_state_bytes() == 8 * 10 * (1 + learned)

    @pytest.mark.parametrize("slope", [2.5, 5.0, 10.0])
    def test_the_optimal_channel_lies_on_the_task_models_curve(
        self, trained: TrainedExample, slope: float
    ) -> None:
        """The tempered posterior needs more information at the same error."""
        logits = predict_logits(trained.task_model, trained.data.train.images)
        curve = task_model_curve(logits, trained.data.train.labels).expected()
        optimal = RateDistortionOptimal(slope, 10)
        optimal.fit(logits)
        posterior = logits.double().softmax(dim=1).numpy()
        information, error = measured(optimal.probabilities(logits), posterior)
        assert information == pytest.approx(float(curve.rate_at(error)), abs=2e-3)
        information, error = measured(TemperedPosterior(slope / 10).probabilities(logits), posterior)
        assert information > float(curve.rate_at(error)) + 0.01


def measured(channel: FloatArray, posterior: FloatArray) -> tuple[float, float]:
    """Information in bit, and the error that the posteriors themselves expect."""
    return information_bits(channel), 1 - float((channel * posterior).sum(axis=1).mean())


class TestParameters:
    @pytest.mark.parametrize(
        ("channel", "missing"), [("sample_and_communicate", "sharpness"), ("task_model", "slope")]
    )
    def test_a_channel_needs_its_own_parameter(self, channel: str, missing: str) -> None:
        with pytest.raises(ValueError, match=f"{missing} is needed when channel is {channel}"):
            SampleParameters.model_validate({"channel": channel})

    @pytest.mark.parametrize(
        ("channel", "meaningless"),
        [
            ({"channel": "sample_and_communicate", "sharpness": 1.0, "slope": 2.0}, "slope"),
            ({"channel": "task_model", "slope": 2.0, "sharpness": 1.0}, "sharpness"),
        ],
    )
    def test_a_channel_refuses_the_parameters_of_others(
        self, channel: dict[str, object], meaningless: str
    ) -> None:
        with pytest.raises(ValueError, match=f"{meaningless} means nothing when channel is"):
            SampleParameters.model_validate(channel)

    @pytest.mark.parametrize(
        ("facts", "problem"),
        [
            ({"classes": 10}, None),
            ({}, None),
            ({"classes": 40}, "group must be ≤ 3"),
            ({"classes": 1000}, "≤ 1"),
        ],
    )
    def test_a_group_fits_the_data_sets_classes(self, facts: dict[str, int], problem: str | None) -> None:
        parameters = SampleParameters(channel="task_model", slope=2.0, group=4)
        assert (problem or "None") in str(parameters.unfit(facts))

    def test_a_group_of_too_many_words_is_refused(self) -> None:
        parameters = {"channel": "task_model", "slope": 2.0, "group": 6}
        structure = CodecStructure(parameters, {"name": "small_cnn"}, 10, (1, 8, 8))
        with pytest.raises(InputError, match="a group of 6 samples of 10 classes"):
            SampleFamily().build(structure, receiver_only=True)

    def test_four_samples_of_ten_classes_are_the_usual_group(self) -> None:
        structure = CodecStructure(
            {"channel": "task_model", "slope": 2.0}, {"name": "small_cnn"}, 10, (1, 8, 8)
        )
        assert SampleFamily().build(structure, receiver_only=True).group == 4
