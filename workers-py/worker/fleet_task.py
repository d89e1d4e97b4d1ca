"""The base class that makes the fleet's results and progress reports."""

import time
from datetime import datetime, timezone
from typing import Any

from celery import Task
from celery.app.task import Context


def _now() -> str:
    """Return the time as ISO 8601 in UTC."""
    return datetime.now(timezone.utc).isoformat()


class FleetTask(Task[..., Any]):
    """A task whose result is a dict that also says what ran and when.

    Whatever the task's function returns as a dict gains `task_id`, `task_type`,
    `status` ("completed"), `started_at`, `completed_at` (ISO 8601, UTC) and
    `execution_time` (seconds); any other value is first wrapped as
    `{"result": value}`. An exception passes through: it is the FAILURE.
    """

    @property
    def task_type(self) -> str:
        """The task's name without its prefix: `test_task` for `worker.test_task`."""
        return self.name.partition(".")[2]

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run the task's function and complete its result."""
        started_at, start = _now(), time.monotonic()
        # The request is this run's own, where the task object is shared by threads.
        self.request.update(started_at=started_at)
        result = self.run(*args, **kwargs)
        return {
            **(result if isinstance(result, dict) else {"result": result}),
            "task_id": self.request.id,
            "task_type": self.task_type,
            "status": "completed",
            "started_at": started_at,
            "completed_at": _now(),
            "execution_time": round(time.monotonic() - start, 6),
        }

    def report_progress(self, current: int, total: int) -> None:
        """Store the state PROGRESS: `current` of `total` (at least 1) steps are done."""
        self.update_state(
            state="PROGRESS",
            meta={
                "status": "progress",
                "task_type": self.task_type,
                "started_at": self.request.get("started_at"),
                "current": current,
                "total": total,
                "percent": 100 * current // total,
            },
        )

    def run_in_place_of(self, request: Context, params: object) -> dict[str, Any]:
        """Run with another task's request: its id gets the progress and the result."""
        self.push_request(**vars(request))
        try:
            return self(params)
        finally:
            self.pop_request()
