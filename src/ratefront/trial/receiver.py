"""The receiver: another process that has only a codec's files and the coded file, and returns classes.

Run as ``python -m ratefront.trial.receiver``, it answers one JSON request per line until its input ends:
``{"config": path, "weights": path, "streams": [path, …], "answers": [path, …]}`` → ``{"done": n}`` or ``{"error":
reason}``. Each answer file is an npz with ``classes`` (N,). Beside it lies a file of the scores (N, K) behind these
classes, as plain float32; it is empty for a codec without scores. A worker keeps one receiver for all of its trials.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ratefront.errors import BitstreamError, RatefrontError, WorkerLostError
from ratefront.trial.error_summary import is_full_memory

if TYPE_CHECKING:
    from ratefront.codecs.codec_interface import Codec


class Decoded(NamedTuple):
    """What was decoded from one file: classes (N,), and the scores (N, K), float32, whose largest decides each class.

    ``scores`` is None for a codec without scores.
    """

    classes: NDArray[np.int64]
    scores: NDArray[np.float32] | None = None


def decode_file(config: Path, weights: Path, stream: Path) -> NDArray[np.int64]:
    """Decode the classes (N,) of one coded file, with the codec's files alone; no Python module of a user's is run."""
    from ratefront.codecs.codec_files import load_codec

    codec, identity = load_codec(config, weights, receiver_only=True)
    return decode_classes(codec, identity, stream.read_bytes())


def decode_classes(codec: Codec, identity: bytes, data: bytes) -> NDArray[np.int64]:
    """Decode the classes (N,) of a container that this codec has written, from its bytes alone.

    Raises:
        BitstreamError: As ``read_blocks``.
    """
    return _concatenated([block.classes for block in _decoded_blocks(codec, identity, data)])


def _concatenated(classes: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(classes) if classes else np.zeros(0, dtype=np.int64)


def _decoded_blocks(codec: Codec, identity: bytes, data: bytes) -> Iterator[Decoded]:
    """Decode each block to classes and scores, in one pass of the networks."""
    from ratefront.bitstream.coded_stream import read_blocks

    for first, latents in read_blocks(codec, identity, data):
        scores = codec.class_scores(latents, first)
        if scores is None:
            yield Decoded(codec.classify(latents, first).numpy())
        else:
            yield Decoded(scores.argmax(dim=1).cpu().numpy(), scores.float().cpu().numpy())


def _serve(requests: IO[str], answers: IO[str]) -> None:
    for line in requests:
        try:
            print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)
        except RatefrontError as error:
            if is_full_memory(error):
                raise  # the process dies, and the trial is tried again
            print(json.dumps({"error": str(error)}), file=answers, flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from ratefront.codecs.codec_files import load_codec

    config, weights = Path(request["config"]), Path(request["weights"])
    # The request comes from a worker, and names the codec of the worker's own trial.
    codec, identity = load_codec(config, weights, receiver_only=True, own_module=True)
    for stream, path in zip(request["streams"], request["answers"], strict=True):
        _write(Path(path), _decoded_blocks(codec, identity, Path(stream).read_bytes()))
    return {"done": len(request["streams"])}


def _write(path: Path, blocks: Iterable[Decoded]) -> None:
    """Write the answer. Scores are written block by block: those of a large split are never in memory as a whole."""
    classes = []
    with _scores_file(path).open("wb") as file:
        for block in blocks:
            classes.append(block.classes)
            if block.scores is not None:
                file.write(block.scores.tobytes())
    np.savez(path, classes=_concatenated(classes))


def _read(path: Path) -> Decoded:
    """Read an answer; its scores are read from the file on access, so that the file has to stay."""
    with np.load(path) as arrays:
        classes: NDArray[np.int64] = arrays["classes"]
    file = _scores_file(path)
    if not file.stat().st_size:
        return Decoded(classes)
    return Decoded(classes, np.memmap(file, dtype=np.float32, mode="r").reshape(len(classes), -1))


def _scores_file(path: Path) -> Path:
    return path.with_suffix(".scores")


class Receiver:
    """A receiver process; it starts at once and answers any number of requests."""

    def __init__(self) -> None:
        # It imports from the same folders as this process. With ``-m`` alone, the current folder would come first.
        command = [sys.executable, "-P", "-m", "ratefront.trial.receiver"]
        folders = (folder for folder in sys.path if isinstance(folder, str))  # as Python, which skips a Path
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    def decode(self, config: Path, weights: Path, streams: Sequence[Path], folder: Path) -> list[Decoded]:
        """Let the other process decode each coded file.

        Its answers lie in ``folder``. Scores are read from there on access, so that the folder has to stay.

        Raises:
            BitstreamError: The receiver could not decode a file.
            WorkerLostError: The receiver died (retryable).
        """
        answers = [folder / f"{number}.npz" for number in range(len(streams))]
        paths = {"config": str(config), "weights": str(weights)}
        answer = self._ask(paths | {"streams": [*map(str, streams)], "answers": [*map(str, answers)]})
        if "error" in answer:
            raise BitstreamError(f"the receiver refused: {answer['error']}")
        return [*map(_read, answers)]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise WorkerLostError("the receiver has no pipes")
        try:
            print(json.dumps(request), file=stdin, flush=True)
            answer: dict[str, Any] = json.loads(stdout.readline())
        except (OSError, ValueError) as error:
            raise WorkerLostError(f"the receiver died with exit code {self._process.poll()}") from error
        except BaseException:
            self._process.kill()  # else the next trial would read this request's answer
            self._process.wait()
            raise
        return answer

    def close(self) -> None:
        """End the process; it also ends when this process dies."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # the process is dead already
                    pipe.close()
        self._process.wait(timeout=10)


@lru_cache(maxsize=1)
def _shared() -> Receiver:
    receiver = Receiver()
    atexit.register(receiver.close)
    return receiver


def shared_receiver() -> Receiver:
    """Return this process's receiver, which is started on first use, and again when it has died."""
    if not _shared().running:
        _shared.cache_clear()
    return _shared()


def _answer_pipe() -> IO[str]:
    """Open the pipe for answers, and for nothing else: what a codec's own code prints goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    _serve(sys.stdin, _answer_pipe())
