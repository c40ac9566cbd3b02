"""Serves the Optuna Dashboard on a sweep, for this machine only. It is read-only."""

from __future__ import annotations

import json
import logging
import threading
import warnings
from collections.abc import Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from ratefront.errors import RatefrontError
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.load_spec import load_spec_without_data
from ratefront.store.ledger.ledger_file import LedgerReader
from ratefront.store.ledger.read_ledger import read_spec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.browsing.local_server import HOST, choose_port, interrupted_by_sigterm

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)

USUAL_PORT = 8080
#: The page of the only study: Optuna counts studies from 0.
STUDY_PAGE = "dashboard/studies/0"
READING = ("GET", "HEAD")
#: Other host names are refused: a foreign page whose name points to this machine could read the answers.
OWN_NAMES = (HOST, "localhost")

NOTE = """\
Read from the sweep's ledger, as it stood when this page was loaded. Nothing can be changed here.

- Objectives are what the search saw: rate and accuracy on **validation**. `test/…` and `rate/…` are measured on test.
- A trial that collapsed (no better than the majority class), and one that a person stopped, is shown as *Pruned*;
  `status` and `status_reason` say so.
- Parameters are named by their path in the search space: `split/beta` exists in trials of the family `split` only.
"""


def serve_dashboard(folder: SweepFolder, port: int | None = None) -> None:
    """Serve the dashboard until Ctrl-C or SIGTERM. It follows a running sweep.

    Raises:
        InputError: There is no sweep in the folder, its spec does not fit what is installed here, or the port is taken.
        LedgerDamagedError: An entry cannot be read.
    """
    port = choose_port(port, USUAL_PORT)
    dashboard = Dashboard(folder)
    server = make_server(HOST, port, dashboard, _Server, _SilentHandler)
    print(
        f"Optuna Dashboard of {folder.path} (Ctrl-C ends it):\nhttp://{HOST}:{port}/{STUDY_PAGE}", flush=True
    )
    with server, interrupted_by_sigterm(), _without_warnings(), suppress(KeyboardInterrupt):
        server.serve_forever()


def _without_warnings() -> warnings.catch_warnings[None]:
    """Hide the warnings of Optuna's about parameters that few trials have: each request for importances gives them."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


class Dashboard:
    """The dashboard as a read-only WSGI application. At every request, its study is as new as the ledger.

    The study is built again after the ledger has grown: Optuna's studies cannot take a result back, and the dashboard
    keeps its first state of a trial. Errors are those of ``serve_dashboard``.
    """

    def __init__(self, folder: SweepFolder) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._loaded = load_spec_without_data(read_spec(folder), name=str(folder.ledger))
        self._last_warning = ""
        self._forget_ledger()
        self._read_on()
        self._app = self._build_app()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request. Refuse other host names, and all that would change something."""
        if environ.get("HTTP_HOST", HOST).partition(":")[0] not in OWN_NAMES:
            return _refuse(start_response, f"only {' and '.join(OWN_NAMES)} are served")
        if environ["REQUEST_METHOD"] not in READING:
            return _refuse(start_response, "a sweep can only be looked at here")
        return self._current()(environ, start_response)

    def _current(self) -> WSGIApplication:
        with self._lock:
            try:
                if self._read_on():
                    self._app = self._build_app()
            except (OSError, ValueError, RatefrontError) as error:
                self._forget_ledger()
                self._warn(str(error))
            return self._app

    def _forget_ledger(self) -> None:
        self._history, self._reader = SweepHistory(), LedgerReader(self._folder.ledger)

    def _read_on(self) -> bool:
        has_grown = False
        for entry in self._reader.read_new():
            self._history.apply(entry)
            has_grown = True
        return has_grown

    def _build_app(self) -> WSGIApplication:
        import optuna_dashboard

        from ratefront.tracking.browsing.optuna_study import storage_of, study_in

        storage = storage_of(self._history, self._loaded)
        optuna_dashboard.save_note(study_in(storage), NOTE)
        app: WSGIApplication = optuna_dashboard.wsgi(storage)
        return app

    def _warn(self, warning: str) -> None:
        """Log a warning once, not at every request."""
        if warning != self._last_warning:
            _log.warning("dashboard: %s; it shows what was read before", warning)
        self._last_warning = warning


def _refuse(start_response: StartResponse, reason: str) -> Iterable[bytes]:
    start_response("403 Forbidden", [("Content-Type", "application/json")])
    return [json.dumps({"reason": reason}).encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing for a request."""
