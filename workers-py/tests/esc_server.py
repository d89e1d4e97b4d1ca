"""A small ESC system that speaks the protocol of `worker.http_esc`."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class EscServer(ThreadingHTTPServer):
    """Batches by id, with a status each, and the ids whose next request hangs."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), EscHandler)
        self.statuses: dict[str, str] = {}
        self.approvals: dict[str, str] = {}
        self.hanging: set[str] = set()
        self.authorizations: list[str | None] = []
        self.reached = threading.Event()
        self.stopping = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class EscHandler(BaseHTTPRequestHandler):
    """Answers GET /batches/{id} and POST /batches/{id}/approve."""

    server: EscServer

    def do_GET(self) -> None:
        """Answer where the batch stands."""
        batch_id = self.batch_id()
        status = self.server.statuses.get(batch_id)
        if status == "broken":
            self.answer(500, {"error": "out of order"})
        elif status is None:
            self.answer(404, {})
        else:
            self.answer(200, {"status": status})

    def do_POST(self) -> None:
        """Approve the batch, once for each idempotency key."""
        batch_id = self.batch_id()
        key = self.headers["Idempotency-Key"]
        self.server.authorizations.append(self.headers["Authorization"])
        with self.server.lock:
            status = self.server.statuses.get(batch_id)
            if status == "pending":
                self.server.statuses[batch_id] = "approved"
                self.server.approvals[batch_id] = key
            approved = self.server.approvals.get(batch_id) == key
        self.answer(404 if status is None else 200 if approved else 409, {})

    def batch_id(self) -> str:
        """Read the id from the path; for a hanging one, this waits for the server's end."""
        batch_id = unquote(self.path.split("/")[2])
        with self.server.lock:
            hangs = batch_id in self.server.hanging
            self.server.hanging.discard(batch_id)
        if hangs:
            self.server.reached.set()
            self.server.stopping.wait()
        return batch_id

    def answer(self, status: int, body: dict[str, str]) -> None:
        """Send a JSON answer."""
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clear."""


@contextmanager
def esc_server() -> Iterator[EscServer]:
    """Run the server on a free port."""
    with EscServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
