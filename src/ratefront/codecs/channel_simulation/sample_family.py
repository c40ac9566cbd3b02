"""The family ``sample``: how codecs that send draws are built and fitted; nothing is trained by gradient."""

from __future__ import annotations

from typing_extensions import override

from ratefront.catalogue.families import SampleParameters
from ratefront.catalogue.sample_groups import DEFAULT_JOINT_OUTCOMES, largest_group
from ratefront.codecs.channel_simulation.posterior_channel import (
    PosteriorChannel,
    RateDistortionOptimal,
    TemperedPosterior,
)
from ratefront.codecs.channel_simulation.sample_codec import SampleCodec, SampleTransmitter
from ratefront.codecs.codec_interface import Codec, CodecStructure, Family
from ratefront.data.dataset import Dataset
from ratefront.task_models.task_model import TaskModel, predict_logits


class SampleFamily(Family):
    """Sample and communicate, or the optimal channel of the task model's rate–distortion function.

    Everything is fitted to posteriors of the training split. The task model was trained on these samples and is more
    certain of them than of others. So the code costs more on other samples. It sends the same draws, so that the
    accuracy is not overestimated.
    """

    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> SampleCodec:
        """Build the codec, as ``Family.build`` does.

        Raises:
            InputError: A group has too many words.
        """
        parameters = SampleParameters.model_validate(structure.parameters)
        group = parameters.group or largest_group(structure.classes, DEFAULT_JOINT_OUTCOMES)
        transmitter = None if receiver_only else _transmitter(parameters, structure)
        return SampleCodec(transmitter, structure.classes, group)

    @override
    def learner(self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset) -> None:
        if not isinstance(codec, SampleCodec):
            raise TypeError(f"expected a SampleCodec, got {type(codec).__name__}")
        codec.transmitter.task_model.load_state_dict(task_model.state_dict())
        logits = predict_logits(codec.transmitter.task_model, data.train.images)
        codec.transmitter.channel.fit(logits)
        codec.fit(codec.transmitter.channel.probabilities(logits))


def _transmitter(parameters: SampleParameters, structure: CodecStructure) -> SampleTransmitter:
    return SampleTransmitter(structure.task_model_untrained(), _channel(parameters, structure.classes))


def _channel(parameters: SampleParameters, classes: int) -> PosteriorChannel:
    if parameters.sharpness is not None:
        return TemperedPosterior(parameters.sharpness)
    if parameters.slope is not None:
        return RateDistortionOptimal(parameters.slope, classes)
    raise ValueError(f"the channel {parameters.channel} lacks its parameter")
