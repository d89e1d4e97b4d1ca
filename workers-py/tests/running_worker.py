"""A real worker in a process of its own, and what it reported about each task."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import Celery
from redis import Redis

PROJECT = Path(__file__).parent.parent
START_SECONDS = 30
STOP_SECONDS = 30
TASK_SECONDS = 30

FINAL_STATES = {"SUCCESS", "FAILURE", "REVOKED"}

State = dict[str, Any]


class RunningWorker:
    """What a test sees of a worker: its Redis and its log."""

    def __init__(self, redis_url: str, log: Path) -> None:
        self._client = Celery(broker=redis_url, backend=redis_url, set_as_current=False)
        self._redis = Redis.from_url(redis_url)
        self._log = log

    @property
    def log(self) -> str:
        """Everything the worker has logged so far."""
        return self._log.read_text()

    def send(
        self, name: str, *args: object, queue: str = "worker_queue", task_id: str | None = None
    ) -> str:
        """Send a task; gives its id."""
        task_id = task_id or str(uuid4())
        self._client.send_task(name, args=list(args), queue=queue, task_id=task_id)
        return task_id

    def run(
        self,
        name: str,
        *args: object,
        queue: str = "worker_queue",
        task_id: str | None = None,
        on_state: Callable[[State], None] = lambda state: None,
    ) -> list[State]:
        """Send a task and collect every state it is in, to the final one."""
        task_id = task_id or str(uuid4())
        with self._redis.pubsub() as channel:
            channel.subscribe(f"celery-task-meta-{task_id}")
            # The subscription is complete once its confirmation has been read.
            assert channel.get_message(timeout=TASK_SECONDS) is not None
            self.send(name, *args, queue=queue, task_id=task_id)
            states: list[State] = []
            deadline = time.monotonic() + TASK_SECONDS
            while time.monotonic() < deadline:
                message = channel.get_message(timeout=1)
                if message is None:
                    continue
                states.append(json.loads(message["data"]))
                on_state(states[-1])
                if states[-1]["status"] in FINAL_STATES:
                    return states
        raise AssertionError(f"{name} is still unfinished after {states}\n{self.log}")

    def result(self, task_id: str) -> Any:
        """Wait for a task that was sent, and return its result."""
        return self._client.AsyncResult(task_id).get(timeout=TASK_SECONDS)

    def close(self) -> None:
        """Close the connections to Redis."""
        self._client.close()
        self._redis.close()


@contextmanager
def running_worker(
    redis_url: str, directory: Path, *, pool: str = "prefork", **environment: str
) -> Iterator[RunningWorker]:
    """Run `celery -A worker worker` with two concurrent tasks and this environment."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CELERY_", "ESC_", "REDIS_"))
    }
    log = directory / f"worker-{uuid4()}.log"
    command = [sys.executable, "-m", "celery", "-A", "worker", "worker"]
    options = ["--loglevel=INFO", "--concurrency=2", f"--pool={pool}", f"--hostname={uuid4()}@%h"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *options],
            cwd=PROJECT,
            env=inherited | {"REDIS_URL": redis_url, "ESC_STAND_IN_SECONDS": "0.001"} | environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    worker = RunningWorker(redis_url, log)
    try:
        wait_until_ready(process, worker)
        yield worker
        stop(process, worker)
    finally:
        worker.close()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], worker: RunningWorker) -> None:
    """Return once the worker consumes; raises RuntimeError with its log if it doesn't."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if " ready." in worker.log:
            return
        time.sleep(0.05)
    raise RuntimeError(f"The worker didn't start:\n{worker.log}")


def stop(process: subprocess.Popen[bytes], worker: RunningWorker) -> None:
    """Stop the worker as a container's stop does; it must end by itself, and well."""
    process.terminate()
    assert process.wait(STOP_SECONDS) == 0, worker.log
