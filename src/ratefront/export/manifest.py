"""What an export's files are, for programs (``manifest.json``) and for a person (``README.txt``)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ratefront import __version__
from ratefront.export.check_halves import LATENTS, RECEIVER, SAMPLES, TRANSMITTER, ExportCheck
from ratefront.export.halves import Halves
from ratefront.export.onnx_file import package_versions
from ratefront.trial.stored_codec import StoredCodec
from ratefront.trial_records import TrialParams, TrialResult

CODER = "coder.json"
_VERSION = 1
_SAMPLES_AXIS = "samples"  # of any length

README_TEXT = f"""A codec of ratefront for deployment. manifest.json says what it is, and what each file holds.

{TRANSMITTER}   samples to latents; samples are float32 as in the data set, images (n, C, H, W) in [0, 1]
{RECEIVER}      latents to scores, of which the largest decides the class, or to classes
{CODER}         the entropy coder: its tables, the table of each element, the order of the symbols

A coded file of ratefront names the codec by the identity in the manifest. docs/export.md of ratefront describes the
coder and the coded file, and has a receiver in Python that uses these files alone.
"""


def manifest_content(
    params: TrialParams,
    stored: StoredCodec,
    halves: Halves,
    classes: int,
    files: Mapping[str, bytes],
    check: ExportCheck,
    result: TrialResult,
) -> dict[str, Any]:
    """Describe the files of an export as plain data; docs/export.md lists its keys.

    Args:
        params: The trial's configuration.
        stored: Its codec.
        halves: The networks that were exported.
        classes: The number of classes.
        files: The other files by name.
        check: What they did on the test split.
        result: What the trial had measured.
    """
    latents = {"name": LATENTS, "type": "int32", "shape": [_SAMPLES_AXIS, stored.module.elements]}
    return {
        "format": "ratefront export",
        "version": _VERSION,
        "trial": params.trial_id,
        "parameters": dict(params.values),
        "identity": stored.identity.hex(),
        "classes": classes,
        "transmitter": {
            "file": TRANSMITTER,
            "input": {"name": SAMPLES, "type": "float32", "shape": [_SAMPLES_AXIS, *stored.sample_shape]},
            "output": latents,
        },
        "receiver": {"file": RECEIVER, "input": latents, "output": _received(halves, classes)},
        "coder": CODER,
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        },
        "transmitter_bytes": result.transmitter_bytes,
        "check": {"split": "test", **asdict(check)},
        "trial_test": {"rate_bits": result.test.rate_bits, "accuracy": result.test.accuracy},
        "versions": {"ratefront": __version__, **package_versions()},
    }


def _received(halves: Halves, classes: int) -> dict[str, Any]:
    if halves.output == "classes":
        return {"name": halves.output, "type": "int64", "shape": [_SAMPLES_AXIS]}
    return {"name": halves.output, "type": "float32", "shape": [_SAMPLES_AXIS, classes]}
