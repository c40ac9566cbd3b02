"""Runs the exported halves by ONNX Runtime on a split, and compares them with the codec, number by number.

Two programs add float32 in another order. So a value at the edge of a cell may be rounded the other way, which is
counted. Whatever rounding does not explain is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ratefront.bitstream.coded_stream import write_stream
from ratefront.bitstream.entropy_coder import Symbols
from ratefront.codecs.codec_interface import Codec
from ratefront.codecs.reduction.integer_kernel import MOST_INPUT
from ratefront.data.dataset import Split
from ratefront.errors import DisagreementError
from ratefront.export.coder_tables import scheduled
from ratefront.export.halves import FloatArray, Halves
from ratefront.export.int8_layers import Followed, following, int8_inputs
from ratefront.task_models.float_rounding import ROUNDING_TOLERANCE, relative_deviations
from ratefront.task_models.task_model import default_batch_size

TRANSMITTER, RECEIVER = "transmitter.onnx", "receiver.onnx"
SAMPLES, LATENTS, VALUES = "samples", "latents", "values"


@dataclass(frozen=True)
class ExportCheck:
    """What the exported halves do on a split, and how it differs from the codec.

    Attributes:
        samples: Samples of the split.
        samples_apart: Samples with a latent that is rounded the other way.
        latents_apart: Such latents.
        edge_distance: The largest distance of such a latent's value from the edge of its cell, in steps of the
            quantizer; of classes and letters in units of the scores. 0 where there is none.
        value_deviation: The largest deviation of the values before quantization, as a fraction of the sample's largest.
        score_deviation: That of the receiver's scores; 0 where it gives classes.
        int8_inputs_apart: Whole numbers that go into int8 layers and are rounded the other way.
        int8_input_distance: The largest distance of such a number's value from the edge of its cell, in steps.
        classes_apart: Samples that are decoded to another class than by the codec.
        rate_bits: Bit/sample of the exported transmitter's latents, coded with the codec's tables.
        accuracy: Of both exported halves together.
    """

    samples: int
    samples_apart: int
    latents_apart: int
    edge_distance: float
    value_deviation: float
    score_deviation: float
    int8_inputs_apart: int
    int8_input_distance: float
    classes_apart: int
    rate_bits: float
    accuracy: float


class _Part(NamedTuple):
    """What was found in a part of the split."""

    latents: Symbols
    classes: NDArray[np.int64]
    apart: NDArray[np.bool_]
    edge_distance: float
    value_deviation: float
    score_deviation: float
    int8_inputs: Followed
    classes_apart: int


def check_halves(
    files: Mapping[str, bytes],
    codec: Codec,
    identity: bytes,
    halves: Halves,
    schedule: dict[str, Any] | None,
    split: Split,
    block_size: int,
) -> ExportCheck:
    """Run both files on the split and compare their latents and classes with the codec's own.

    Args:
        files: The two ONNX files by name.
        codec: The codec, in evaluation mode on the CPU.
        identity: Its identity.
        halves: The networks that the files were made from.
        schedule: As ``coder_description`` gives it.
        split: Samples and labels.
        block_size: Samples that are coded as one string.

    Raises:
        DisagreementError: A value, latent, score or class differs by more than rounding explains.
    """
    sessions = _Sessions(files, halves)
    size = default_batch_size(split.images.shape[1:])
    parts = []
    for first in range(0, len(split), size):
        images = torch.from_numpy(np.array(split.images[first : first + size]))
        parts.append(_compare(sessions, codec, halves, schedule, images, first))
    latents = np.concatenate([part.latents for part in parts])
    classes = np.concatenate([part.classes for part in parts])
    apart = np.concatenate([part.apart for part in parts])
    return ExportCheck(
        samples=len(split),
        samples_apart=int(apart.any(axis=1).sum()),
        latents_apart=int(apart.sum()),
        edge_distance=max(part.edge_distance for part in parts),
        value_deviation=max(part.value_deviation for part in parts),
        score_deviation=max(part.score_deviation for part in parts),
        int8_inputs_apart=sum(part.int8_inputs.apart for part in parts),
        int8_input_distance=max(part.int8_inputs.distance for part in parts),
        classes_apart=sum(part.classes_apart for part in parts),
        rate_bits=write_stream(codec, identity, latents, block_size).rate_bits,
        accuracy=float((classes == split.labels).mean()),
    )


class _Sessions:
    """Both files in ONNX Runtime, and the transmitter once more with its values as a further output."""

    def __init__(self, files: Mapping[str, bytes], halves: Halves) -> None:
        self._inside = [VALUES, *int8_inputs(halves.transmitter)]
        self._transmitter = _session(files[TRANSMITTER])
        self._with_inside = _session(_with_outputs(files[TRANSMITTER], self._inside))
        self._receiver, self._output = _session(files[RECEIVER]), halves.output

    def latents(self, images: Tensor) -> Symbols:
        """The latents (n, elements) of samples, by the file as it is."""
        latents: Symbols = self._transmitter.run([LATENTS], {SAMPLES: images.numpy()})[0]
        return latents

    def inside(self, images: Tensor) -> dict[str, NDArray[Any]]:
        """The values (n, …) before quantization, and what goes into int8 layers, by name."""
        outputs = self._with_inside.run(self._inside, {SAMPLES: images.numpy()})
        return dict(zip(self._inside, outputs, strict=True))

    def received(self, latents: Symbols) -> NDArray[Any]:
        """Scores (n, K), or classes (n,)."""
        received: NDArray[Any] = self._receiver.run([self._output], {LATENTS: latents})[0]
        return received

    def classes(self, latents: Symbols) -> NDArray[np.int64]:
        """The classes (n,) that the receiver decides for."""
        received = self.received(latents)
        return received if received.ndim == 1 else received.argmax(axis=1)


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors; it warns of what it optimises
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _with_outputs(content: bytes, names: Sequence[str]) -> bytes:
    import onnx

    model = onnx.load_from_string(content)
    model.graph.output.extend([onnx.ValueInfoProto(name=name) for name in names])
    extended: bytes = model.SerializeToString()
    return extended


@torch.no_grad()
def _compare(
    sessions: _Sessions,
    codec: Codec,
    halves: Halves,
    schedule: dict[str, Any] | None,
    images: Tensor,
    first: int,
) -> _Part:
    inside, sent = sessions.inside(images), sessions.latents(images)
    exported = inside.pop(VALUES)
    with following(halves.transmitter, inside) as int8_inputs_found:
        values = halves.transmitter.values(images)
    _check_int8_inputs(int8_inputs_found, first)
    value_deviation = _checked_deviation(torch.from_numpy(exported), values, first, VALUES)
    distance = halves.transmitter.distance(values.double().numpy(), sent)
    _check_distance(distance, values, first)
    own, latents = codec.analyse(images, first), scheduled(sent, schedule, first)
    apart = own != latents
    scores = codec.class_scores(own, first)
    own_classes = codec.classify(own, first).numpy()
    score_deviation = 0.0
    if scores is not None:
        received = torch.from_numpy(sessions.received(own))
        score_deviation = _checked_deviation(received, scores, first, "scores")
    elif not np.array_equal(sessions.received(own), own_classes):
        raise DisagreementError(f"{RECEIVER}: its classes are not those of the codec")
    classes = sessions.classes(latents)
    return _Part(
        latents,
        classes,
        apart,
        float(distance[apart].max(initial=0.0)),
        value_deviation,
        score_deviation,
        int8_inputs_found,
        int((classes != own_classes).sum()),
    )


def _checked_deviation(exported: Tensor, own: Tensor, first: int, what: str) -> float:
    """The largest relative deviation of a sample.

    Raises:
        DisagreementError: Rounding does not explain it.
    """
    deviations = relative_deviations(exported, own)
    wrong = (~(deviations <= ROUNDING_TOLERANCE)).nonzero().flatten().tolist()
    if wrong:
        file = TRANSMITTER if what == VALUES else RECEIVER
        raise DisagreementError(
            f"{file}: the {what} of sample {first + wrong[0]} differ from the codec's by "
            f"{float(deviations[wrong[0]]):.2g} of the largest; rounding explains {ROUNDING_TOLERANCE:.1g}"
        )
    return float(deviations.max())


def _check_int8_inputs(found: Followed, first: int) -> None:
    """Check that what goes into int8 layers differs at the edges of cells alone."""
    if not found.distance <= MOST_INPUT * ROUNDING_TOLERANCE:
        raise DisagreementError(
            f"{TRANSMITTER}: what goes into an int8 layer is not the codec's, among the samples from {first} on: a "
            f"value lies {found.distance:.2g} steps from the cell that it was given"
        )


def _check_distance(distance: FloatArray, values: Tensor, first: int) -> None:
    """Check that every latent is the one of its value's cell, or of one at whose edge the value lies."""
    scale = values.abs().double().flatten(1).amax(dim=1).numpy()
    far = np.argwhere(~(distance <= ROUNDING_TOLERANCE * scale[:, None])).tolist()
    if far:
        sample, element = far[0]
        raise DisagreementError(
            f"{TRANSMITTER}: {len(far)} latents are not the codec's, and rounding does not explain it; the first is "
            f"element {element} of sample {first + sample}, whose value lies {distance[sample, element]:.2g} from the "
            "cell that it was given"
        )
