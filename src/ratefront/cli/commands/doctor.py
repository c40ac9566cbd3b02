"""``ratefront doctor`` says whether a sweep would run, and what to do where it would not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ratefront.cli.messages_in_flags import with_flags
from ratefront.cli.shared_arguments import (
    AddressOption,
    AutoscalingOption,
    OverridesOption,
    TrackingUriOption,
    overrides_of,
)
from ratefront.safe_text import visible_json

if TYPE_CHECKING:
    from ratefront.readiness import CheckLine

#: As other commands whose answer is no: an impossible claim, other bits.
EXIT_NOT_READY = 1


def doctor(
    spec: Annotated[
        Path | None,
        typer.Argument(
            metavar="SPEC", help="The sweep file (YAML), if there is one yet.", show_default=False
        ),
    ] = None,
    set_: OverridesOption = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder that the sweep will use.  [default: runs/NAME-TIME]")
    ] = None,
    tracking_uri: TrackingUriOption = None,
    address: AddressOption = None,
    autoscaling: AutoscalingOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; docs/files.md lists its keys.")
    ] = False,
) -> None:
    """Look whether a sweep would run here, or on each node of a cluster: a line for each check, in a minute at most."""
    from ratefront.api.examining import doctor as examine
    from ratefront.terminal.console import SafeConsole
    from ratefront.terminal.readiness_text import print_check_line, print_verdict

    console = SafeConsole()

    def show(line: CheckLine) -> None:
        if not as_json:
            print_check_line(_in_flags(line), console)

    found = examine(
        spec,
        out,
        overrides=overrides_of(set_),
        tracking_uri=tracking_uri,
        address=address,
        autoscaling=autoscaling,
        on_line=show,
    )
    if as_json:
        found = replace(found, lines=tuple(map(_in_flags, found.lines)))
        print(visible_json(json.dumps(found.to_json(), indent=2, ensure_ascii=False)))
    else:
        print_verdict(found, console)
    if not found.is_ready:
        raise typer.Exit(EXIT_NOT_READY)


def _in_flags(line: CheckLine) -> CheckLine:
    return replace(line, text=with_flags(line.text), advice=with_flags(line.advice))
