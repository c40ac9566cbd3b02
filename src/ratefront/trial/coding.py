"""A trial's codec at work on a user's own samples: to a stream, and from a stream to classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ratefront.bitstream import CodedStream, StreamWriter
from ratefront.codecs.contract import Codec
from ratefront.codecs.storage import load_codec
from ratefront.data.image_decoding import Background
from ratefront.data.splits import Samples
from ratefront.errors import BitstreamError, InputError
from ratefront.store.folder import SweepFolder, TrialFolder
from ratefront.store.inputs import check_code
from ratefront.store.reading import read_history, read_spec
from ratefront.trial.given_images import given
from ratefront.trial.receiver import decode_file
from ratefront.wording import Call, Message

BLOCK_SIZE = 1000


def encode_samples(
    folder: SweepFolder,
    trial_id: str,
    paths: Sequence[Path],
    *,
    block_size: int = BLOCK_SIZE,
    resize: bool = False,
    runs_modules: bool = False,
) -> CodedStream:
    """Code image files and arrays (see ``given_images.given``), in their order, by the codec of a trial.

    Image files are made to what those of the sweep's data set were, a block at a time. A codec that uses positions
    counts them from the first sample.

    Raises
    ------
    InputError
        The trial has no codec, or a sample does not fit it.
    BitstreamError
        A block does not decode to its own latents.
    """
    files = codec_of(folder, trial_id)
    _check_code(folder)
    codec, identity = load_codec(files.codec_config, files.codec_weights, runs_modules=runs_modules)
    samples = given(paths, _sample_shape(files), resize=resize, background=_background_of(folder))
    return coded(codec, identity, samples, block_size)


def _check_code(folder: SweepFolder) -> None:
    """
    Raises
    ------
    SweepMismatchError
        The code that the task model is made by is not what the sweep began with: the codec would be another one.
    """
    ready = read_history(folder).task_model if folder.ledger.is_file() else None
    check_code({} if ready is None else ready.inputs)


def coded(codec: Codec, identity: bytes, samples: Samples, block_size: int) -> CodedStream:
    """Samples as one stream, read and coded a block at a time.

    Raises
    ------
    BitstreamError
        A block does not decode to its own latents.
    """
    writer = StreamWriter(codec, identity, len(samples), block_size)
    for first, count in writer.spans:
        writer.add(codec.analyse(torch.from_numpy(samples[first : first + count]), first), first)
    return writer.stream()


def decode_samples(
    folder: SweepFolder, trial_id: str, stream: Path, *, runs_modules: bool = False
) -> NDArray[np.int64]:
    """Classes (N,) of a stream that the codec of this trial has written; for ``runs_modules`` see ``load_codec``.

    Raises
    ------
    InputError
        The trial has no codec, or the stream is another codec's, damaged, or no stream.
    """
    files = codec_of(folder, trial_id)
    _check_code(folder)
    try:
        return decode_file(files.codec_config, files.codec_weights, stream, runs_modules=runs_modules)
    except BitstreamError as error:
        raise InputError(f"{stream}: {error}") from error


def _sample_shape(files: TrialFolder) -> tuple[int, ...]:
    return tuple(json.loads(files.codec_config.read_text(encoding="utf-8"))["shape"])


def _background_of(folder: SweepFolder) -> Background | None:
    """What the sweep's data set lays transparent pixels on."""
    if not folder.ledger.is_file():
        return None
    background: Background | None = read_spec(folder)["dataset"].get("background")
    return background


def codec_of(folder: SweepFolder, trial_id: str) -> TrialFolder:
    """Where the codec of a trial lies.

    Raises
    ------
    InputError
        There is none; says why.
    """
    files = folder.trial(trial_id)
    if not (files.codec_config.is_file() and files.codec_weights.is_file()):
        raise InputError(_why_none(folder, trial_id))
    return files


def _why_none(folder: SweepFolder, trial_id: str) -> str:
    if not folder.ledger.is_file():
        found = sorted(path.parent.name for path in folder.trials.glob("*/codec.json"))
        return f"{folder.path} holds no codec of a trial {trial_id!r}; found: {', '.join(found) or 'none'}"
    history = read_history(folder)
    trial = history.trials.get(trial_id)
    if trial is None:
        near = get_close_matches(trial_id, history.trials, n=3)
        ids = (
            ", ".join(near) if near else " to ".join(list(history.trials)[:: max(1, len(history.trials) - 1)])
        )
        return f"the sweep has no trial {trial_id!r}; {'near it' if near else 'valid'}: {ids or 'none yet'}"
    if trial.status not in ("finished", "collapsed"):
        return f"trial {trial_id} is {trial.status}: it has left no codec"
    return Message(
        f"the codec of trial {trial_id} is gone: this sweep keeps the files of trials as `keep: "
        f"{history.spec.get('keep', 'all')}` says; `",
        Call("sweep.reproduce"),
        "` makes it again",
    )
