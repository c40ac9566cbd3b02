"""Shows one sweep on a real GPU, scheduled by Ray, and writes what happened: the facts of docs/results/gpu.md.

Needs     one GPU with NVIDIA's driver, 4 cores, the repository, and ratefront as requirements.lock has it
Command   python cluster/gpu_sweep.py --out /tmp/gpu              (in the top folder of the repository)
Cost      some minutes of one GPU and 4 cores; nothing to download. `--on-cpu` tries the script without a GPU

1. The digits sweep with ``gpus: 0.25``, four trials at a time: each trial's device, memory and figures.
2. One of its trials asks for more memory than its share: it gets the error of a full memory, and another attempt.
3. Streams that were coded on the CPU are decoded on the GPU, and the other way round: the same latents and classes, bit
   for bit, and the same bytes when they are coded again.

The exit code is 1 if one of the three did not happen. The report is gpu.md in the folder, and on stdout.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import ratefront as rf
from ratefront.api.sweeps import Sweep
from ratefront.api.trials import Trial
from ratefront.codecs.codec_interface import Codec
from ratefront.data.load_dataset import load_dataset
from ratefront.history.events import Failed
from ratefront.store.ledger.read_ledger import entries_of
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial_records import GPU_MEMORY_SHARE

SHARE = 0.25
AT_ONCE = 4
SWEEP = Path(__file__).parents[1] / "sweeps" / "digits.yaml"

#: The file that the first trial leaves that is measured, so that only that one asks for too much.
MARKER = "RATEFRONT_GPU_SWEEP_MARKER"


def ask_for_too_much(labels: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    """A metric that at its first call in all asks for twice the memory that its trial may hold."""
    try:
        Path(os.environ[MARKER]).touch(exist_ok=False)
    except FileExistsError:
        return 0.0
    if not torch.cuda.is_available():
        raise torch.OutOfMemoryError("simulated, there is no GPU here")
    whole = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    torch.empty(int(2 * SHARE * whole), dtype=torch.uint8, device="cuda")
    return 0.0


def run_sweep(out: Path, gpus: float, trials: int) -> Sweep:
    """Run the digits sweep, with a metric that asks for too much once."""
    os.environ[MARKER] = str(out / "asked-for-too-much")
    overrides = {
        "trials": trials,
        "sampler.startup_trials": trials,
        "resources.gpus": gpus,
        "resources.concurrent": AT_ONCE,
        "metrics": [f"{Path(__file__).stem}:{ask_for_too_much.__name__}"],
    }
    return rf.run(SWEEP, out / "sweep", overrides=overrides, progress=False)


def most_at_once(trials: Iterable[Trial]) -> int:
    """Count how many of the trials ran at the same time, at most."""
    times = [(one.history.started_time, one.history.ended_time) for one in trials]
    spans = [(begin, end) for begin, end in times if begin is not None and end is not None]
    return max((sum(begin <= at < end for begin, end in spans) for at, _ in spans), default=0)


def trial_rows(trials: Iterable[Trial]) -> list[str]:
    """Give a row of the report for each trial."""
    rows = []
    for one in trials:
        result, attempts = one.result, one.history.attempts
        if result is None:
            rows.append(f"| {one.trial_id} | {one.params['family']} | {one.status} | {attempts} | | | | |")
            continue
        share = result.extra.get(GPU_MEMORY_SHARE)
        device = "CPU" if share is None else "GPU"
        held = "–" if share is None else f"{share:.2%}"
        rows.append(
            f"| {one.trial_id} | {one.params['family']} | {one.status} | {attempts} | {device} | {held} | "
            f"{result.test.rate_bits:.2f} | {result.test.accuracy:.1%} |"
        )
    return rows


def differences(codec: Codec, other: Codec, images: torch.Tensor) -> list[str]:
    """Code on the first codec's device, decode on the second one's, and say what is not the same."""
    latents = codec.analyse(images.to(codec.device))
    data = codec.encode(latents)
    own, decoded = codec.decode(data, len(images)), other.decode(data, len(images))
    found = {
        "latents": np.array_equal(own, decoded),
        "bytes": other.encode(decoded) == data,
        "classes": torch.equal(codec.classify(own), other.classify(decoded)),
    }
    return [name for name, same in found.items() if not same]


def compare_devices(trials: Iterable[Trial], images: torch.Tensor, device: str) -> list[str]:
    """Give a line for each codec whose streams are not the same on both devices, and a last one that counts them."""
    problems, compared = [], 0
    for one in trials:
        here, there = one.load_codec().module, one.load_codec().module.to(device)
        for way, pair in {"CPU to GPU": (here, there), "GPU to CPU": (there, here)}.items():
            problems += [f"{one.trial_id}, {way}: other {name}" for name in differences(*pair, images)]
            compared += 1
    return [*problems, f"{compared} streams of {len(images)} samples, {len(problems)} differences"]


def machine(device: str) -> str:
    """Name the device and the software."""
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    if device == "cpu":
        return f"No GPU (a trial run of the script). {versions}."
    properties = torch.cuda.get_device_properties(0)
    return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}. {versions}."


def failures_of(sweep: Sweep) -> list[Failed]:
    """Give the failed attempts of a sweep."""
    events = (entry.event for entry in entries_of(SweepFolder(sweep.folder)))
    return [event for event in events if isinstance(event, Failed)]


def write_report(out: Path, sweep: Sweep, device: str) -> bool:
    """Write gpu.md and print it. Return whether everything happened that was to be shown."""
    trials = list(sweep.trials.values())
    measured = [one for one in trials if one.result is not None]
    data = load_dataset(sweep.spec.spec.dataset)
    streams = compare_devices(measured, torch.from_numpy(data.test.images[:]), device)
    at_once, errors = most_at_once(trials), failures_of(sweep)
    passed = {
        "all trials ran to their end": len(measured) == len(trials),
        "one asked for too much: a full memory was its error, and its next attempt finished": [
            (one.error, sweep.trials[one.trial_id].result is not None) for one in errors
        ]
        == [("OutOfMemoryError", True)],
        "streams are the same on both devices": len(streams) == 1,
    }
    if device == "cuda":
        shares = [one.result.extra.get(GPU_MEMORY_SHARE) for one in measured if one.result]
        passed[f"{AT_ONCE} trials at once"] = at_once == AT_ONCE
        passed[f"each held at most {SHARE:.0%} of the GPU's memory"] = all(
            share is not None and share <= SHARE for share in shares
        )
    report = [
        machine(device),
        "",
        f"{len(trials)} trials, at most {at_once} at once.",
        "",
        "| trial | family | status | attempts | device | most of the memory | bit/sample | accuracy |",
        "|---|---|---|--:|---|--:|--:|--:|",
        *trial_rows(trials),
        "",
        *(f"{one.trial_id}, attempt {one.attempt}: {one.error}: {one.reason}" for one in errors),
        "",
        *streams,
        "",
        *(f"- {'yes' if is_so else '**no**'}: {name}" for name, is_so in passed.items()),
    ]
    text = "\n".join(report) + "\n"
    (out / "gpu.md").write_text(text)
    print(text, end="")
    return all(passed.values())


def main() -> int:
    """Run the three parts and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--on-cpu", action="store_true", help="try the script where there is no GPU")
    given = parser.parse_args()
    if not given.on_cpu and not torch.cuda.is_available():
        parser.error("torch finds no GPU here; --on-cpu tries the script without one")
    given.out.mkdir(parents=True)
    sweep = run_sweep(given.out.resolve(), 0 if given.on_cpu else SHARE, given.trials)
    return 0 if write_report(given.out, sweep, "cpu" if given.on_cpu else "cuda") else 1


if __name__ == "__main__":
    sys.exit(main())
