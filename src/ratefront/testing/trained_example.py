"""A codec of a family after a short training on real data: what the codec contracts are tried on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from ratefront.bitstream.entropy_coder import Symbols
from ratefront.checkpoints.training_state import TrainingState
from ratefront.codecs.codec_files import codec_structure, load_family, save_codec
from ratefront.codecs.codec_interface import Codec, CodecStructure, Learner
from ratefront.data.dataset import Dataset
from ratefront.data.load_dataset import load_dataset
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.sweep_folder import TrialFolder
from ratefront.task_models.stored_task_model import load_task_model
from ratefront.task_models.task_model import TaskModel
from ratefront.trial.train_codec import begin, train
from ratefront.trial_records import Scalar


@dataclass(frozen=True)
class TrainedExample:
    """A codec as a trial leaves it, with everything that the tests compare it to.

    Attributes:
        codec: The trained codec, in evaluation mode.
        identity: The 32 bytes by which a stream names its codec.
        structure: What the codec was built from.
        files: Where its two files are stored.
        data: The data set that it was trained on.
        spec: The sweep whose settings were used.
        family: The name of its family.
        task_model: The trained task model.
    """

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
        """The latents (n, elements) of all test images."""
        return self.codec.analyse(torch.from_numpy(self.data.test.images))

    def test_images(self, count: int) -> torch.Tensor:
        """The first ``count`` images of the test split."""
        return torch.from_numpy(self.data.test.images[:count])

    def untrained(self, seed: int) -> tuple[Codec, TrainingState[Learner] | None]:
        """The same kind of codec before its first epoch; the state is None where it has nothing to learn."""
        return _begin_training(self.family, self.structure, self.task_model, self.data, self.spec, seed)


def train_example(
    values: Mapping[str, Scalar], spec: SweepSpec, task_model: Path, folder: Path, seed: int = 0
) -> TrainedExample:
    """Train one codec for a sweep's epochs and save it.

    Args:
        values: The trial's parameters, ``family`` among them.
        spec: The sweep: data set, task model, training settings.
        task_model: The folder of a prepared task model.
        folder: Where the codec's files are written.
        seed: The seed of the training.
    """
    data, model = load_dataset(spec.dataset), load_task_model(spec, task_model)
    parameters = {name: value for name, value in values.items() if name != "family"}
    structure = codec_structure(parameters, spec.task_model, data)
    family, files = str(values["family"]), TrialFolder(folder)
    with torch.random.fork_rng():
        codec, state = _begin_training(family, structure, model, data, spec, seed)
        if state is not None:
            for _ in train(state, spec.training):
                pass
    identity = save_codec(codec.eval(), family, structure, files.codec_config, files.codec_weights)
    return TrainedExample(codec, identity, structure, files, data, spec, family, model)


def _begin_training(
    family: str, structure: CodecStructure, task_model: TaskModel, data: Dataset, spec: SweepSpec, seed: int
) -> tuple[Codec, TrainingState[Learner] | None]:
    torch.manual_seed(seed)
    loaded = load_family(family)
    codec = loaded.build(structure)
    learner = loaded.learner(codec, structure, task_model, data)
    return codec, begin(learner, spec.training, seed) if learner is not None else None
