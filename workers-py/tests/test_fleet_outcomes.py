"""Workers of other kinds: with an ESC system, with other pools, with a process that dies."""

import os
import signal
from base64 import b64encode
from pathlib import Path
from uuid import uuid4

import pytest

from tests.esc_server import EscServer
from tests.ports import refusing_port
from tests.running_worker import State, running_worker

APPROVE_A_AND_B = {"batch_ids": ["a", "b"], "auto_approve": True}
ME_AND_SECRET = "Basic " + b64encode(b"me:secret").decode()
TIMEOUT = {
    "exc_type": "TimeoutError",
    "exc_message": ["Connection timeout to ESC system"],
    "exc_module": "builtins",
}


def test_batches_are_approved_in_the_esc_system(
    redis_url: str, tmp_path: Path, esc: EscServer
) -> None:
    esc.statuses = {"a": "pending"}
    with running_worker(
        redis_url, tmp_path, ESC_URL=esc.url.replace("//", "//me:secret@")
    ) as worker:
        final = worker.run("worker.approve_batches", APPROVE_A_AND_B)[-1]
        assert f"Approvals go to the ESC system at {esc.url}" in worker.log
        assert "secret" not in worker.log
    assert esc.authorizations == [ME_AND_SECRET] * 2
    assert final["result"]["approved_batches"] == ["a"]
    assert final["result"]["rejected_batches"] == [{"batch_id": "b", "reason": "unknown batch"}]
    assert final["result"]["esc"] == esc.url
    assert esc.approvals == {"a": final["task_id"]}


def test_an_esc_system_that_hangs_fails_the_task(
    redis_url: str, tmp_path: Path, esc: EscServer
) -> None:
    esc.statuses, esc.hanging = {"a": "pending"}, {"b"}
    settings = {"ESC_URL": esc.url, "ESC_TIMEOUT_SECONDS": "0.5"}
    with running_worker(redis_url, tmp_path, **settings) as worker:
        states = worker.run("worker.approve_batches", APPROVE_A_AND_B)
    assert [state["status"] for state in states] == ["STARTED", "PROGRESS", "FAILURE"]
    assert states[-1]["result"] == TIMEOUT


def test_an_esc_system_that_is_away_fails_the_task(redis_url: str, tmp_path: Path) -> None:
    with (
        refusing_port() as port,
        running_worker(redis_url, tmp_path, ESC_URL=f"http://127.0.0.1:{port}") as worker,
    ):
        final = worker.run("worker.approve_batches", {"batch_ids": ["a"]})[-1]
    assert final["result"] == TIMEOUT


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_other_pools_share_the_stand_in(redis_url: str, tmp_path: Path, pool: str) -> None:
    batch_ids = [str(uuid4()) for _ in range(20)]
    params = {"batch_ids": batch_ids, "auto_approve": True}
    with running_worker(redis_url, tmp_path, pool=pool) as worker:
        tasks = [worker.send("worker.approve_batches", params) for _ in range(4)]
        results = [worker.result(task_id) for task_id in tasks]
    approved = [batch_id for result in results for batch_id in result["approved_batches"]]
    assert sorted(approved) == sorted(batch_ids)


def test_a_task_whose_process_dies_runs_again(
    redis_url: str, tmp_path: Path, esc: EscServer
) -> None:
    esc.statuses, esc.hanging = {"a": "pending", "b": "pending"}, {"b"}
    processes: list[int] = []

    def kill_the_first_process(state: State) -> None:
        if state["status"] == "STARTED":
            processes.append(state["result"]["pid"])
        # The first batch is approved, and the request for the second hangs.
        if state["status"] == "PROGRESS" and len(processes) == 1:
            assert esc.reached.wait(10)
            os.kill(processes[0], signal.SIGKILL)

    with running_worker(redis_url, tmp_path, ESC_URL=esc.url) as worker:
        states = worker.run(
            "worker.approve_batches", APPROVE_A_AND_B, on_state=kill_the_first_process
        )
    assert [state["status"] for state in states] == [
        *["STARTED", "PROGRESS", "RETRY"],
        *["STARTED", "PROGRESS", "PROGRESS", "SUCCESS"],
    ]
    assert processes[0] != processes[1]
    assert states[-1]["result"]["approved_batches"] == ["a", "b"]
    assert states[-1]["result"]["rejected"] == 0
