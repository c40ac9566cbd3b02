"""Augmentations: random changes of training samples, for a whole batch at once, from a given generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from ratefront.errors import InputError

#: Maps samples (N, ...) to samples of the same shape; random numbers come from a generator on the CPU.
Augmentation: TypeAlias = Callable[[Tensor, torch.Generator], Tensor]

_MOST_PIXELS = 2
_MOST_DEGREES = 10.0
_IMAGE_SCALES = (0.9, 1.1)
_CLOUD_SHIFT = 0.1
_CLOUD_SCALES = (0.8, 1.25)


def augmentation(name: str, shape: Sequence[int]) -> Augmentation | None:
    """Return the augmentation of this name for samples of this shape; None for ``none``.

    Images (C, H, W): ``shift`` moves by whole pixels, up to 2; ``affine`` rotates by up to 10°, moves by up to 2 pixels
    and scales by 0.9–1.1; ``flip`` is ``shift``, and mirrors half of the images. Pixels from outside are 0. Clouds
    (P, 3): ``shift`` moves by up to 0.1 along each axis; ``affine`` also scales each axis by 0.8–1.25.

    Raises:
        InputError: There is no augmentation of this name for such samples.
    """
    known: dict[str, Augmentation] = {"shift": _shift, "affine": _affine, "flip": _flip}
    if len(shape) == 2:
        known = {"shift": _shift_cloud, "affine": _affine_cloud}
    if name == "none":
        return None
    if name not in known:
        raise InputError(
            f"task_model.augment: {name} is for images, not for clouds; valid: {', '.join(['none', *known])}"
        )
    return known[name]


def _uniform(
    low: float, high: float, shape: Sequence[int], like: Tensor, generator: torch.Generator
) -> Tensor:
    return (low + (high - low) * torch.rand(*shape, generator=generator)).to(like.device, non_blocking=True)


def _shift(images: Tensor, generator: torch.Generator) -> Tensor:
    samples, _, height, width = images.shape
    moved = torch.randint(2 * _MOST_PIXELS + 1, (2, samples, 1), generator=generator).to(images.device)
    rows = moved[0] + torch.arange(height, device=images.device)
    columns = moved[1] + torch.arange(width, device=images.device)
    padded = F.pad(images, (_MOST_PIXELS,) * 4).permute(0, 2, 3, 1)
    each = torch.arange(samples, device=images.device)[:, None, None]
    return padded[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def _flip(images: Tensor, generator: torch.Generator) -> Tensor:
    mirrored = (torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5).to(images.device)
    return _shift(torch.where(mirrored, images.flip(3), images), generator)


def _affine(images: Tensor, generator: torch.Generator) -> Tensor:
    samples, _, height, width = images.shape
    angle = _uniform(-math.radians(_MOST_DEGREES), math.radians(_MOST_DEGREES), [samples], images, generator)
    scale = _uniform(*_IMAGE_SCALES, [samples], images, generator)
    across = _uniform(-_MOST_PIXELS, _MOST_PIXELS, [samples], images, generator) * 2 / width
    down = _uniform(-_MOST_PIXELS, _MOST_PIXELS, [samples], images, generator) * 2 / height
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    row_across = torch.stack([cosine, -sine * height / width, across], dim=1)
    row_down = torch.stack([sine * width / height, cosine, down], dim=1)
    grid = F.affine_grid(torch.stack([row_across, row_down], dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _shift_cloud(clouds: Tensor, generator: torch.Generator) -> Tensor:
    return clouds + _uniform(-_CLOUD_SHIFT, _CLOUD_SHIFT, [len(clouds), 1, 3], clouds, generator)


def _affine_cloud(clouds: Tensor, generator: torch.Generator) -> Tensor:
    scaled = clouds * _uniform(*_CLOUD_SCALES, [len(clouds), 1, 3], clouds, generator)
    return _shift_cloud(scaled, generator)
