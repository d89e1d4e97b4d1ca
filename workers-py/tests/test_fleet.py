"""The tasks, sent over Redis to a real worker with two pool processes and no ESC system."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from tests.running_worker import RunningWorker, State, running_worker

NAMES = [
    "worker.approve_batches",
    "worker.execute_task",
    "worker.health_check",
    "worker.list_available_tasks",
    "worker.test_task",
]


@pytest.fixture(scope="module")
def worker(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with running_worker(redis_url, tmp_path_factory.mktemp("worker")) as worker:
        yield worker


def succeeded(states: list[State]) -> dict[str, Any]:
    """Return the result of a task that must have succeeded."""
    assert states[-1]["status"] == "SUCCESS", states[-1]
    result: dict[str, Any] = states[-1]["result"]
    return result


def failure(states: list[State]) -> tuple[str, str]:
    """Return the exception's type and text of a task that must have failed."""
    assert states[-1]["status"] == "FAILURE", states[-1]
    result = states[-1]["result"]
    (text,) = result["exc_message"]
    return result["exc_type"], text


def test_the_log_says_that_the_esc_system_is_a_stand_in(worker: RunningWorker) -> None:
    assert "ESC_URL is not set: approvals go to the embedded stand-in ESC" in worker.log


@pytest.mark.parametrize("queue", ["worker_queue", "automation_queue"])
def test_both_queues_are_consumed(worker: RunningWorker, queue: str) -> None:
    result = succeeded(worker.run("worker.health_check", {}, queue=queue))
    assert result["healthy"] is True
    assert result["esc"] == "embedded stand-in"


def test_a_result_says_what_ran_and_when(worker: RunningWorker) -> None:
    params = {"duration": 0.2, "steps": 2}
    states = worker.run("worker.test_task", params)
    result = succeeded(states)
    assert result["task_id"] == states[-1]["task_id"]
    assert (result["task_type"], result["status"]) == ("test_task", "completed")
    started_at = datetime.fromisoformat(result["started_at"])
    completed_at = datetime.fromisoformat(result["completed_at"])
    assert started_at.utcoffset() == timedelta(0)
    assert completed_at - started_at >= timedelta(seconds=0.2)
    assert result["execution_time"] >= 0.2
    assert (result["duration"], result["steps"], result["success_rate"]) == (0.2, 2, 1.0)


def test_a_task_reports_its_progress(worker: RunningWorker) -> None:
    states = worker.run("worker.test_task", {"duration": 0, "steps": 4})
    assert [state["status"] for state in states] == ["STARTED", *["PROGRESS"] * 4, "SUCCESS"]
    assert [state["result"] for state in states[1:-1]] == [
        {
            "status": "progress",
            "task_type": "test_task",
            "started_at": succeeded(states)["started_at"],
            "current": current,
            "total": 4,
            "percent": 25 * current,
        }
        for current in [1, 2, 3, 4]
    ]


def test_a_success_rate_of_0_always_fails(worker: RunningWorker) -> None:
    states = worker.run("worker.test_task", {"duration": 0, "success_rate": 0})
    assert failure(states) == ("RuntimeError", "The test task failed by chance: success_rate 0")


@pytest.mark.parametrize("name", ["worker.test_task", "worker.approve_batches"])
def test_bad_params_fail_with_a_sentence(worker: RunningWorker, name: str) -> None:
    assert failure(worker.run(name, [])) == ("ValueError", "params must be an object, not []")


@pytest.mark.parametrize("args", [[], [{}]])
def test_the_available_tasks_are_listed(worker: RunningWorker, args: list[object]) -> None:
    result = succeeded(worker.run("worker.list_available_tasks", *args))
    assert result["result"] == NAMES
    assert result["task_type"] == "list_available_tasks"


def test_health_check_needs_no_params(worker: RunningWorker) -> None:
    assert succeeded(worker.run("worker.health_check"))["task_type"] == "health_check"


@pytest.mark.parametrize(
    "args",
    [
        ["test_task", {"duration": 0, "steps": 1}],
        ["worker.test_task", {"duration": 0, "steps": 1}],
        [{"task_type": "test_task", "params": {"duration": 0, "steps": 1}}],
    ],
)
def test_a_task_is_executed_in_the_place_of_another(
    worker: RunningWorker, args: list[object]
) -> None:
    states = worker.run("worker.execute_task", *args)
    assert [state["status"] for state in states] == ["STARTED", "PROGRESS", "SUCCESS"]
    assert states[1]["result"]["task_type"] == "test_task"
    result = succeeded(states)
    assert (result["task_id"], result["task_type"]) == (states[0]["task_id"], "test_task")
    assert result["steps"] == 1


def test_a_task_is_executed_without_params(worker: RunningWorker) -> None:
    result = succeeded(worker.run("worker.execute_task", {"task_type": "health_check"}))
    assert result["task_type"] == "health_check"


@pytest.mark.parametrize("task_type", ["bake", "execute_task", None])
def test_an_unknown_task_type_is_refused(worker: RunningWorker, task_type: object) -> None:
    assert failure(worker.run("worker.execute_task", task_type)) == (
        "ValueError",
        f"Unknown task type {task_type!r}. Known types: "
        + ", ".join(
            name.removeprefix("worker.") for name in NAMES if name != "worker.execute_task"
        ),
    )


def test_batches_are_approved_in_the_stand_in(worker: RunningWorker) -> None:
    batch_ids = [str(uuid4()), str(uuid4())]
    states = worker.run("worker.approve_batches", {"batch_ids": batch_ids, "auto_approve": True})
    assert [state["result"]["percent"] for state in states[1:-1]] == [50, 100]
    result = succeeded(states)
    assert result["processed_batches"] == result["approved"] == 2
    assert result["rejected"] == result["pending"] == 0
    assert result["approved_batches"] == batch_ids
    assert result["esc"] == "embedded stand-in"
    assert result["task_type"] == "approve_batches"


def test_a_task_delivered_again_is_not_refused_its_own_approval(
    worker: RunningWorker, redis: Redis
) -> None:
    batch_id, task_id = str(uuid4()), str(uuid4())
    params = {"batch_ids": [batch_id], "auto_approve": True}
    for _ in range(2):
        result = succeeded(worker.run("worker.approve_batches", params, task_id=task_id))
        assert result["approved_batches"] == [batch_id]
        # As if the worker had died before it could store the result: Celery
        # doesn't replace one that says SUCCESS.
        redis.delete(f"celery-task-meta-{task_id}")
    other = succeeded(worker.run("worker.approve_batches", params))
    assert other["rejected_batches"] == [{"batch_id": batch_id, "reason": "already decided"}]


def test_the_pool_processes_share_the_stand_in(worker: RunningWorker) -> None:
    batch_ids = [str(uuid4()) for _ in range(50)]
    params = {"batch_ids": batch_ids, "auto_approve": True}
    with ThreadPoolExecutor(8) as senders:
        runs = list(senders.map(lambda _: worker.run("worker.approve_batches", params), range(8)))
    assert len({states[0]["result"]["pid"] for states in runs}) == 2
    approved = [batch_id for states in runs for batch_id in succeeded(states)["approved_batches"]]
    assert sorted(approved) == sorted(batch_ids)
