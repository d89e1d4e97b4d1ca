"""The fleet's tasks.

Each takes one argument, its params: an object, as JSON decoded it. Wrong params
raise ValueError, so the task fails with a sentence that says what is wrong.
"""

import logging
import platform
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from reprlib import repr as short_repr
from typing import Any, cast

import celery
import httpx
from celery import Task
from celery.backends.redis import RedisBackend
from celery.signals import worker_ready

from worker.approval import process_batches
from worker.celery import app, settings
from worker.esc import Esc
from worker.fleet_task import FleetTask
from worker.http_esc import HttpEsc
from worker.params import ApproveBatchesParams, TestTaskParams
from worker.stand_in_esc import StandInEsc

logger = logging.getLogger(__name__)


@worker_ready.connect
def announce_esc(**_: object) -> None:
    """Say in the worker's log where its approvals go."""
    if settings.esc_url is None:
        logger.warning("ESC_URL is not set: approvals go to the %s ESC", settings.esc_name)
    else:
        logger.info("Approvals go to the ESC system at %s", settings.esc_name)


@contextmanager
def open_esc() -> Iterator[Esc]:
    """Open the ESC system at ESC_URL, or without one the stand-in."""
    if settings.esc_url is None:
        yield StandInEsc(cast(RedisBackend, app.backend).client, settings.esc_stand_in_seconds)
        return
    # A client belongs to one run: connections don't survive the pool's fork.
    with httpx.Client(
        base_url=settings.esc_url,
        auth=settings.esc_credentials,
        timeout=settings.esc_timeout_seconds,
    ) as client:
        yield HttpEsc(client)


@app.task(name="worker.approve_batches", base=FleetTask, bind=True)
def approve_batches(self: FleetTask, params: object) -> dict[str, Any]:
    """Approve batches in the ESC system, or check where they stand.

    Takes `batch_ids` (strings or integers) and `auto_approve` (default false:
    only check). Returns four numbers, `processed_batches`, `approved`,
    `rejected` and `pending`; which ones these are, as `approved_batches` and
    `pending_batches` (batch ids) and `rejected_batches` (objects with
    `batch_id` and `reason`); and `esc`, the system that was asked. Fails with
    TimeoutError when it can't be reached.
    """
    wanted = ApproveBatchesParams.parse(params)
    with open_esc() as esc:
        report = process_batches(
            esc,
            wanted.batch_ids,
            auto_approve=wanted.auto_approve,
            task_id=str(self.request.id),
            report_progress=self.report_progress,
        )
    return {**report, "esc": settings.esc_name}


@app.task(name="worker.test_task", base=FleetTask, bind=True)
def test_task(self: FleetTask, params: object) -> dict[str, Any]:
    """Take time in steps and succeed by chance.

    Takes `duration` (seconds, default 2), `steps` (default 5) and
    `success_rate` (0 to 1, default 1); returns them. Fails with RuntimeError
    when the dice say so.
    """
    wanted = TestTaskParams.parse(params)
    for step in range(wanted.steps):
        time.sleep(wanted.duration / wanted.steps)
        self.report_progress(step + 1, wanted.steps)
    if random.random() >= wanted.success_rate:
        raise RuntimeError(f"The test task failed by chance: success_rate {wanted.success_rate}")
    return {
        "duration": wanted.duration,
        "steps": wanted.steps,
        "success_rate": wanted.success_rate,
    }


@app.task(name="worker.health_check", base=FleetTask, bind=True)
def health_check(self: FleetTask, params: object = None) -> dict[str, Any]:
    """Say which worker runs this, and on what: a result at all shows that it works."""
    return {
        "healthy": True,
        "worker": self.request.hostname,
        "celery": celery.__version__,
        "python": platform.python_version(),
        "esc": settings.esc_name,
    }


@app.task(name="worker.list_available_tasks", base=FleetTask)
def list_available_tasks(params: object = None) -> list[str]:
    """List the names of the fleet's tasks, sorted, without Celery's own."""
    return sorted(name for name in app.tasks if not name.startswith("celery."))


# A plain Task: the result is already complete when the task it runs returns it.
@app.task(name="worker.execute_task", base=Task, bind=True)
def execute_task(self: Task[..., Any], task_type: object, params: object = None) -> dict[str, Any]:
    """Run the task of that type (`test_task` or `worker.test_task`) in this one's place.

    Takes the type and the params, or one object that holds them as `task_type`
    and `params`. The progress and the result are those of the task it runs,
    under this task's id. An unknown type, or its own, raises ValueError.
    """
    if isinstance(task_type, dict):
        both = task_type
        task_type, params = both.get("task_type"), both.get("params")
    executable = {
        task.task_type: task for task in app.tasks.values() if isinstance(task, FleetTask)
    }
    task = executable.get(str(task_type).removeprefix("worker."))
    if task is None:
        known = ", ".join(sorted(executable))
        raise ValueError(f"Unknown task type {short_repr(task_type)}. Known types: {known}")
    return task.run_in_place_of(self.request, {} if params is None else params)
