"""The codec of the family ``label``: the class itself is sent (RA methods 1a and 2, MA naive E&C).

::

    X ─ classifier ─ argmax ─ ỹ ─ merge ─ entropy coder ─ ŷ

The whole classifier is the transmitter: the task model, its reduced form, or a small network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.codecs.codec_interface import EntropyCoded
from ratefront.complexity.macs import Macs, multiply_accumulates
from ratefront.task_models.task_model import predict_logits

#: The classifier's name in stored files: that of the first codecs, which had no other than the task model.
_STORED_AS = "task_model"

_SMOOTHING = 0.5  # a class never predicted on the training split can still be sent


class _Alphabet(NamedTuple):
    """The classes that are sent, and their coder's table."""

    classes: NDArray[np.int64]  # of each symbol of the table
    symbols: NDArray[np.int64]  # of each class
    table: FrequencyTable


class LabelCodec(EntropyCoded):
    """Sends the class that a classifier decides for, after merging, for a share of the samples.

    The sample at position i is sent if ⌊(i+1)·share⌋ > ⌊i·share⌋, which both ends know. The receiver takes the others
    for the commonest class (MA eq. 22, footnote 5).

    Attributes:
        is_task_model: Whether the classifier decides as the task model does, and not as one made smaller.
        sent_as: For each class (K,) the class that is sent for it.
        prior: The probability (K,) of each class being sent.
        counts: The coder's frequencies (K,); 0 for classes that are never sent.
    """

    sent_as: Tensor
    prior: Tensor
    counts: Tensor

    def __init__(
        self, classifier: nn.Module, classes: int, share: float, *, is_task_model: bool = True
    ) -> None:
        super().__init__()
        self.add_module(_STORED_AS, classifier)
        self.share, self.is_task_model = share, is_task_model
        self.uses_position = share < 1
        self.register_buffer("sent_as", torch.arange(classes))
        self.register_buffer("prior", torch.full((classes,), 1 / classes, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(classes, dtype=torch.int32))
        self._cached_alphabet: _Alphabet | None = None
        self.register_load_state_dict_post_hook(_clear_cache)  # type: ignore[no-untyped-call]

    @property
    def classifier(self) -> nn.Module:
        """The network that decides which class is sent: samples to logits (n, K)."""
        return self.get_submodule(_STORED_AS)

    def clear_cached_tables(self) -> None:
        """Make the coder's table anew at the next call, from the buffers as they are then."""
        self._cached_alphabet = None

    def fit(self, predicted: NDArray[np.int64], merged_classes: int) -> None:
        """Merge the rarest classes into the commonest and set the probabilities, by predicted classes (N,)."""
        classes = len(self.sent_as)
        frequency = np.bincount(predicted, minlength=classes) + _SMOOTHING
        sent_as = np.arange(classes)
        by_frequency = np.argsort(frequency, kind="stable")
        sent_as[by_frequency[: min(merged_classes, classes - 1)]] = by_frequency[-1]
        merged = np.bincount(sent_as, weights=frequency, minlength=classes)
        counts = np.zeros(classes, dtype=np.int32)
        counts[merged > 0] = FrequencyTable.from_pmf(merged[merged > 0]).counts
        self.sent_as.copy_(torch.from_numpy(sent_as))
        self.prior.copy_(torch.from_numpy(merged / merged.sum()))
        self.counts.copy_(torch.from_numpy(counts))
        self.clear_cached_tables()

    @property
    @override
    def elements(self) -> int:
        return 1

    def further_state_bytes(self) -> int:
        """Where classes are merged, the encoder holds the map of classes: one or more bytes for each class."""
        classes = len(self.sent_as)
        merges = bool((self.sent_as.cpu() != torch.arange(classes)).any())
        return classes * max(1, ((classes - 1).bit_length() + 7) // 8) if merges else 0

    @override
    def transmitter_tensors(self) -> list[Tensor]:
        return [self.sent_as, self.counts]

    @property
    def _alphabet(self) -> _Alphabet:
        if self._cached_alphabet is None:
            counts = self.counts.cpu().numpy().astype(np.int64)
            sent = np.flatnonzero(counts)
            self._cached_alphabet = _Alphabet(sent, np.cumsum(counts > 0) - 1, FrequencyTable(counts[sent]))
        return self._cached_alphabet

    def _is_sent(self, samples: int, first: int) -> NDArray[np.bool_]:
        sent_before = [math.floor((first + i) * self.share) for i in range(samples + 1)]
        return np.diff(sent_before) > 0

    def _commonest(self) -> int:
        return int(self.counts.argmax())

    @override
    def analyse(self, images: Tensor, first: int = 0) -> Symbols:
        predicted = predict_logits(self.classifier, images.cpu().numpy()).argmax(dim=1)
        return self.sent_classes(predicted.numpy(), first).astype(np.int32)[:, None]

    @override
    def sent_classes(self, decisions: NDArray[np.int64], first: int = 0) -> NDArray[np.int64]:
        sent = self._is_sent(len(decisions), first)
        return np.where(sent, self.sent_as.cpu().numpy()[decisions], self._commonest())

    @override
    def expected_classes(self, decisions: NDArray[np.int64], first: int = 0) -> NDArray[np.int64] | None:
        return self.sent_classes(decisions, first) if self.is_task_model else None

    @property
    @override
    def own_classifier(self) -> nn.Module | None:
        return None if self.is_task_model else self.classifier

    @override
    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        sent = latents[self._is_sent(len(latents), first), 0]
        encoder.encode(self._alphabet.symbols[sent].astype(np.int32), self._alphabet.table)

    @override
    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        sent = self._is_sent(samples, first)
        symbols = np.full(samples, self._commonest(), dtype=np.int32)
        symbols[sent] = self._alphabet.classes[decoder.decode(int(sent.sum()), self._alphabet.table)]
        return symbols[:, None]

    @override
    def classify(self, latents: Symbols, first: int = 0) -> Tensor:
        return torch.from_numpy(latents[:, 0].astype(np.int64))

    @override
    def estimate_bits(self, latents: Symbols, first: int = 0) -> Tensor:
        bits = -self.prior.cpu()[torch.from_numpy(latents[:, 0].astype(np.int64))].log2()
        return torch.where(torch.from_numpy(self._is_sent(len(latents), first)), bits, 0.0)

    @override
    def transmitter_modules(self) -> Sequence[nn.Module]:
        return [self.classifier]

    @override
    def transmitter_tables(self) -> Iterable[FrequencyTable]:
        return [self._alphabet.table]

    @override
    def transmitter_scores(self, images: Tensor) -> Tensor:
        return predict_logits(self.classifier, images.cpu().numpy())

    @override
    def transmitter_macs(self, image: Tensor) -> Macs:
        return multiply_accumulates(self.classifier, image)


def _clear_cache(module: LabelCodec, keys: object) -> None:
    """The hook after loading weights; a module-level function, so that a codec can be pickled."""
    module.clear_cached_tables()
