"""The family ``image``: files of Pillow without training, learned codecs trained from scratch on the training split.

CompressAI's pretrained weights are not offered: they must be downloaded, and were trained on large photographs.
"""

from __future__ import annotations

from typing_extensions import override

from ratefront.catalogue.families import ImageCodecParameters
from ratefront.codecs.bottleneck.bottleneck import Bottleneck
from ratefront.codecs.bottleneck.learner_data import image_splits
from ratefront.codecs.codec_interface import Codec, CodecStructure, Family
from ratefront.codecs.entropy_models.build_entropy_model import build_entropy_model
from ratefront.codecs.image.image_file_codec import ImageFileCodec
from ratefront.codecs.image.image_formats import FORMATS
from ratefront.codecs.image.learned_image import ImageLearner, LearnedImageCodec, task_model_on_pixels
from ratefront.data.dataset import Dataset
from ratefront.errors import InputError
from ratefront.task_models.task_model import TaskModel


class ImageFamily(Family):
    """An image codec, whose decoded images the task model takes as it takes any images."""

    def build(
        self, structure: CodecStructure, *, receiver_only: bool = False
    ) -> ImageFileCodec | LearnedImageCodec:
        """Build the codec, as ``Family.build`` does.

        Raises:
            InputError: Samples are not grey or RGB images, or are too large or too small for the codec.
        """
        parameters = ImageCodecParameters.model_validate(structure.parameters)
        if problem := parameters.unfit({"shape": structure.shape}):
            raise InputError(f"family image: {problem}")
        channels, height, width = structure.shape
        task_model = structure.task_model_untrained().eval()
        if parameters.codec != "learned":
            file_format = FORMATS[parameters.codec]((channels, height, width), parameters.quality)
            return ImageFileCodec(file_format, task_model)
        assert parameters.beta is not None, "checked by the parameter model"
        bottleneck = _bottleneck(parameters, structure.shape, with_prior=not receiver_only)
        return LearnedImageCodec(bottleneck, task_model, parameters.beta)

    @override
    def learner(
        self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset
    ) -> ImageLearner | None:
        if isinstance(codec, ImageFileCodec):
            codec.task_model.load_state_dict(task_model.state_dict())
            return None
        if not isinstance(codec, LearnedImageCodec):
            raise TypeError(f"expected an image codec, got {type(codec).__name__}")
        parameters = ImageCodecParameters.model_validate(structure.parameters)
        codec.back_end.load_state_dict(task_model_on_pixels(task_model).state_dict())
        train, validation = image_splits(data, codec.device)
        return ImageLearner(codec, train, validation, task_distortion=parameters.distortion == "task")


def _bottleneck(parameters: ImageCodecParameters, shape: tuple[int, ...], *, with_prior: bool) -> Bottleneck:
    from ratefront.codecs.image.image_transforms import image_analysis, image_synthesis, latent_shape

    assert parameters.channels is not None, "checked by the parameter model"
    assert parameters.latent_channels is not None, "checked by the parameter model"
    sizes = (parameters.channels, parameters.latent_channels, parameters.halvings(shape))
    model = build_entropy_model(
        parameters.entropy_model or "factorized",
        latent_shape(shape, *sizes[1:]),
        hyper_width=parameters.hyper_width or parameters.channels,
        slices=parameters.slices,
        scale_bound=parameters.scale_bound,
        surrogate=parameters.surrogate,
        with_prior=with_prior,
    )
    return Bottleneck(image_analysis(shape, *sizes), model, image_synthesis(shape, *sizes))
