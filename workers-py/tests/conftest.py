"""The fixtures that tests of several files share."""

import os
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.esc_server import EscServer, esc_server
from tests.redis_server import redis_server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Redis at REDIS_URL, or one of the tests' own."""
    url = os.environ.get("REDIS_URL")
    if url:
        yield url
        return
    with redis_server(tmp_path_factory.mktemp("redis")) as own_url:
        yield own_url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of that Redis."""
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def esc() -> Iterator[EscServer]:
    """An ESC system that listens."""
    with esc_server() as server:
        yield server
