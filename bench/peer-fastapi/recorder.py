"""Records the requests of a FastAPI service for `npm run shadow`."""

import json
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What decides the answer. Keys, cookies and the like stay out of the file.
KEPT_HEADERS = (
    "content-type",
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
)


class RecordRequests:
    """Appends each request to a file, as one line of JSON.

    The bodies are in it as they came: treat the file as the params are treated.
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
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"{line_of(scope, b''.join(chunks))}\n")


def line_of(scope: Scope, body: bytes) -> str:
    """Return a request as a line of the file."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    case = {
        "method": scope["method"],
        "path": f"{path}?{query}" if query else path,
        "headers": {name: headers[name] for name in KEPT_HEADERS if name in headers},
    }
    if body:
        case["body"] = body.decode("utf-8", "replace")
    return json.dumps(case, ensure_ascii=False)
