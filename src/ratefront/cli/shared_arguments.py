"""Arguments that several commands take."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ratefront.errors import InputError
from ratefront.safe_text import visible_line

SpecArgument = Annotated[
    Path, typer.Argument(metavar="SPEC", help="The sweep file (YAML).", show_default=False)
]
OverridesOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the sweep file.")
]
OwnModuleOption = Annotated[
    bool, typer.Option("--own-module", help="Allow the sweep's Python code to run, because it is yours.")
]
SweepFolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="The sweep's folder.", show_default=False)
]

AddressOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|auto",
        help="Ray cluster to join; auto: RAY_ADDRESS, else that of this machine.  [default: RAY_ADDRESS, else none]",
    ),
]

AutoscalingOption = Annotated[
    bool, typer.Option("--autoscaling", help="The cluster starts nodes as trials wait for them.")
]
TrackingUriOption = Annotated[
    str | None,
    typer.Option(help="MLflow store or server.  [default: mlflow.db beside the sweep's folder]"),
]


def overrides_of(set_: Iterable[str] | None, trials: int | None = None) -> dict[str, Any]:
    """Return what ``--set KEY=VALUE`` (the value is YAML) and ``--trials N`` change in a sweep file.

    Raises:
        InputError: A text is not KEY=VALUE, or its value is not YAML.
    """
    from ratefront.spec.yaml_text import read_yaml

    overrides: dict[str, Any] = {}
    for text in set_ or ():
        key, equals, value = text.partition("=")
        shown = visible_line(text)
        if not equals or not all(part.strip() for part in key.split(".")):
            raise InputError(f"--set {shown}: must be key=value, with a dotted key (training.epochs=5)")
        overrides.pop(key, None)  # a key that is given twice counts at its last position
        try:
            overrides[key] = read_yaml(value)
        except ValueError as error:
            raise InputError(f"--set {shown}: {error}") from error
    return overrides if trials is None else {**overrides, "trials": trials}
