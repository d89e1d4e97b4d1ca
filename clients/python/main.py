"""Assign a task, wait for its result, and be refused, with a client made of the contract."""

import os
import time
import uuid
from http import HTTPStatus
from typing import Any

from celery_orchestrator_client import AuthenticatedClient
from celery_orchestrator_client.api.tasks import assign_task, get_result
from celery_orchestrator_client.models import (
    AssignTaskResponse,
    ErrorResponse,
    TaskResult,
    TestTaskParams,
    TestTaskRequest,
    UnauthorizedResponse,
)

client = AuthenticatedClient(
    base_url=os.environ.get("ORCHESTRATOR_URL", "http://127.0.0.1:8000"),
    # A service without keys asks for none.
    token=os.environ.get("ORCHESTRATOR_API_KEY", ""),
    auth_header_name="x-api-key",
    prefix="",
)


class RefusedError(Exception):
    """An answer that is no success, with the body that the contract has for it."""

    def __init__(self, status: HTTPStatus, body: ErrorResponse | UnauthorizedResponse) -> None:
        super().__init__(body.message)
        self.status = status
        self.body = body


def assign(request: TestTaskRequest, key: uuid.UUID) -> str:
    """Assign a task: a request may be sent again with its key, and the task is assigned once."""
    answer = assign_task.sync_detailed(client=client, body=request, idempotency_key=str(key))
    match answer.parsed:
        case AssignTaskResponse() as assigned:
            return assigned.task_id
        case ErrorResponse() | UnauthorizedResponse() as error:
            raise RefusedError(answer.status_code, error)
    raise RuntimeError(f"{answer.status_code} is not in the contract")


def wait_for(task_id: str) -> TaskResult:
    """Wait for the end of a task; each answer comes when it has ended, or after ten seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = get_result.sync_detailed(task_id, client=client, wait=10)
        match answer.parsed:
            case TaskResult(status="completed" | "failed") as result:
                return result
            case ErrorResponse() | UnauthorizedResponse() as error:
                raise RefusedError(answer.status_code, error)
            case None:
                raise RuntimeError(f"{answer.status_code} is not in the contract")
    raise TimeoutError(f"Task {task_id} has not ended within a minute")


def main() -> None:
    """Show each of these once."""
    request = TestTaskRequest(params=TestTaskParams(duration=0.2, steps=2))
    key = uuid.uuid4()
    task_id = assign(request, key)
    print(f"assigned {'once' if assign(request, key) == task_id else 'twice'}")

    ended = wait_for(task_id)
    if ended.status == "failed":
        raise RuntimeError(ended.error)
    # What a task returns is between its worker and its clients: the contract can't know it.
    result: Any = ended.result
    print(f"{ended.status} after {result['steps']} steps")

    try:
        assign(TestTaskRequest(params=TestTaskParams(duration=-1)), uuid.uuid4())
    except RefusedError as refused:
        details = refused.body.details
        for fault in (details and details.errors) or []:
            print(f"refused with {refused.status}: {fault.pointer} {fault.message}")


if __name__ == "__main__":
    main()
