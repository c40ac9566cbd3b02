"""The contract of a codec family, as tests to inherit.

A new family subclasses ``CodecContract`` and supplies the fixture ``trained`` (a codec after a short training on real
data); everything below is then tried on it::

    class TestMyFamily(CodecContract):
        @pytest.fixture
        def trained(self, my_example):  # a session-scoped fixture that calls ``train_example``
            return my_example

One whose latents of a sample are its own (``draws_jointly`` is False) subclasses ``PerSampleContract`` besides, one
whose transmitter holds networks and tables ``TransmitterContract``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch

from ratefront.bitstream.coded_stream import read_stream, write_stream
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.bitstream.latent_coder import concatenate_blocks
from ratefront.bitstream.rate_bits import bits_alone
from ratefront.codecs.codec_files import load_codec, load_family, save_codec, structure_of
from ratefront.codecs.contract import Codec, CodecStructure, Learner
from ratefront.complexity.transmitter_bytes import module_bytes, table_bytes
from ratefront.data.dataset import Dataset
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import BitstreamError
from ratefront.records import Scalar
from ratefront.spec.schema import SweepSpec
from ratefront.spec.space.configurations import uses_seed
from ratefront.store.sweep_folder import TrialFolder
from ratefront.tasks.float_rounding import ROUNDING_TOLERANCE
from ratefront.tasks.stored_task_model import load_task_model
from ratefront.tasks.task_model import TaskModel
from ratefront.testing.stream_mutants import mutants, survive
from ratefront.testing.uncounted_state import needed_but_left_out, undercounted_bytes
from ratefront.training.checkpoint_file import CheckpointFile
from ratefront.training.training_state import TrainingState
from ratefront.trial.checks.score_ties import RankedClasses, count_ties
from ratefront.trial.receiver import decode_file
from ratefront.trial.threads import using_threads
from ratefront.trial.train_codec import begin, train


@dataclass(frozen=True)
class TrainedExample:
    """A codec as a trial leaves it, with all that the tests compare it to."""

    codec: Codec
    identity: bytes
    structure: CodecStructure
    files: TrialFolder
    data: Dataset
    spec: SweepSpec
    family: str
    task_model: TaskModel

    @cached_property
    def latents(self) -> Symbols:
        """The latents of all test images."""
        return self.codec.analyse(torch.from_numpy(self.data.test.images))

    def untrained(self, seed: int) -> tuple[Codec, TrainingState[Learner] | None]:
        """The same kind of codec before its first epoch; None where it has nothing to learn."""
        return _begin(self.family, self.structure, self.task_model, self.data, self.spec, seed)


def _begin(
    family: str, structure: CodecStructure, task_model: TaskModel, data: Dataset, spec: SweepSpec, seed: int
) -> tuple[Codec, TrainingState[Learner] | None]:
    torch.manual_seed(seed)
    loaded = load_family(family)
    codec = loaded.build(structure)
    learner = loaded.learner(codec, structure, task_model, data)
    return codec, begin(learner, spec.training, seed) if learner is not None else None


def train_example(
    values: Mapping[str, Scalar], spec: SweepSpec, task_model: Path, folder: Path
) -> TrainedExample:
    """Train a family's codec for a sweep's epochs and save it; ``task_model`` is a prepared task model's folder."""
    data, model = load_dataset(spec.dataset), load_task_model(spec, task_model)
    own = {name: value for name, value in values.items() if name != "family"}
    structure = structure_of(own, spec.task_model, data)
    family, files = str(values["family"]), TrialFolder(folder)
    with torch.random.fork_rng():
        codec, state = _begin(family, structure, model, data, spec, seed=0)
        if state is not None:
            for _ in train(state, spec.training):
                pass
    identity = save_codec(codec.eval(), family, structure, files.codec_config, files.codec_weights)
    return TrainedExample(codec, identity, structure, files, data, spec, family, model)


def state_bytes(module: torch.nn.Module) -> dict[str, bytes]:
    """Every tensor of a module's state, bit by bit."""
    return {name: tensor.numpy().tobytes() for name, tensor in module.state_dict().items()}


def same_latents(some: Symbols, others: Symbols) -> bool:
    """Whether they are the same samples', however far ragged ones are filled up."""
    both = concatenate_blocks([some, others])
    return len(some) == len(others) and np.array_equal(both[: len(some)], both[len(some) :])


class OfAnExample:
    """What all contracts are tried on."""

    @pytest.fixture
    def trained(self) -> TrainedExample:
        """The example to try; subclasses supply it."""
        raise NotImplementedError

    @pytest.fixture
    def latents(self, trained: TrainedExample) -> Symbols:
        return trained.latents


class CodecContract(OfAnExample):
    """What every codec family has to do."""

    def test_latents_have_the_declared_shape(self, trained: TrainedExample, latents: Symbols) -> None:
        assert len(latents) == len(trained.data.test)
        assert trained.codec.elements in (None, latents.shape[1])
        assert latents.dtype == np.int32

    def test_a_block_decodes_to_its_latents(self, trained: TrainedExample, latents: Symbols) -> None:
        stream = write_stream(trained.codec, trained.identity, latents, trained.spec.block_size)
        assert np.array_equal(read_stream(trained.codec, trained.identity, stream.data), latents)

    @pytest.mark.parametrize("samples", [0, 1, 2])
    def test_the_smallest_blocks(self, trained: TrainedExample, latents: Symbols, samples: int) -> None:
        few = latents[:samples]
        assert same_latents(trained.codec.decode(trained.codec.encode(few), samples), few)

    def test_a_block_costs_at_most_its_estimate(self, trained: TrainedExample, latents: Symbols) -> None:
        """Theory §4: block payload ≤ 1.02 × estimate + 64 bit; and never less than the estimate by more than
        rounding.
        """
        stream = write_stream(trained.codec, trained.identity, latents, trained.spec.block_size)
        for number, payload_bytes in enumerate(stream.payload_bytes):
            first = number * trained.spec.block_size
            block = latents[first : first + trained.spec.block_size]
            estimate = float(trained.codec.estimate_bits(block, first).sum())
            assert 0.98 * estimate - 8 <= 8 * payload_bytes <= 1.02 * estimate + 64

    def test_alone_costs_no_less_than_the_estimate(self, trained: TrainedExample, latents: Symbols) -> None:
        alone, estimate = bits_alone(trained.codec, latents[:40]), trained.codec.estimate_bits(latents[:40])
        assert alone.sum() >= 0.98 * float(estimate.sum()) - 8

    def test_other_threads_and_batches_decode_the_same(
        self, trained: TrainedExample, latents: Symbols
    ) -> None:
        """Theory §4: encoded by one thread in batches of 64, decoded by two threads, sample by sample."""
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
        path = tmp_path / "stream.bin"
        path.write_bytes(write_stream(trained.codec, trained.identity, latents, trained.spec.block_size).data)
        decoded = decode_file(trained.files.codec_config, trained.files.codec_weights, path)
        assert np.array_equal(decoded, trained.codec.classify(latents).numpy())

    def test_scores_are_those_of_the_classes(self, trained: TrainedExample, latents: Symbols) -> None:
        """Here and at a receiver, which has the files only: finite, and the class is that of the largest."""
        classes = trained.codec.classify(latents).numpy()
        received, _ = load_codec(trained.files.codec_config, trained.files.codec_weights, receiver_only=True)
        scores, of_receiver = (codec.class_scores(latents) for codec in (trained.codec, received))
        assert (scores is None) == (of_receiver is None)
        for of_one in (scores, of_receiver):
            if of_one is not None:
                assert of_one.shape == (len(latents), trained.data.classes)
                assert of_one.isfinite().all()
                count_ties(
                    RankedClasses.of(of_one), classes, lambda found: found, 2 * ROUNDING_TOLERANCE, "scores"
                )

    def test_saved_and_loaded_it_is_the_same_codec(self, trained: TrainedExample, latents: Symbols) -> None:
        loaded, identity = load_codec(trained.files.codec_config, trained.files.codec_weights)
        assert identity == trained.identity
        assert np.array_equal(loaded.analyse(_images(trained, len(latents))), latents)

    def test_encoding_reads_nothing_that_is_not_counted(self, trained: TrainedExample) -> None:
        """Theory §6: ``transmitter_bytes`` are of all that encoding needs. What they leave out is spoiled here."""

        def load() -> Codec:
            return load_codec(trained.files.codec_config, trained.files.codec_weights, own_module=True)[0]

        def encode(codec: Codec) -> bytes:
            latents = codec.analyse(_images(trained, 24))
            return write_stream(codec, trained.identity, latents, 16).data

        left_out, missing = needed_but_left_out(load, encode), undercounted_bytes(load())
        assert not left_out, f"encoding reads what transmitter_modules leave out: {', '.join(left_out)}"
        assert not missing, (
            f"tables and further_state_bytes are {missing} B less than transmitter_tensors hold"
        )

    def test_it_is_stored_in_half_precision(self, trained: TrainedExample) -> None:
        """Weights are rounded before anything is measured: what is stored is what was measured."""
        assert all(torch.equal(p, p.half().to(p.dtype)) for p in trained.codec.parameters())

    def test_damaged_streams_are_refused(self, trained: TrainedExample) -> None:
        """Each of 300 mutants: an error of one kind or the same latents, whatever the decoder is given to read."""
        codec, images = trained.codec, _images(trained, 80)
        one, other = (codec.analyse(part) for part in images.split(40))
        whole, another = (write_stream(codec, trained.identity, latents, 20).data for latents in (one, other))
        found = mutants(whole, another, 300, seed=0)
        assert survive(codec, trained.identity, one, found)["refused"] > 200

    def test_another_codecs_stream_is_refused(self, trained: TrainedExample, latents: Symbols) -> None:
        stream = write_stream(trained.codec, bytes(32), latents, trained.spec.block_size)
        with pytest.raises(BitstreamError, match="another codec"):
            read_stream(trained.codec, trained.identity, stream.data)

    def test_what_uses_no_seed_is_the_same_with_another(self, trained: TrainedExample) -> None:
        """A sweep tries it once: codec, stream and decoded classes are the same, bit by bit."""
        assert uses_seed({**trained.structure.parameters, "family": trained.family}) or (
            _made_with(trained, seed=1) == _made_with(trained, seed=2)
        )

    def test_it_beats_chance(self, trained: TrainedExample, latents: Symbols) -> None:
        labels = trained.data.test.labels
        accuracy = (trained.codec.classify(latents).numpy() == labels).mean()
        assert accuracy > np.bincount(labels).max() / len(labels) + 0.2


class PerSampleContract(OfAnExample):
    """What a family has to do besides, unless its codecs draw the samples of a block jointly (``draws_jointly``)."""

    def test_latents_do_not_depend_on_the_neighbours(self, trained: TrainedExample, latents: Symbols) -> None:
        """Only the coder is batched: a sample's latents are its own, but for ties at a rounding boundary."""
        images = _images(trained, 24)
        single = [trained.codec.analyse(images[i : i + 1], i) for i in range(len(images))]
        alone, together = np.split(concatenate_blocks([*single, latents[:24]]), 2)
        assert (alone == together).all(axis=1).mean() >= 23 / 24


class TransmitterContract(OfAnExample):
    """What a family has to do besides whose transmitter holds networks and tables (files of other programs do not)."""

    def test_the_transmitter_is_counted(self, trained: TrainedExample) -> None:
        codec = trained.codec
        assert module_bytes(*codec.transmitter_modules()) > 0
        assert table_bytes(codec.transmitter_tables()) > 0
        assert codec.transmitter_macs(_images(trained, 1)).counted > 0


class LearnedContract(OfAnExample):
    """What a family has to do besides whose codecs are trained."""

    def test_a_checkpoint_holds_all_that_training_changes(
        self, trained: TrainedExample, tmp_path: Path
    ) -> None:
        """Read back into a learner that began otherwise, training goes on to the very same weights."""
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

    def test_training_makes_it_better_than_it_began(self, trained: TrainedExample, latents: Symbols) -> None:
        with torch.random.fork_rng():
            codec, state = trained.untrained(seed=0)
        assert state is not None
        state.learner.finish()
        codec.eval()
        labels, test = trained.data.test.labels, _images(trained, len(latents))
        began = (codec.classify(codec.analyse(test)).numpy() == labels).mean()
        ended = (trained.codec.classify(latents).numpy() == labels).mean()
        assert ended > began + 0.1


def _made_with(trained: TrainedExample, seed: int) -> tuple[object, ...]:
    """All that a trial of this seed leaves of a codec that learns nothing."""
    with torch.random.fork_rng():
        codec, state = trained.untrained(seed)
        assert state is None, "what is trained depends on the seed"
        latents = codec.eval().analyse(_images(trained, 200))
        stream = write_stream(codec, trained.identity, latents, trained.spec.block_size).data
        return state_bytes(codec), stream, codec.classify(latents).tolist()


def _images(trained: TrainedExample, count: int) -> torch.Tensor:
    return torch.from_numpy(trained.data.test.images[:count])
