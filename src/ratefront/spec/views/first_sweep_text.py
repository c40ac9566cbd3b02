"""The text of a first sweep file for a user's own data, meant to be read and changed."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratefront.spec.views.render_plan import describe_data

_COLUMN = 108
_NO_TEXT = ("true", "false", "null")
_TRIAL_SAMPLES = 300_000  # that a learned codec sees in all its epochs
_TRIAL_EPOCHS = (3, 20)


@dataclass(frozen=True)
class FirstSweep:
    """The content of a first sweep file: a data set, and a task model with its cost.

    ``samples`` counts each split. ``cost`` is a line for the header, ``label_bits`` the entropy of the labels in bits.
    ``warnings`` are sentences about the data for a person.
    """

    dataset: Mapping[str, Any]
    samples: Mapping[str, int]
    shape: Sequence[int]
    classes: int
    label_bits: float
    task_model: Mapping[str, Any]
    splits: Sequence[str]
    cost: str
    warnings: Sequence[str] = ()

    def text(self, path: Path) -> str:
        """Return a sweep file of the families label and split; ``path`` is where it will lie, as its header says."""
        class_bits = math.ceil(math.log2(self.classes))
        fewest, most = _TRIAL_EPOCHS
        return _TEXT.format(
            command=_comment(f"ratefront sweep {path}"),
            data=_comment(_source(self.dataset)),
            held=describe_data(self.shape, self.classes, self.samples),
            cost=_wrapped(f"the task model, trained once before the trials: {self.cost}."),
            label_bits=self.label_bits,
            name=_name(_source(self.dataset)),
            dataset=_mapping(self.dataset),
            task_model=_mapping(self.task_model),
            merged=_MERGED.format(most=max(2, round(0.6 * self.classes))) if self.classes > 2 else "",
            splits=", ".join(map(_scalar, self.splits)),
            most_elements=4 * class_bits,
            most_letters=max(2, class_bits),
            epochs=min(most, max(fewest, math.ceil(_TRIAL_SAMPLES / self.samples["train"]))),
        )


def _source(dataset: Mapping[str, Any]) -> str:
    place = dataset.get("path") or dataset.get("root")
    return Path(place).name or Path(place).absolute().name if place else str(dataset["name"])


def _name(source: str) -> str:
    """Return a valid name for a sweep: letters, digits, dot, dash, underscore; the first is a letter or digit."""
    stem = source.removesuffix(Path(source).suffix)
    return _scalar(re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-") or "first")


def _mapping(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in values.items()) + "}"


def _scalar(value: object) -> str:
    """Return the value as YAML, quoted only where needed."""
    if not isinstance(value, str):
        return json.dumps(value)
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", value) and value.lower() not in _NO_TEXT
    return value if is_plain else json.dumps(value)


def _comment(text: str) -> str:
    """Return the text on one line. A file name may hold line breaks; a comment may not."""
    return " ".join(text.split())


def _wrapped(text: str) -> str:
    """Return the text wrapped in a column of the header."""
    return "\n#           ".join(textwrap.wrap(text, _COLUMN))


_MERGED = "\n        merged: {{merged_classes: {{int: [1, {most}]}}}}"

_TEXT = """\
# A first sweep over {data}: {held}.
# Written by `ratefront init`; change what you like.
#
# Command   {command}
# Cost      {cost}
#           That of a trial is not known. Nothing has been run yet; try two trials first (trials: 2), and
#           `ratefront simulate` tells what slots and samplers change once the time of a trial is known
# Expected  not known either. The labels have an entropy of {label_bits:.3g} bit: a good task model's class, entropy
#           coded, takes about that; what a smaller transmitter costs beyond it is what the sweep finds out
name: {name}
dataset: {dataset}
task_model: {task_model}

space:
  family:
    # The task model's class is sent: nothing beats it on rate, but the whole task model is the transmitter.
    label:
      method:
        lossless: {{}}{merged}
        time_shared: {{share: {{float: [0.1, 0.9]}}}}
    # A front end of the task model, a learned bottleneck, a back end.
    split:
      split: [{splits}]
      entropy_model:
        factorized: {{width: {{int: [2, {most_elements}], log: true}}}}
        categorical: {{width: {{int: [1, {most_letters}]}}, alphabet: [4, 8, 16]}}
      beta: {{float: [8, 300], log: true}}    # bits that a unit of distortion is worth: more of it, more bits
      objective: [cross_entropy, feature_distillation]

objectives: [rate_bits, accuracy, transmitter_bytes]
trials: 40
sampler: {{name: auto, seed: 0}}
training: {{epochs: {epochs}}}
resources: {{cpus: 1, gpus: 0, concurrent: 2}}    # of one trial; with a GPU: gpus: 1, or trials_per_gpu: auto
"""
