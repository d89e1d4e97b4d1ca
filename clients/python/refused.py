"""What the types refuse before anything is sent: mypy fails where one of these is taken."""

from celery_orchestrator_client.models import (
    ApproveBatchesParams,
    ApproveBatchesRequest,
    OtherTaskRequest,
    TaskOptions,
    TestTaskParams,
    TestTaskRequest,
)


def refused() -> None:
    """Run by nobody."""
    ApproveBatchesRequest(params=ApproveBatchesParams())  # type: ignore[call-arg]
    TestTaskRequest(params=ApproveBatchesParams(batch_ids=["B-1001"]))  # type: ignore[arg-type]
    TestTaskRequest(task_type="approve_batches", params=TestTaskParams())  # type: ignore[arg-type]
    OtherTaskRequest("health_check", options=TaskOptions(retry=True))  # type: ignore[call-arg]
