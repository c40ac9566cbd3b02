"""The text of a first sweep file for one's own data, made to be read and changed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ratefront.catalogue import CATALOGUE
from ratefront.errors import InputError

#: In this order the first is taken that takes the samples.
_TASK_MODELS = ("residual_cnn", "pointnet", "lenet", "small_cnn")

_NO_TEXT = ("true", "false", "null")


def first_sweep(data: Path, kind: str | None, facts: Mapping[str, Any], out: Path) -> str:
    """A sweep file of the families label and split for the ``arrays`` data set in ``data``.

    ``facts`` are those of the data set; ``out`` is where the text will be, as its own header says.

    Raises
    ------
    InputError
        No task model takes such samples.
    """
    classes = int(facts["classes"])
    model = _task_model(facts["shape"])
    splits = CATALOGUE.task_models[model].facts["splits"]
    class_bits = math.ceil(math.log2(classes))
    dataset = {"name": "arrays", "path": str(data)} | ({"kind": kind} if kind else {})
    return _TEXT.format(
        command=_comment(f"ratefront sweep {out}"),
        data=_comment(data.name),
        shape="×".join(map(str, facts["shape"])),
        classes=classes,
        label_bits=facts["label_bits"],
        name=_name(data),
        dataset=", ".join(f"{key}: {_scalar(value)}" for key, value in dataset.items()),
        task_model=model,
        merged=_MERGED.format(most=max(2, round(0.6 * classes))) if classes > 2 else "",
        splits=", ".join(map(_scalar, splits)),
        most_elements=4 * class_bits,
        most_letters=max(2, class_bits),
    )


def _task_model(shape: Sequence[int]) -> str:
    for name in _TASK_MODELS:
        if CATALOGUE.task_models[name].facts["takes"].fit(shape):
            return name
    raise InputError(f"no task model takes samples of shape {tuple(shape)}: images need 8×8 pixels or more")


def _name(data: Path) -> str:
    """The file's name as that of a sweep: letters, digits, dot, dash and underscore, none of the last three first."""
    return _scalar(re.sub(r"[^A-Za-z0-9._-]+", "-", data.stem).lstrip("._-") or "first")


def _scalar(text: str) -> str:
    """As it stands where YAML reads it as text, else quoted."""
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", text) and text.lower() not in _NO_TEXT
    return text if is_plain else json.dumps(text)


def _comment(text: str) -> str:
    """On one line: what a file may be called is more than what a comment may hold."""
    return " ".join(text.split())


_MERGED = "\n        merged: {{merged_classes: {{int: [1, {most}]}}}}"

_TEXT = """\
# A first sweep over {data}: samples of {shape}, {classes} classes. Written by `ratefront init`; change what you like.
#
# Command   {command}
# Cost      not known: it depends on your data and machine. Nothing has been run yet; try two trials first (--trials 2),
#           and `ratefront simulate` tells what slots and samplers change once the time of a trial is known
# Expected  not known either. The labels have an entropy of {label_bits:.3g} bit: a good task model's class, entropy
#           coded, takes about that; what a smaller transmitter costs beyond it is what the sweep finds out
name: {name}
dataset: {{{dataset}}}
task_model: {{name: {task_model}, epochs: 30, seed: 0}}

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
sampler: {{name: tpe, seed: 0, startup_trials: 16}}
training: {{epochs: 20}}
resources: {{cpus: 1, gpus: 0, concurrent: 2}}    # of one trial; with a GPU: gpus: 1, or trials_per_gpu: auto
"""
