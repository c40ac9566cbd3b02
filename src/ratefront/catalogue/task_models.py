"""The task models, known without importing torch.

Facts: ``splits``, their split points from input to output, and ``strides``: how many pixels of the image one of the
features stands for there, along each side; 0 where they are no map.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ratefront.registry import Registry


class TaskModelParameters(BaseModel):
    """What every task model can be told; it is trained once and cached by the content of these and the data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: Annotated[int, Field(ge=1)] = 30
    batch_size: Annotated[int, Field(ge=1)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


TASK_MODELS: Registry[TaskModelParameters] = Registry("task model")
TASK_MODELS.add(
    "small_cnn",
    TaskModelParameters,
    "ratefront.tasks.small_cnn:build",
    "three convolutions and two linear layers, for images of 8×8 pixels",
    {"splits": ("conv1", "conv2", "conv3", "hidden"), "strides": (1, 2, 4, 0)},
)
