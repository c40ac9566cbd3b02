"""Exports the codec of a trial: two ONNX files, the coder's tables, and what a check of them has found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ratefront.codecs.codec_interface import Codec
from ratefront.data.dataset import Dataset, Split
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import InputError
from ratefront.export.check_halves import (
    LATENTS,
    RECEIVER,
    SAMPLES,
    TRANSMITTER,
    VALUES,
    ExportCheck,
    check_halves,
)
from ratefront.export.coder_tables import coder_description
from ratefront.export.halves import Halves, halves_of
from ratefront.export.int8_layers import ExportedTransmitter, int8_inputs
from ratefront.export.manifest import CODER, README_TEXT, manifest_content
from ratefront.export.onnx_file import check_packages, onnx_bytes
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.load_spec import spec_from_plain
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.files.output_folder import check_output_folder, write_output_folder
from ratefront.store.same_inputs import check_format, check_inputs
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.input_digests import present_inputs
from ratefront.trial.stored_codec import find_codec_files, load_stored_codec
from ratefront.trial_records import TrialResult

MANIFEST, README = "manifest.json", "README.txt"
_EXAMPLES = 2  # samples that the exporter follows through a network


@dataclass(frozen=True)
class Export:
    """A trial's codec as files for another program.

    Attributes:
        folder: Where they are.
        file_bytes: The size of each file, by its name.
        check: What ONNX Runtime gave on the test split, compared with the codec.
        result: What the trial had measured.
    """

    folder: Path
    file_bytes: Mapping[str, int]
    check: ExportCheck
    result: TrialResult


def export_trial(
    sweep: SweepFolder, history: SweepHistory, trial_id: str, folder: Path, *, own_module: bool = False
) -> Export:
    """Export the codec of a trial to a new or empty folder, and check it on the sweep's test split.

    Raises:
        InputError: Packages are missing, the trial has no codec, the codec cannot be exported, the folder is in use, or
            the sweep names Python code that may not be run; ``SweepMismatchError`` where data or code have changed.
        DisagreementError: The exported halves do something else than the codec. No folder is written.
    """
    check_packages()
    check_output_folder(folder)
    result = _result_of(history, trial_id)
    stored = load_stored_codec(find_codec_files(sweep, trial_id), own_module=own_module)
    halves = halves_of(stored.module, stored.family)
    spec, data = _inputs(sweep, history, own_module)
    files, coder = _onnx_files(stored.module, halves, data.test), coder_description(stored.module)
    check = check_halves(
        files, stored.module, stored.identity, halves, coder["schedule"], data.test, spec.block_size
    )
    files[CODER] = _json_bytes(coder)
    files[README] = README_TEXT.encode()
    params = history.trial(trial_id).params
    manifest = manifest_content(params, stored, halves, data.classes, files, check, result)
    files[MANIFEST] = _json_bytes(manifest)  # last: where it is, the others are
    write_output_folder(folder, files)
    return Export(folder, {name: len(content) for name, content in files.items()}, check, result)


def _result_of(history: SweepHistory, trial_id: str) -> TrialResult:
    result = history.trial(trial_id).result
    if result is None:
        raise InputError(f"trial {trial_id} is {history.trial(trial_id).status}: it has left no codec")
    return result


def _inputs(sweep: SweepFolder, history: SweepHistory, own_module: bool) -> tuple[SweepSpec, Dataset]:
    """The sweep file and the data set, which have to be those that the sweep began with."""
    check_format(history)
    spec = spec_from_plain(history.spec, source=str(sweep.ledger), own_module=own_module).spec
    inputs = {} if history.task_model is None else history.task_model.inputs
    if inputs:
        check_inputs(inputs, present_inputs(spec), spec)
    return spec, load_dataset(spec.dataset)


def _onnx_files(codec: Codec, halves: Halves, test: Split) -> dict[str, bytes]:
    samples = torch.from_numpy(test.images[:_EXAMPLES].copy())
    latents = torch.from_numpy(codec.analyse(samples))
    return {
        TRANSMITTER: onnx_bytes(
            ExportedTransmitter(halves.transmitter, samples),
            samples,
            SAMPLES,
            [LATENTS, VALUES, *int8_inputs(halves.transmitter)],
        ),
        RECEIVER: onnx_bytes(halves.receiver, latents, LATENTS, [halves.output]),
    }


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
