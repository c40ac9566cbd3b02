"""The contract of a codec family, as test classes to inherit.

A package that adds a family subclasses ``CodecContract`` and supplies the fixture ``trained``: a codec after a short
training on real data. Every test of the class then runs on it::

    class TestMyFamily(CodecContract):
        @pytest.fixture
        def trained(self, my_example):  # a session-scoped fixture that calls ``train_example``
            return my_example

Three more contracts hold for some families only: ``PerSampleContract`` where a sample's latents do not depend on its
neighbours (``draws_jointly`` is False), ``TransmitterContract`` where the transmitter holds networks and tables, and
``LearnedContract`` where codecs are trained by gradient.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ratefront.bitstream.coded_stream import read_stream, write_stream
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.bitstream.latent_coder import concatenate_blocks
from ratefront.bitstream.rate_bits import bits_alone
from ratefront.checkpoints.checkpoint_file import CheckpointFile
from ratefront.codecs.codec_files import load_codec
from ratefront.codecs.codec_interface import Codec
from ratefront.complexity.stored_precision import tensors_to_store
from ratefront.complexity.transmitter_bytes import module_bytes, table_bytes
from ratefront.errors import BitstreamError, InputError
from ratefront.export.coder_tables import coder_description, scheduled
from ratefront.export.halves import halves_of
from ratefront.spec.space.configurations import uses_seed
from ratefront.task_models.float_rounding import ROUNDING_TOLERANCE
from ratefront.testing.damaged_streams import assert_refused_or_harmless, mutants
from ratefront.testing.trained_example import TrainedExample, train_example
from ratefront.testing.uncounted_state import uncounted_but_read, undercounted_bytes
from ratefront.trial.checks.score_ties import RankedClasses, count_ties
from ratefront.trial.receiver import decode_file
from ratefront.trial.threads import using_threads
from ratefront.trial.train_codec import train

__all__ = [
    "CodecContract",
    "LearnedContract",
    "PerSampleContract",
    "TrainedExample",
    "TrainedExampleFixtures",
    "TransmitterContract",
    "same_latents",
    "state_bytes",
    "train_example",
]


class TrainedExampleFixtures:
    """The fixtures that every contract uses; a contract of your own can start from it, too."""

    @pytest.fixture
    def trained(self) -> TrainedExample:
        """The codec under test; a subclass supplies it."""
        raise NotImplementedError

    @pytest.fixture
    def latents(self, trained: TrainedExample) -> Symbols:
        """The codec's latents (n, elements) of all test images."""
        return trained.latents


class CodecContract(TrainedExampleFixtures):
    """What every codec family must do."""

    def test_latents_have_the_declared_shape(self, trained: TrainedExample, latents: Symbols) -> None:
        """Latents are int32 of shape (n, elements)."""
        assert len(latents) == len(trained.data.test)
        assert trained.codec.elements in (None, latents.shape[1])
        assert latents.dtype == np.int32

    def test_a_block_decodes_to_its_latents(self, trained: TrainedExample, latents: Symbols) -> None:
        """A stream that is written and read gives the same latents."""
        stream = write_stream(trained.codec, trained.identity, latents, trained.spec.block_size)
        assert np.array_equal(read_stream(trained.codec, trained.identity, stream.data), latents)

    @pytest.mark.parametrize("samples", [0, 1, 2])
    def test_the_smallest_blocks_decode(
        self, trained: TrainedExample, latents: Symbols, samples: int
    ) -> None:
        """Blocks of no sample, one sample and two samples decode to their latents."""
        few = latents[:samples]
        assert same_latents(trained.codec.decode(trained.codec.encode(few), samples), few)

    def test_a_block_costs_at_most_its_estimate(self, trained: TrainedExample, latents: Symbols) -> None:
        """A block's payload takes at most 1.02 × estimate + 64 bit, and at least the estimate up to rounding."""
        stream = write_stream(trained.codec, trained.identity, latents, trained.spec.block_size)
        for number, payload_bytes in enumerate(stream.payload_bytes):
            first = number * trained.spec.block_size
            block = latents[first : first + trained.spec.block_size]
            estimate = float(trained.codec.estimate_bits(block, first).sum())
            assert 0.98 * estimate - 8 <= 8 * payload_bytes <= 1.02 * estimate + 64

    def test_samples_alone_cost_no_less_than_the_estimate(
        self, trained: TrainedExample, latents: Symbols
    ) -> None:
        """Samples that are sent one by one cost at least the estimate."""
        alone, estimate = bits_alone(trained.codec, latents[:40]), trained.codec.estimate_bits(latents[:40])
        assert alone.sum() >= 0.98 * float(estimate.sum()) - 8

    def test_other_threads_and_batches_decode_the_same(
        self, trained: TrainedExample, latents: Symbols
    ) -> None:
        """One thread encodes a batch of 64, two threads decode it; single samples as well."""
        codec, few = trained.codec, latents[:24]
        with using_threads(1):
            strings = [codec.encode(few[i : i + 1], i) for i in range(len(few))]
            block = codec.encode(latents[:64])
        with using_threads(2):
            single = concatenate_blocks([codec.decode(string, 1, i) for i, string in enumerate(strings)])
            assert same_latents(codec.decode(block, 64), latents[:64])
        assert same_latents(single, few)

    def test_the_receiver_needs_the_files_only(
        self, trained: TrainedExample, latents: Symbols, tmp_path: Path
    ) -> None:
        """A receiver that has only the codec's files and the stream decides the same classes."""
        path = tmp_path / "stream.bin"
        path.write_bytes(write_stream(trained.codec, trained.identity, latents, trained.spec.block_size).data)
        decoded = decode_file(trained.files.codec_config, trained.files.codec_weights, path)
        assert np.array_equal(decoded, trained.codec.classify(latents).numpy())

    def test_scores_are_those_of_the_classes(self, trained: TrainedExample, latents: Symbols) -> None:
        """Scores are finite and their largest is that of the class, in this codec and in a receiver's."""
        classes = trained.codec.classify(latents).numpy()
        received, _ = load_codec(trained.files.codec_config, trained.files.codec_weights, receiver_only=True)
        scores, receiver_scores = (codec.class_scores(latents) for codec in (trained.codec, received))
        assert (scores is None) == (receiver_scores is None)
        for some_scores in (scores, receiver_scores):
            if some_scores is not None:
                assert some_scores.shape == (len(latents), trained.data.classes)
                assert some_scores.isfinite().all()
                count_ties(
                    RankedClasses.from_scores(some_scores),
                    classes,
                    lambda message: message,
                    2 * ROUNDING_TOLERANCE,
                    "scores",
                )

    def test_a_loaded_codec_equals_the_saved_one(self, trained: TrainedExample, latents: Symbols) -> None:
        """A loaded codec has the same identity and gives the same latents."""
        loaded, identity = load_codec(trained.files.codec_config, trained.files.codec_weights)
        assert identity == trained.identity
        assert np.array_equal(loaded.analyse(trained.test_images(len(latents))), latents)

    def test_encoding_reads_nothing_that_is_not_counted(self, trained: TrainedExample) -> None:
        """``transmitter_bytes`` counts all that encoding reads: overwriting the rest changes no encoded byte."""

        def load() -> Codec:
            return load_codec(trained.files.codec_config, trained.files.codec_weights, own_module=True)[0]

        def encode(codec: Codec) -> bytes:
            latents = codec.analyse(trained.test_images(24))
            return write_stream(codec, trained.identity, latents, 16).data

        uncounted, missing = uncounted_but_read(load, encode), undercounted_bytes(load())
        assert not uncounted, f"encoding reads what transmitter_modules leave out: {', '.join(uncounted)}"
        assert not missing, (
            f"tables and further_state_bytes are {missing} B less than transmitter_tensors hold"
        )

    def test_the_transmitters_parts_sum_to_its_bytes(self, trained: TrainedExample) -> None:
        """What ``transmitter_parts`` names is all of ``transmitter_bytes``, and each of it takes bytes."""
        parts = trained.codec.transmitter_parts()
        assert sum(parts.values()) == trained.codec.transmitter_bytes
        assert all(count > 0 for count in parts.values())

    def test_a_codec_is_exported_or_refused_with_a_reason(
        self, trained: TrainedExample, latents: Symbols
    ) -> None:
        """The exported networks give the codec's latents and classes, except for ties; or it is said why not."""
        codec, few, said = trained.codec, latents[:24], ""
        try:
            halves = halves_of(codec, trained.family)
        except InputError as refusal:
            said = str(refusal)
        if said:
            assert "what can be exported" in said
            return
        with torch.no_grad():
            sent, _ = halves.transmitter(trained.test_images(len(few)))
            received = halves.receiver(torch.from_numpy(few))
        classes = received if halves.output == "classes" else received.argmax(dim=1)
        exported = scheduled(sent.numpy(), coder_description(codec)["schedule"], 0)
        assert (exported == few).all(axis=1).mean() >= 23 / 24
        assert (classes == codec.classify(few)).double().mean() >= 23 / 24

    def test_weights_are_stored_in_half_precision(self, trained: TrainedExample) -> None:
        """Weights are rounded to fp16 before anything is measured, so that the stored codec is the measured one.

        Those that are kept in fp32 need not be, where the parameters ask for it.
        """
        for _, tensor, dtype, _ in tensors_to_store(trained.codec):
            assert torch.equal(tensor, tensor.to(dtype).to(tensor.dtype))
        if trained.structure.parameters.get("precision") != "fp32":
            assert all(torch.equal(p, p.half().to(p.dtype)) for p in trained.codec.parameters())

    def test_damaged_streams_are_refused(self, trained: TrainedExample) -> None:
        """Each of 300 damaged streams raises ``BitstreamError`` or decodes to the same latents."""
        codec, images = trained.codec, trained.test_images(80)
        one, other = (codec.analyse(part) for part in images.split(40))
        whole, another = (write_stream(codec, trained.identity, latents, 20).data for latents in (one, other))
        damaged = mutants(whole, another, 300, seed=0)
        assert assert_refused_or_harmless(codec, trained.identity, one, damaged)["refused"] > 200

    def test_another_codecs_stream_is_refused(self, trained: TrainedExample, latents: Symbols) -> None:
        """A stream names the codec that wrote it, and no other codec reads it."""
        stream = write_stream(trained.codec, bytes(32), latents, trained.spec.block_size)
        with pytest.raises(BitstreamError, match="another codec"):
            read_stream(trained.codec, trained.identity, stream.data)

    def test_codecs_without_seed_are_equal_for_all_seeds(self, trained: TrainedExample) -> None:
        """Where ``uses_seed`` is False, codec, stream and decoded classes are the same bits for every seed.

        A sweep tries such a configuration once.
        """
        assert uses_seed({**trained.structure.parameters, "family": trained.family}) or (
            _outputs_of_seed(trained, seed=1) == _outputs_of_seed(trained, seed=2)
        )

    def test_accuracy_is_above_chance(self, trained: TrainedExample, latents: Symbols) -> None:
        """Accuracy is 0.2 above that of always naming the commonest class."""
        labels = trained.data.test.labels
        accuracy = (trained.codec.classify(latents).numpy() == labels).mean()
        assert accuracy > np.bincount(labels).max() / len(labels) + 0.2


class PerSampleContract(TrainedExampleFixtures):
    """What a family must also do, unless its codecs draw a block's samples jointly (``draws_jointly``)."""

    def test_latents_do_not_depend_on_the_neighbours(self, trained: TrainedExample, latents: Symbols) -> None:
        """A sample alone has the latents that it has in a batch, except for ties at a rounding boundary."""
        images = trained.test_images(24)
        single = [trained.codec.analyse(images[i : i + 1], i) for i in range(len(images))]
        alone, together = np.split(concatenate_blocks([*single, latents[:24]]), 2)
        assert (alone == together).all(axis=1).mean() >= 23 / 24


class TransmitterContract(TrainedExampleFixtures):
    """What a family must also do if its transmitter holds networks and tables.

    A family that sends files of another program, as ``image`` does with PNG, holds neither.
    """

    def test_the_transmitter_is_counted(self, trained: TrainedExample) -> None:
        """Networks, tables and multiply–accumulates of the transmitter are counted, none of them as 0."""
        codec = trained.codec
        assert module_bytes(*codec.transmitter_modules()) > 0
        assert table_bytes(codec.transmitter_tables()) > 0
        assert codec.transmitter_macs(trained.test_images(1)).counted > 0


class LearnedContract(TrainedExampleFixtures):
    """What a family must also do if its codecs are trained by gradient."""

    def test_a_checkpoint_holds_all_that_training_changes(
        self, trained: TrainedExample, tmp_path: Path
    ) -> None:
        """A learner that started from another seed reads a checkpoint and trains on to the same weights, bit by bit."""
        file = CheckpointFile(tmp_path / "checkpoint.safetensors", {})
        settings = trained.spec.training
        with torch.random.fork_rng():
            codec, state = trained.untrained(seed=1)
            assert state is not None
            steps = train(state, settings, after_epoch=lambda state: file.write(state.snapshot()))
            for _ in range(3):
                next(steps)  # the checkpoint is that of the second epoch now
            again, resumed = trained.untrained(seed=2)
            snapshot = file.read()
            assert resumed is not None
            assert snapshot is not None
            resumed.restore(snapshot)
            assert next(train(resumed, settings)).step == 3
        assert state_bytes(again) == state_bytes(codec)
        for name, module in state.learner.trained_modules().items():
            assert state_bytes(resumed.learner.trained_modules()[name]) == state_bytes(module)

    def test_training_raises_the_accuracy(self, trained: TrainedExample, latents: Symbols) -> None:
        """Training raises the accuracy by more than 0.1."""
        with torch.random.fork_rng():
            codec, state = trained.untrained(seed=0)
        assert state is not None
        state.learner.finish()
        codec.eval()
        labels, images = trained.data.test.labels, trained.test_images(len(latents))
        before = (codec.classify(codec.analyse(images)).numpy() == labels).mean()
        after = (trained.codec.classify(latents).numpy() == labels).mean()
        assert after > before + 0.1


def state_bytes(module: torch.nn.Module) -> dict[str, bytes]:
    """The bytes of every tensor in a module's ``state_dict``."""
    return {name: tensor.numpy().tobytes() for name, tensor in module.state_dict().items()}


def same_latents(some: Symbols, others: Symbols) -> bool:
    """Whether both are the same samples' latents; ragged ones may be filled up to different widths."""
    both = concatenate_blocks([some, others])
    return len(some) == len(others) and np.array_equal(both[: len(some)], both[len(some) :])


def _outputs_of_seed(trained: TrainedExample, seed: int) -> tuple[object, ...]:
    """State, stream and decoded classes of a codec that learns nothing, built with this seed."""
    with torch.random.fork_rng():
        codec, state = trained.untrained(seed)
        assert state is None, "what is trained depends on the seed"
        latents = codec.eval().analyse(trained.test_images(200))
        stream = write_stream(codec, trained.identity, latents, trained.spec.block_size).data
        return state_bytes(codec), stream, codec.classify(latents).tolist()
