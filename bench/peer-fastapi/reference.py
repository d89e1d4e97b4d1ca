"""The service being replaced, as far as its clients can tell.

`npm run shadow` is tested against it. It is the peer of the bench, with what
that service had beside the endpoints which the bench measures: a list of tasks,
API keys, errors of its own, and an exception class that only it could import.
The environment: API_KEY (none is asked for without it), RECORD_FILE (requests
are recorded where it is set), and the peer's variables.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse

from peer import app, celery
from recorder import RecordRequests

API_KEY = os.environ.get("API_KEY", "")
OPEN_PATHS = ("/", "/health", "/docs", "/redoc", "/openapi.json")


class BatchRejectedError(Exception):
    """What a task of the old service's own raised: workers of today don't have it."""

    def __str__(self) -> str:
        return f"Batch {self.args[0]} was rejected"


@app.exception_handler(HTTPException)
async def tell_error(_request: Request, error: HTTPException) -> JSONResponse:
    """Answer an error of an endpoint in the service's own form."""
    return JSONResponse({"status": "error", "message": error.detail}, error.status_code)


@app.middleware("http")
async def ask_for_key(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Refuse requests without the key."""
    is_guarded = API_KEY != "" and request.url.path not in OPEN_PATHS
    if is_guarded and request.headers.get("x-api-key") != API_KEY:
        return JSONResponse({"detail": "Invalid or missing API key"}, 401)
    return await call_next(request)


if "RECORD_FILE" in os.environ:
    app.add_middleware(RecordRequests, file=Path(os.environ["RECORD_FILE"]))


@app.get("/tasks/")
def list_tasks() -> dict[str, list[str]]:
    """List the tasks of the workers that answer within a second."""
    registered: dict[str, list[str]] = celery.control.inspect().registered() or {}
    return {"available_tasks": sorted({name for names in registered.values() for name in names})}
