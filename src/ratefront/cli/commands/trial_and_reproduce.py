"""Commands that run one trial in this process: ``trial`` runs a new one, ``reproduce`` repeats one of a sweep."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ratefront.cli.isolation import forbid_sweep_imports, prints_to_stderr
from ratefront.cli.shared_arguments import (
    OverridesOption,
    OwnModuleOption,
    SpecArgument,
    SweepFolderArgument,
    overrides_of,
)
from ratefront.errors import InputError

if TYPE_CHECKING:
    from ratefront.trial.reproduction.reproduce_trial import Reproduction


def trial(
    spec: SpecArgument,
    params: Annotated[
        str,
        typer.Option(
            metavar="JSON", help='A family and its parameters: {"family": "label", "method": "lossless"}'
        ),
    ],
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the trial.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Keep the trial's files here.")] = None,
    set_: OverridesOption = None,
) -> None:
    """Run one trial in this process, without Ray, MLflow and Optuna. Print its result as JSON."""
    from ratefront.api.one_trial import checked_params, run_trial
    from ratefront.spec.load_spec import load_spec

    forbid_sweep_imports()
    with prints_to_stderr():
        loaded = load_spec(spec, overrides_of(set_))
        checked = checked_params(loaded, _parse_params(params), seed)
        result = run_trial(loaded, checked, out, device=device)
    print(
        json.dumps(
            {"params": dict(checked.values), "seed": seed, "device": device, **result.to_json()}, indent=2
        )
    )


def _parse_params(params: str) -> dict[str, Any]:
    from ratefront.bounded_files import parse_json
    from ratefront.spec.problem_wording import shown

    try:
        values = parse_json(params)
    except ValueError as error:
        raise InputError(f"--params is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"--params is a JSON object, got {shown(values)}")
    return values


def reproduce(
    folder: SweepFolderArgument,
    trial: Annotated[
        str, typer.Argument(metavar="TRIAL", help="The trial's name, as t0042.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="Keep the new trial's files here.")] = None,
    own_module: OwnModuleOption = False,
) -> None:
    """Run a trial of a sweep again, and compare all bits.

    The exit code is 1 if anything but a time differs.
    """
    from ratefront.api import sweeps

    forbid_sweep_imports()
    sweep = sweeps.open(folder, own_module=own_module)
    with tempfile.TemporaryDirectory() as temporary, prints_to_stderr():
        again = sweep.trials[trial].reproduce(out or Path(temporary) / "again")
    if again.result is not None:
        print(json.dumps(again.result.to_json(), indent=2))
    if again.not_compared:
        _print_lines("not compared:", again.not_compared)
    if not again.differences:
        print(_same_bits_text(again), file=sys.stderr)
        return
    _print_lines("other bits:", again.differences)
    changed = sweep.environment_changes()
    _print_lines("what has changed since the sweep ran:", changed or ["nothing that is known of"])
    raise typer.Exit(1)


def _same_bits_text(again: Reproduction) -> str:
    if again.result is None:
        return "it failed as it had failed"
    return "same bits" + (" in all that could be compared" if again.not_compared else "")


def _print_lines(heading: str, lines: Iterable[str]) -> None:
    print("\n".join([heading, *(f"  {line}" for line in lines)]), file=sys.stderr)
