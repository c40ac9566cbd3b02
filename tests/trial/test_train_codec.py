"""The training loop: a batch in parts is the same step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trial.trial_bits import trial_params
from torch import Tensor, nn

from ratefront.codecs.codec_interface import Learner
from ratefront.history.sweep_history import OUT_OF_MEMORY_ERRORS
from ratefront.spec.sweep_spec import Training
from ratefront.trial.run_trial import trial_steps
from ratefront.trial.train_codec import begin, train
from ratefront.trial.trial_context import TrialContext

pytestmark = pytest.mark.medium


class _Line(Learner):
    """Least squares, in float64; records how many samples it gets at a time."""

    def __init__(self, samples: int) -> None:
        torch.manual_seed(5)
        self.x, self.y = torch.randn(samples, 3).double(), torch.randn(samples, 1).double()
        self.line = nn.Linear(3, 1).double()
        self.sizes: list[int] = []

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.line.parameters()), "lr": learning_rate}]

    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
        yield from torch.randperm(len(self.x), generator=generator).split(batch_size)

    def loss(self, batch: Tensor, progress: float) -> Tensor:
        self.sizes.append(len(batch))
        return ((self.line(self.x[batch]) - self.y[batch]) ** 2).mean()

    def validate(self) -> dict[str, float]:
        return {}

    def trained_modules(self) -> Mapping[str, nn.Module]:
        return {"line": self.line}

    def finish(self) -> None:
        pass


def _trained(samples: int, batch_size: int, divisor: int) -> tuple[_Line, list[float]]:
    with torch.random.fork_rng():
        line = _Line(samples)
    training = Training(epochs=3, batch_size=batch_size, learning_rate=0.1)
    reports = train(begin(line, training, seed=1), training, batch_divisor=divisor)
    return line, [progress.metrics["loss"] for progress in reports]


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 40), batch_size=st.integers(1, 16), divisor=st.integers(1, 20))
def test_a_batch_in_parts_is_the_same_step(samples: int, batch_size: int, divisor: int) -> None:
    """Also where the parts are not of one size, and where there are fewer samples than parts."""
    whole, losses = _trained(samples, batch_size, 1)
    parted, losses_parted = _trained(samples, batch_size, divisor)
    assert losses_parted == pytest.approx(losses, rel=1e-9)
    for one, other in zip(whole.line.parameters(), parted.line.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    assert max(parted.sizes) <= math.ceil(min(batch_size, samples) / divisor)


def test_a_codec_trained_in_parts_is_nearly_the_same(short_context: TrialContext) -> None:
    runs = []
    for divisor in (1, 4):
        context = TrialContext(short_context.spec, short_context.folder, batch_divisor=divisor)
        steps = trial_steps(trial_params("split-factorized", f"parts-{divisor}"), context)
        runs.append([dict(next(steps).metrics) for _ in range(3)])
    for one, other in zip(*runs, strict=True):
        assert other == pytest.approx(one, rel=0.02)


class _Greedy(_Line):
    def loss(self, batch: Tensor, progress: float) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_full_memory_in_training_keeps_its_name() -> None:
    """By that name the engine knows that another attempt, with a smaller batch, may succeed."""
    greedy, training = _Greedy(4), Training(epochs=1)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        next(train(begin(greedy, training, seed=0), training))
    assert type(caught.value).__name__ in OUT_OF_MEMORY_ERRORS
