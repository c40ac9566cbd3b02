"""A server that records what clients of MLflow send, and answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_RUN = {"run_id": "a" * 32, "run_uuid": "a" * 32, "experiment_id": "7", "status": "RUNNING", "start_time": 5}
_RUN_RECORD = {"info": _RUN, "data": {}, "inputs": {}}


class Listener(ThreadingHTTPServer):
    """Accepts every request as a server of MLflow's does, and keeps path, body and headers.

    With ``answer``, a status and a body, it answers this to every request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, Any, dict[str, str]]] = []
        self.answer: tuple[int, str] | None = None
        self.connections = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def finish_request(self, *args: Any) -> None:
        self.connections += 1
        super().finish_request(*args)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def do_GET(self) -> None:
        """MLflow's client looks at a run before it opens it again."""
        self._answer({"run": _RUN_RECORD})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, body, dict(self.headers)))
        self._answer({"run": _RUN_RECORD} if self.path.endswith("create") else {})

    def _answer(self, usual: object) -> None:
        status, text = self.server.answer or (200, json.dumps(usual))
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening() -> Iterator[Listener]:
    with Listener() as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()
