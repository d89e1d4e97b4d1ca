"""One log line per request, to the console and to a rotating file."""

import logging
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("orchestrator")

# As the service rotates its own.
MAXIMUM_FILE_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5


def open_log(file: Path) -> None:
    """Send the lines of all loggers to the console and to `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s - %(name)s - %(levelname)s - %(message)s",
        handlers=[
            logging.StreamHandler(),
            RotatingFileHandler(file, maxBytes=MAXIMUM_FILE_BYTES, backupCount=KEPT_FILES),
        ],
    )


class RequestLog:
    """Writes a line for each request that has been answered.

    It speaks ASGI itself: Starlette's BaseHTTPMiddleware would cost every
    request a task and a stream of its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note the status of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, send_and_note)
        duration_ms = (time.perf_counter() - start) * 1000
        logger.info("%s %s %s %.1f ms", scope["method"], scope["path"], status, duration_ms)
