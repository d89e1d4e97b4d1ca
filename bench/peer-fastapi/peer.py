"""An orchestrator of the usual make, FastAPI and Celery, with the service's endpoints.

The environment: REDIS_URL, LOG_FILE, and PEER_FORM, which is `sync` (endpoints
are `def`, which FastAPI runs in its thread pool) or `async` (endpoints are
`async def` and call Celery directly).
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from celery.result import AsyncResult
from fastapi import FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field

from peer_log import RequestLog, logger, open_log

VERSION = "1.0.0"
REDIS_URL = os.environ["REDIS_URL"]
FORM = os.environ["PEER_FORM"]

open_log(Path(os.environ["LOG_FILE"]))

celery = Celery("orchestrator", broker=REDIS_URL, backend=REDIS_URL)
celery.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    enable_utc=True,
    timezone="UTC",
    task_default_queue="worker_queue",
    task_default_exchange="worker_queue",
    task_default_exchange_type="direct",
    task_default_routing_key="worker_queue",
    task_routes={
        "worker.*": {"queue": "worker_queue"},
        "automation.*": {"queue": "automation_queue"},
    },
    result_expires=3600,
)
health_client = redis.Redis.from_url(REDIS_URL, socket_timeout=1)


class AssignTaskRequest(BaseModel):
    """The body of POST /assign-task/."""

    task_type: str = Field(min_length=1, max_length=255)
    params: dict[str, Any] = {}


class AssignTaskResponse(BaseModel):
    """What the client learns of a task that is queued."""

    task_id: str
    status: str
    message: str
    timestamp: str


class TaskResult(BaseModel):
    """What the client learns of a task's result."""

    task_id: str
    status: str
    result: Any = None
    error: str | None = None
    progress: Any = None
    timestamp: str


def now() -> str:
    """Return the time, as answers give it."""
    return datetime.now(UTC).isoformat()


def assign(request: AssignTaskRequest) -> AssignTaskResponse:
    """Queue a task."""
    try:
        task = celery.send_task(f"worker.{request.task_type}", args=[request.params], kwargs={})
    except Exception as error:
        logger.exception("The task could not be assigned")
        raise HTTPException(500, "The task could not be assigned") from error
    return AssignTaskResponse(
        task_id=task.id,
        status="assigned",
        message=f"Task '{request.task_type}' successfully assigned",
        timestamp=now(),
    )


def read_result(task_id: str) -> TaskResult:
    """Tell how a task stands.

    The state is asked for once: of a task that has not ended, each look at it
    reads Redis again.
    """
    result: AsyncResult[Any] = AsyncResult(task_id, app=celery)
    state = str(result.state)
    if state == "SUCCESS":
        value = result.result
        wrapped = value if isinstance(value, dict) else {"result": value}
        return TaskResult(task_id=task_id, status="completed", result=wrapped, timestamp=now())
    if state in ("FAILURE", "REVOKED"):
        error = str(result.result)
        return TaskResult(task_id=task_id, status="failed", error=error, timestamp=now())
    progress = result.info if state == "PROGRESS" else None
    return TaskResult(task_id=task_id, status=state.lower(), progress=progress, timestamp=now())


def health() -> dict[str, str]:
    """Tell whether Redis answers."""
    try:
        health_client.ping()
        redis_status = "healthy"
    except redis.RedisError:
        redis_status = "unhealthy"
    return {
        "status": "ok",
        "service": "orchestrator",
        "version": VERSION,
        "redis_status": redis_status,
        "timestamp": now(),
    }


def root() -> dict[str, str]:
    """Tell which service this is."""
    return {
        "message": "Orchestrator Service is running",
        "service": "orchestrator_service",
        "status": "running",
        "version": VERSION,
        "timestamp": now(),
    }


async def assign_directly(request: AssignTaskRequest) -> AssignTaskResponse:
    """Queue a task."""
    return assign(request)


async def read_result_directly(task_id: str) -> TaskResult:
    """Tell how a task stands."""
    return read_result(task_id)


ENDPOINTS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sync": (assign, read_result),
    "async": (assign_directly, read_result_directly),
}
assign_endpoint, result_endpoint = ENDPOINTS[FORM]

app = FastAPI(title="Orchestrator", version=VERSION)
app.add_middleware(RequestLog)
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
app.post("/assign-task/")(assign_endpoint)
app.get("/result/{task_id}", response_model_exclude_none=True)(result_endpoint)
app.get("/health")(health)
app.get("/")(root)
