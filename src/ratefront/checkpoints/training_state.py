"""All that training changes, as tensors and plain data: after a restore, training continues to the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Snapshot:
    """The state after an epoch of training: ``tensors`` by name, on the CPU, and ``plain`` data that JSON can hold."""

    tensors: Mapping[str, Tensor]
    plain: Mapping[str, Any]


class Trainable(Protocol):
    """What is trained; ``codecs.codec_interface.Learner`` is one."""

    def trained_modules(self) -> Mapping[str, nn.Module]:
        """Return the modules that training changes, by name."""
        ...

    def further_tensors(self) -> Mapping[str, Tensor]:
        """Return the tensors that training changes outside of these modules, by name."""
        ...


T = TypeVar("T", bound=Trainable)


@dataclass
class TrainingState(Generic[T]):
    """A learner between two epochs, with all that decides its next step.

    ``seconds`` counts training alone, not what the caller does between two epochs. Random draws come from
    ``generator`` (the order of the batches) and torch's global generators; a snapshot holds the state of all of them.
    ``is_warm`` is True where training began from weights of another training.
    """

    learner: T
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator
    epochs_done: int = 0
    seconds: float = 0.0
    is_warm: bool = False

    def snapshot(self) -> Snapshot:
        """Return a copy of the present state."""
        optimiser = self.optimiser.state_dict()
        tensors = {**self._learned(), **_random_states(), "generator": self.generator.get_state()}
        numbers: dict[str, dict[str, Any]] = {}
        for index, state in optimiser["state"].items():
            tensors |= {f"optimiser.{index}.{k}": v for k, v in state.items() if isinstance(v, Tensor)}
            numbers[str(index)] = {k: v for k, v in state.items() if not isinstance(v, Tensor)}
        plain = {
            "epochs_done": self.epochs_done,
            "seconds": self.seconds,
            "is_warm": self.is_warm,
            "schedule": self.schedule.state_dict(),
            "groups": optimiser["param_groups"],
            "optimiser": numbers,
        }
        copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
        return Snapshot(copies, plain)

    def fits(self, snapshot: Snapshot) -> bool:
        """Tell whether the snapshot is of a learner with the same tensors as this one."""
        learned = {name: tensor for name, tensor in snapshot.tensors.items() if name.startswith("learner.")}
        return _shapes(learned) == _shapes(self._learned())

    def restore(self, snapshot: Snapshot) -> None:
        """Set the state to that of the snapshot, which must fit."""
        plain, tensors = snapshot.plain, snapshot.tensors
        for name, module in self.learner.trained_modules().items():
            module.load_state_dict(_with_prefix(f"learner.{name}.", tensors))
        with torch.no_grad():
            for name, tensor in self.learner.further_tensors().items():
                tensor.copy_(tensors[f"learner.{name}"])
        states = {
            int(index): numbers | _with_prefix(f"optimiser.{index}.", tensors)
            for index, numbers in plain["optimiser"].items()
        }
        groups = [{k: _tuple_of_floats(v) for k, v in group.items()} for group in plain["groups"]]
        self.optimiser.load_state_dict({"state": states, "param_groups": groups})
        _match_memory_layout(self.optimiser)
        self.schedule.load_state_dict(plain["schedule"])
        self.generator.set_state(tensors["generator"])
        self.epochs_done, self.seconds = plain["epochs_done"], plain["seconds"]
        self.is_warm = plain["is_warm"]
        _set_random_states(tensors)

    def _learned(self) -> dict[str, Tensor]:
        """Return the learner's own tensors, not copied."""
        tensors = {f"learner.{name}": tensor for name, tensor in self.learner.further_tensors().items()}
        for name, module in self.learner.trained_modules().items():
            tensors |= {f"learner.{name}.{key}": tensor for key, tensor in module.state_dict().items()}
        return tensors


@torch.no_grad()
def _match_memory_layout(optimiser: torch.optim.Optimizer) -> None:
    """Give moments the memory layout of their weights, as the optimiser does: another layout may round differently."""
    for weight, state in optimiser.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                state[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def _with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _tuple_of_floats(value: Any) -> Any:
    """Return a list of floats as a tuple: Adam's betas are a tuple, and JSON knows lists only."""
    return tuple(value) if isinstance(value, list) and value and isinstance(value[0], float) else value


def _random_states() -> dict[str, Tensor]:
    states = {"random": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        states["random_cuda"] = torch.cuda.get_rng_state()
    return states


def _set_random_states(tensors: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(tensors["random"])
    if "random_cuda" in tensors and torch.cuda.is_initialized():
        torch.cuda.set_rng_state(tensors["random_cuda"])
