"""Records the requests of a FastAPI service for `npm run shadow`."""

import json
import logging
import os
from pathlib import Path
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What decides the answer. Keys, cookies and the like stay out of the file.
KEPT_HEADERS = (
    "content-type",
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
)

logger = logging.getLogger(__name__)


class RecordRequests:
    """Appends each request to a file, as one line of JSON.

    The bodies are in it as they came: it is made for its owner alone to read, and
    is to be treated as the params are. A request that can't be recorded is answered
    all the same, and the log tells of it.
    `app.add_middleware(RecordRequests, file=Path("cases.jsonl"))` is all that it
    takes; it needs nothing but Starlette, which FastAPI brings.
    """

    def __init__(self, app: ASGIApp, file: Path) -> None:
        self.app = app
        self.file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record it when it has been answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        chunks: list[bytes] = []

        async def receive_and_keep() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                chunks.append(message.get("body", b""))
            return message

        await self.app(scope, receive_and_keep, send)
        try:
            self._append(scope, b"".join(chunks))
        except Exception:
            # The service must not suffer from being recorded: a full disk is no failed request.
            logger.exception("A request was not recorded")

    def _append(self, scope: Scope, body: bytes) -> None:
        path = path_of(scope)
        # `OPTIONS *` asks for no path, and can't be replayed.
        if path.startswith("/"):
            with open(self.file, "a", encoding="utf-8", opener=open_for_owner) as file:
                file.write(f"{line_of(scope, path, body)}\n")


def open_for_owner(path: str, flags: int) -> int:
    """Open a file, and make it with rights for its owner alone if it is not there."""
    return os.open(path, flags, 0o600)


def path_of(scope: Scope) -> str:
    """Return the path as it came; of a server that does not tell, what encodes the same."""
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else raw.decode("latin-1")


def line_of(scope: Scope, path: str, body: bytes) -> str:
    """Return a request as a line of the file."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    case = {
        "method": scope["method"],
        "path": f"{path}?{query}" if query else path,
        "headers": {name: headers[name] for name in KEPT_HEADERS if name in headers},
    }
    if body:
        case["body"] = body.decode("utf-8", "replace")
    return json.dumps(case, ensure_ascii=False)
