"""Check that a task model in evaluation mode is a function of one sample, and that its stages compute the network.

Codecs cut a model between its stages, compute features in batches and keep them, and bounds come from one pass over the
samples. This is invalid for a stage that draws at random, depends on the other samples of a batch or on what was
evaluated before, changes itself, or changes its input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ratefront.data.dataset import Samples
from ratefront.data.stored_samples import evenly_spaced
from ratefront.errors import InputError
from ratefront.task_models.float_rounding import ROUNDING_TOLERANCE, relative_deviations, without_tf32
from ratefront.task_models.task_model import TaskModel, default_batch_size, evaluation_mode, predict_logits

_VALUES = 2**18  # of all samples evaluated together: for small samples enough to reveal randomness
_FEWEST, _MOST = 2, 32
_COMPARED = 256  # samples whose logits are computed a second time
_REPEAT_TOLERANCE = 2.0**-16  # of the largest output, for the same computation done twice
_CLOUD_AXES = 2

_IN_PLACE = (
    "changes its input in place, which is what the stage before it gave: use inplace=False, x = x + 1 instead of "
    "x += 1, or x.clone()"
)
_RANDOM = (
    "gives another output for the same input in evaluation mode: is it random there (F.dropout without "
    "training=self.training, noise), or does it depend on how often it was called?"
)
_DEPENDS_ON_BATCH = (
    "gives a sample another output alone than beside other samples, in evaluation mode: does it use the batch's own "
    "statistics (BatchNorm with track_running_stats=False, F.batch_norm with training=True, a mean over dimension 0)?"
)


def random_samples(shape: Sequence[int]) -> Tensor:
    """Return a few samples (n, C, H, W) in [0, 1], or (n, P, 3) in [−1, 1]; no global generator advances."""
    values = torch.rand(_sample_count(shape), *shape, generator=torch.Generator().manual_seed(0))
    return 2 * values - 1 if len(shape) == _CLOUD_AXES else values


def few_samples(images: Samples) -> Tensor:
    """Return a few samples of a split, at even distances."""
    return torch.from_numpy(images[evenly_spaced(images, _sample_count(images.shape[1:]))])


def _sample_count(sample: Sequence[int]) -> int:
    return min(_MOST, max(_FEWEST, _VALUES // math.prod(sample)))


@torch.no_grad()
def check_evaluation(model: TaskModel, samples: Tensor, place: str) -> None:
    """Evaluate each stage twice on the same samples, and once on the first sample alone; the model is not changed.

    Args:
        model: The task model.
        samples: Samples (n, ...).
        place: What the message calls the task model.

    Raises:
        InputError: A stage is not a function of a sample. The message names the stage and says what to do.
    """
    device = next(model.parameters(), samples).device
    cuda_devices = [device] if device.type == "cuda" else []
    value = samples.to(device)
    with evaluation_mode(model), torch.random.fork_rng(cuda_devices), without_tf32(device):
        for name, stage in model.stages.items():
            value = _check_stage(stage, value, f"{place}: stage {name.replace('/', '.')}")


def _check_stage(stage: nn.Module, value: Tensor, place: str) -> Tensor:
    """Return the output of a stage for a batch after it was checked."""
    original, version, state = value.clone(), value._version, _StageState(stage)
    first = _output(stage, value, place).clone()
    _refuse(value._version != version or not _is_same(value, original), f"{place} {_IN_PLACE}")
    if changed := state.changed():
        raise InputError(
            f"{place} changes its own {', '.join(changed)} in evaluation mode: change it only if self.training"
        )
    _refuse(_differ(_output(stage, value, place), first, _REPEAT_TOLERANCE), f"{place} {_RANDOM}")
    alone = _output(stage, value[:1], place)
    _refuse(_differ(alone, first[:1], ROUNDING_TOLERANCE), f"{place} {_DEPENDS_ON_BATCH}")
    return first


def _output(stage: nn.Module, value: Tensor, place: str) -> Tensor:
    try:
        output = stage(value)
    except Exception as error:
        raise InputError(
            f"{place} cannot be evaluated on {len(value)} sample(s) at a time: {type(error).__name__}: {error}"
        ) from error
    if not (isinstance(output, Tensor) and output.ndim and len(output) == len(value)):
        actual = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise InputError(
            f"{place} must give a tensor whose first dimension is the samples, got {actual} for {len(value)} sample(s)"
        )
    return output


class _StageState:
    """The state of a stage: the values of its buffers, and the versions of its weights, which may be large."""

    def __init__(self, stage: nn.Module) -> None:
        self._stage = stage
        self._buffers = {name: buffer.clone() for name, buffer in stage.named_buffers()}
        self._weights = {name: (weight, weight._version) for name, weight in stage.named_parameters()}

    def changed(self) -> list[str]:
        """Return the names of what has changed. A buffer that the first evaluation makes is no change."""
        buffers, weights = dict(self._stage.named_buffers()), dict(self._stage.named_parameters())
        return [
            *(name for name, was in self._buffers.items() if not _is_same(buffers.get(name), was)),
            *(
                name
                for name, (was, version) in self._weights.items()
                if weights.get(name) is not was or was._version != version
            ),
        ]


def _is_same(tensor: Tensor | None, before: Tensor) -> bool:
    if tensor is None or tensor.shape != before.shape:
        return False
    return torch.equal(tensor.nan_to_num(), before.nan_to_num())


def _differ(some: Tensor, others: Tensor, most: float) -> bool:
    return some.shape != others.shape or bool((relative_deviations(some, others) > most).any())


def _refuse(is_wrong: bool, message: str) -> None:
    if is_wrong:
        raise InputError(message)


@torch.no_grad()
def check_stages(model: TaskModel, images: Tensor, place: str) -> None:
    """Check that the stages in sequence give the logits (N, K) of the whole network for the same samples.

    Args:
        model: The task model.
        images: Samples (N, ...).
        place: What the message calls the task model.

    Raises:
        InputError: The logits differ, for example because the network does something between its parts that no stage
            does.
    """
    with evaluation_mode(model), evaluation_mode(model.network):
        deviation = relative_deviations(model.run_stages(images), model.run_network(images))
    if (deviation > ROUNDING_TOLERANCE).any():
        raise InputError(
            f"{place}: its stages in sequence do not compute what the network does: logits differ by up "
            f"to {float(deviation.max()):.3g} of the largest; every operation between input and logits has to be in "
            "one of the stages"
        )


def check_second_pass(stored: TaskModel, images: Samples, logits: Tensor, place: str) -> None:
    """Compare logits (N, K) with those that the stored weights give for some samples, in batches of another size.

    Args:
        stored: The task model with the stored weights.
        images: All samples (N, ...).
        logits: The logits (N, K) of a first pass.
        place: What the message calls the task model.

    Raises:
        InputError: The logits differ by more than rounding. The message names the stage if it can be found.
    """
    chosen, deviation = second_pass(stored, images, logits, _COMPARED)
    wrong = np.flatnonzero(deviation.numpy() > ROUNDING_TOLERANCE)
    if len(wrong):
        check_evaluation(stored, torch.from_numpy(images[chosen[wrong[:_MOST]]]), place)
        raise InputError(
            f"{place}: as stored it gives {len(wrong)} of {len(chosen)} samples other logits than before, by up to "
            f"{float(deviation.max()):.2g} of the largest: all that decides must be in its parameters and buffers "
            "(register_buffer), and neither chance nor the rest of a batch may"
        )


def second_pass(
    model: TaskModel, images: Samples, logits: Tensor, count: int
) -> tuple[NDArray[np.int64], Tensor]:
    """Compute the logits of ``count`` samples once more, in batches of another size.

    Args:
        model: The task model.
        images: All samples (N, ...).
        logits: The logits (N, K) of a first pass.
        count: The number of samples n, which lie at even distances.

    Returns:
        The positions of these samples (n,), and the ``relative_deviations`` of their logits (n,).
    """
    chosen = evenly_spaced(images, count)
    again = predict_logits(model, images[chosen], other_batch_size(images.shape[1:]))
    return chosen, relative_deviations(again, logits[chosen])


def other_batch_size(sample: Sequence[int]) -> int:
    """Return another batch size than ``predict_logits`` uses for samples of this shape.

    A sample has other neighbours then, and sums are made in another order.
    """
    usual = default_batch_size(sample)
    return usual * 3 // 5 if usual > 1 else 2
