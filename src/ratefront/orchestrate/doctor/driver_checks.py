"""Looks at what needs no node: the sweep file, Ray's installation, access to Ray, the sweep's folder, the tracker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ratefront.engine.opening_events import ResumeOptions
from ratefront.errors import InputError, LedgerLockedError, RatefrontError, TrackingError
from ratefront.orchestrate.begin_and_resume_checks import check_folder, has_trials
from ratefront.orchestrate.doctor.this_machine import NotInTimeError, within
from ratefront.readiness import CheckLine
from ratefront.safe_text import without_credentials
from ratefront.spec.changeable_settings import settings_change
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec
from ratefront.spec.resource_check import families_of
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.same_inputs import check_format
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.mlflow.registration import check_model_name
from ratefront.tracking.mlflow.store_check import look_at_store
from ratefront.tracking.tracking_uri import resolve_uri
from ratefront.wording import Argument, Call, Message

#: An MLflow server that answers does so at once. A file on a dead share never does.
REQUEST_WITHIN_S, TRACKING_WITHIN_S = "10", 15.0

_MODES = ("token", "disabled")


def sweep_file(
    source: Path | Mapping[str, Any], overrides: Mapping[str, Any]
) -> tuple[SweepSpec | None, CheckLine]:
    """Load the sweep file, as ``ratefront check`` does."""
    try:
        loaded: LoadedSpec = load_spec(source, overrides)
    except InputError as error:
        return None, CheckLine("error", "sweep file", Message(error), "correct the sweep file")
    spec = loaded.spec
    families = ", ".join(families_of(spec))
    return spec, CheckLine("ok", "sweep file", f"{spec.name}: {spec.trials} trials of {families}")


def installed_ray() -> CheckLine:
    """Import what a sweep uses of Ray: some of the names are private."""
    installed = version("ray")
    try:
        import ratefront.orchestrate.cluster.private_cluster
        import ratefront.orchestrate.tune.tune_driver  # noqa: F401
    except ImportError as error:
        return CheckLine(
            "error",
            "Ray",
            f"no sweep can run with the installed Ray {installed}: {error}",
            "pip install 'ray[default,tune]==2.60.*'",
        )
    return CheckLine("ok", "Ray", f"version {installed}")


def access_mode(*, joins: bool) -> CheckLine | None:
    """Look at Ray's mode of authentication in the environment. ``joins`` says that there is a cluster to join."""
    mode = os.environ.get("RAY_AUTH_MODE")
    if mode is not None and mode.lower() not in _MODES:
        valid = " or ".join(_MODES)
        return CheckLine("error", "access", f"RAY_AUTH_MODE={mode} is no mode of Ray's", f"set it to {valid}")
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    # Ray looks for a token in the file if it is to ask for one, and RAY_AUTH_TOKEN holds none.
    is_read = (mode is None or mode.lower() == "token") and not os.environ.get("RAY_AUTH_TOKEN")
    if named and is_read and not Path(named).is_file():
        return CheckLine(
            "error", "access", f"RAY_AUTH_TOKEN_PATH={named}: there is no such file", "name the token's file"
        )
    if joins:
        return None  # the cluster's own mode counts: it is asked
    if mode is not None and mode.lower() == "disabled":
        return CheckLine(
            "warning",
            "access",
            "RAY_AUTH_MODE=disabled: while a sweep runs, other users of this machine can run code as you",
            "unset RAY_AUTH_MODE: a sweep of this machine then has a token of its own",
        )
    return CheckLine("ok", "access", "Ray listens on this machine alone, and asks for a token")


def sweep_folder(folder: Path, spec: SweepSpec | None) -> list[CheckLine]:
    """Look whether a sweep may begin in the folder, or go on there with this spec; None: with that in its ledger."""
    files = SweepFolder(folder)
    has_ledger = files.ledger.exists()
    if problems := _failed(
        lambda: check_folder(files, ResumeOptions(resume=has_ledger)), "give another folder"
    ):
        return problems
    if not has_ledger:
        return [CheckLine("ok", "folder", f"{folder} {'is empty' if folder.exists() else 'will be made'}")]
    problems = _failed(
        lambda: _check_no_driver(files), "wait for its end, or stop it; or give another folder"
    )
    if has_trials(files):
        problems += _failed(
            lambda: _check_resumable(files, spec), "give the folder of this sweep, or a new one"
        )
        there = Message(f"{folder} holds a sweep, to go on with by ", Argument("resume", True))
    else:
        there = Message(f"{folder} holds a sweep without trials, which a new one replaces")
    return problems or [CheckLine("ok", "folder", there)]


def _failed(check: Callable[[], None], advice: str) -> list[CheckLine]:
    try:
        check()
    except RatefrontError as error:
        return [CheckLine("error", "folder", Message(error), advice)]
    return []


def _check_no_driver(files: SweepFolder) -> None:
    if driver := driver_of(files):
        raise LedgerLockedError(f"{files.ledger} is being written by {driver}")


def _check_resumable(files: SweepFolder, spec: SweepSpec | None) -> None:
    """Read the whole ledger, and check what a resume checks of it. Nothing is written, unlike then."""
    history = read_history(files)
    check_format(history)
    if spec is not None:
        settings_change(history.spec, spec)


def tracking(spec: SweepSpec | None, folder: Path, tracking_uri: str | None) -> Iterator[CheckLine]:
    """Look at the store that the sweep would be tracked in, with the user, password or token of the environment."""
    environment = os.environ.get("MLFLOW_TRACKING_URI")
    given = tracking_uri or (spec.tracking.uri if spec else None)
    if environment and not given:
        yield CheckLine(
            "warning",
            "tracking",
            f"MLFLOW_TRACKING_URI is set ({without_credentials(environment)}), but no sweep reports there by itself",
            Message("name it with ", Argument("tracking_uri")),
        )
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", REQUEST_WITHIN_S)
    try:
        check_model_name(spec.tracking.register_as if spec else None)
        experiment = spec.tracking.experiment if spec else "ratefront"
        store = resolve_uri(given, folder)
        silent = f"{without_credentials(store)} gives no answer"
        found = within(TRACKING_WITHIN_S, partial(look_at_store, store, experiment), silent)
        yield CheckLine("ok", "tracking", found)
    except InputError as error:
        yield CheckLine("error", "tracking", Message(error), "give an address that a sweep can report to")
    except (TrackingError, NotInTimeError) as error:
        yield CheckLine(
            "warning",
            "tracking",
            Message(error),
            Message(
                "a sweep runs without it; when it answers, send the sweep there with ", Call("sweep.track")
            ),
        )
