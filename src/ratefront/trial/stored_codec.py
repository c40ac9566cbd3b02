"""A trained codec, loaded from its two files: it codes a user's samples to a stream, and a stream to classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ratefront.argument_checks import check_count, checked_paths
from ratefront.bitstream.coded_stream import CodedStream, StreamWriter, check_block_size
from ratefront.bitstream.container import parse
from ratefront.bounded_files import read_json_file
from ratefront.codecs.codec_files import load_codec
from ratefront.codecs.codec_interface import Codec
from ratefront.data.dataset import Samples
from ratefront.data.images.image_decoding import Background
from ratefront.errors import InputError
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.same_inputs import check_code
from ratefront.store.sweep_folder import SweepFolder, TrialFolder
from ratefront.trial.receiver import decode_classes
from ratefront.trial.user_samples import samples_of_array, samples_of_files
from ratefront.wording import Call, Message

BLOCK_SIZE = 1000


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """The classes decoded from a stream, and each sample's share of the stream; all (N,).

    ``payload_bytes`` of a sample is an equal share of its block's string; ``bytes`` adds an equal share of the rest of
    the stream. So the sum of ``payload_bytes`` is the stream's payload, and the sum of ``bytes`` is its size.
    """

    classes: NDArray[np.int64]
    bytes: NDArray[np.float64]
    payload_bytes: NDArray[np.float64]


class StoredCodec:
    """A trained codec, in evaluation mode on the CPU.

    ``module`` is the ``torch.nn.Module`` itself, ``sample_shape`` the shape of one sample: (C, H, W), or (P, 3).

    Example:
        >>> import ratefront as rf
        >>> sweep = rf.open(folder)
        >>> codec = sweep.trials["t0000"].load_codec()
        >>> coded = codec.compress(images)  # (N, C, H, W), float32 in [0, 1]
        >>> codec.decompress(bytes(coded)).shape == (len(images),)
        True
        >>> round(coded.rate_bits, 1) < 8
        True
    """

    def __init__(
        self,
        config: Path,
        weights: Path,
        *,
        own_module: bool = False,
        background: Background | None = None,
    ) -> None:
        """Load a codec; errors are those of ``load_codec``.

        Args:
            config: A trial's ``codec.json``.
            weights: A trial's ``codec.safetensors``.
            own_module: Run the Python module that the codec's task model names; see ``load_codec``.
            background: The colour behind transparent pixels of image files; that of the data set, where it had one.
        """
        self.module: Codec
        self.module, self.identity = load_codec(config, weights, own_module=own_module)
        content = read_json_file(config)
        self.sample_shape: tuple[int, ...] = tuple(content["shape"])
        self.family = str(content["family"])
        self._background = background

    @property
    def transmitter_parts(self) -> dict[str, int]:
        """What the bytes of the transmitter are: of each network by its name, of the coder's tables, of what else is.

        Their sum is the trial's ``transmitter_bytes``.
        """
        return self.module.transmitter_parts()

    def __repr__(self) -> str:
        return f"<codec of family {self.family} for samples {self.sample_shape}>"

    def compress(
        self, samples: ArrayLike | torch.Tensor, *, block_size: int = BLOCK_SIZE, resize: bool = False
    ) -> CodedStream:
        """Code samples as one stream, in blocks of one string each.

        Args:
            samples: An array or tensor as the data set holds it: (N, C, H, W), float32 in [0, 1], or (N, P, 3). What a
                .npy file may hold is accepted as well: bytes, and channels last.
            block_size: Samples coded as one string. Larger blocks cost fewer bits; a block is decoded as a whole.
            resize: Scale images that have another size, and crop them about the centre.

        Returns:
            The stream: ``bytes(coded)``, ``coded.rate_bits`` in bit/sample of payload.

        Raises:
            InputError: The samples do not fit the codec, or the block size is no number of samples.
            BitstreamError: The codec does not decode on this machine what it encodes.
        """
        return self._encode(
            samples_of_array(_as_array(samples), self.sample_shape, resize=resize), block_size
        )

    def compress_files(
        self, paths: Path | str | Sequence[Path | str], *, block_size: int = BLOCK_SIZE, resize: bool = False
    ) -> CodedStream:
        """Code image files (a sample each) and .npy or .npz arrays, in their order; they are read a block at a time.

        Args:
            paths: One path or several. Files are decoded as those of the data set that the codec was trained on.
            block_size: As in ``compress``.
            resize: As in ``compress``.

        Returns:
            The stream, as ``compress`` gives it.

        Raises:
            InputError: A file is missing or cannot be decoded, or a sample does not fit the codec.
            BitstreamError: The codec does not decode on this machine what it encodes.
        """
        samples = samples_of_files(
            checked_paths(paths, "paths"), self.sample_shape, resize=resize, background=self._background
        )
        return self._encode(samples, block_size)

    def _encode(self, samples: Samples, block_size: int) -> CodedStream:
        """Code samples block by block; a codec that uses positions counts them from the first sample."""
        check_count("block_size", block_size)
        check_block_size(self.module.elements, min(block_size, len(samples)))
        writer = StreamWriter(self.module, self.identity, len(samples), block_size)
        for first, count in writer.spans:
            block = torch.from_numpy(np.require(samples[first : first + count], requirements="W"))
            try:
                writer.add(self.module.analyse(block, first), first)
            except (ValueError, IndexError, OverflowError) as error:  # a stranger's weights fit no table
                raise InputError(f"the codec cannot code these samples: {error}") from error
        return writer.stream()

    def decompress(self, coded: CodedStream | bytes | bytearray | memoryview) -> NDArray[np.int64]:
        """Decode the classes (N,) of a stream that this codec has written, from its bytes alone.

        Args:
            coded: What ``compress`` returned, or its bytes.

        Returns:
            The classes (N,), int64.

        Raises:
            InputError: ``coded`` is neither.
            BitstreamError: The bytes are another codec's, damaged, or no stream.
        """
        if not isinstance(coded, CodedStream | bytes | bytearray | memoryview):
            raise InputError(
                f"coded: pass what compress gave, or its bytes, got {type(coded).__name__}; of a file those are "
                "Path(…).read_bytes()"
            )
        return decode_classes(self.module, self.identity, bytes(coded))

    def round_trip(self, samples: NDArray[np.float32], block_size: int = BLOCK_SIZE) -> RoundTrip:
        """Code samples as one stream, decode it, and return each sample's class and bytes.

        Args:
            samples: As in ``compress``; there may be none.
            block_size: As in ``compress``.

        Returns:
            Classes and bytes (N,).

        Raises:
            InputError: As ``compress``.
            BitstreamError: As ``compress``.
        """
        stream = self.compress(samples, block_size=block_size)
        payload_bytes = _payload_shares(stream)
        other_bytes = len(stream.data) - sum(stream.payload_bytes)
        return RoundTrip(
            classes=self.decompress(stream),
            bytes=payload_bytes + other_bytes / max(1, stream.samples),
            payload_bytes=payload_bytes,
        )


def _as_array(samples: ArrayLike | torch.Tensor) -> NDArray[Any]:
    if isinstance(samples, torch.Tensor):
        dense = samples.detach().to_dense()
        return (dense.float() if dense.dtype == torch.bfloat16 else dense).cpu().numpy()
    try:
        return np.asarray(samples)
    except (ValueError, TypeError) as error:
        raise InputError(f"samples: make no array: {error}") from error


def _payload_shares(stream: CodedStream) -> NDArray[np.float64]:
    counts = np.array([count for _, count in parse(stream.data).header.spans], dtype=np.int64)
    return np.repeat(np.array(stream.payload_bytes, dtype=np.float64) / counts, counts)


def load_stored_codec(files: TrialFolder, *, own_module: bool = False) -> StoredCodec:
    """Load the codec in a trial's folder; in a sweep's folder, the code of its task model has to be unchanged.

    Raises:
        InputError: There is no codec, or its task model is Python code that may not be run.
        SweepMismatchError: The task model's code is not what the sweep began with, so that the codec would be another
            one.
    """
    folder = SweepFolder(files.path.absolute().parent.parent)
    background: Background | None = None
    if folder.ledger.is_file():
        history = read_history(folder)
        check_code({} if history.task_model is None else history.task_model.inputs)
        background = history.spec.get("dataset", {}).get("background")
    return StoredCodec(files.codec_config, files.codec_weights, own_module=own_module, background=background)


def find_codec_files(folder: SweepFolder, trial_id: str) -> TrialFolder:
    """Find the folder of a trial that has a codec.

    Raises:
        InputError: The trial has no codec, or the folder holds a link; the message says why.
    """
    folder.check_entries()
    files = folder.trial(trial_id)
    if not (files.codec_config.is_file() and files.codec_weights.is_file()):
        raise _no_codec(folder, trial_id)
    return files


def _no_codec(folder: SweepFolder, trial_id: str) -> InputError:
    if not folder.ledger.is_file():
        trial_ids = sorted(path.parent.name for path in folder.trials.glob("*/codec.json"))
        known = ", ".join(trial_ids) or "none"
        return InputError(f"{folder.path} holds no codec of a trial {trial_id!r}; found: {known}")
    history = read_history(folder)
    trial = history.trial(trial_id)
    if trial.status not in ("finished", "collapsed"):
        return InputError(f"trial {trial_id} is {trial.status}: it has left no codec")
    kept = history.spec.get("keep", "all")
    why = "" if kept == "all" else f": this sweep keeps the files of trials as `keep: {kept}` says"
    return InputError(
        Message(
            f"the codec of trial {trial_id} is gone{why}; `",
            Call("trial.reproduce"),
            "` makes it again",
        )
    )
