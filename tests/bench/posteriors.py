"""Real posteriors to draw bounds behind: trains a small CNN on MNIST or FashionMNIST, writes an npz.

    python tests/bench/posteriors.py FashionMNIST fashion.npz --data FOLDER

FOLDER is laid out as ``torchvision.datasets.MNIST(root=FOLDER)`` expects. The npz holds ``labels`` (N,) and ``logits``
(N, 10) of the test split, which ``ratefront bounds`` reads. A minute or two on two cores; the seed fixes the result
on one machine.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import datasets

EPOCHS, BATCH = 4, 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", choices=("MNIST", "FashionMNIST"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    model = trained(*split(given.data, given.dataset, train=True))
    images, labels = split(given.data, given.dataset, train=False)
    with torch.no_grad():
        logits = torch.cat([model(part) for part in images.split(1000)])
    np.savez(given.out, labels=labels.numpy(), logits=logits.numpy())
    print(f"{given.dataset}: {(logits.argmax(1) == labels).float().mean():.4f} right, written to {given.out}")


def split(folder: Path, name: str, *, train: bool) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) in [0, 1] and labels (N,)."""
    found = getattr(datasets, name)(root=str(folder), train=train)
    return found.data[:, None].float() / 255, found.targets


def trained(images: Tensor, labels: Tensor) -> nn.Module:
    """Two convolutions and two linear layers, after LeNet-5; one-cycle SGD."""
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    steps = EPOCHS * -(-len(images) // BATCH)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.1, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images)).split(BATCH):
            loss = F.cross_entropy(model(images[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


if __name__ == "__main__":
    main()
