"""The approval run, with the stand-in on a real Redis and with an ESC system over HTTP."""

from uuid import uuid4

import httpx
import pytest
from redis import Redis

from tests.esc_server import EscServer
from worker.approval import process_batches
from worker.http_esc import HttpEsc
from worker.stand_in_esc import StandInEsc


def test_each_batch_is_in_one_list(esc: EscServer) -> None:
    esc.statuses = {"7": "pending", "b": "approved"}
    progress: list[tuple[int, int]] = []
    with httpx.Client(base_url=esc.url) as client:
        report = process_batches(
            HttpEsc(client),
            [7, "b", "c"],
            auto_approve=True,
            task_id="task-1",
            report_progress=lambda current, total: progress.append((current, total)),
        )
    assert report == {
        "processed_batches": 3,
        "approved": 1,
        "rejected": 2,
        "pending": 0,
        "approved_batches": [7],
        "rejected_batches": [
            {"batch_id": "b", "reason": "already decided"},
            {"batch_id": "c", "reason": "unknown batch"},
        ],
        "pending_batches": [],
    }
    assert progress == [(1, 3), (2, 3), (3, 3)]


def test_without_auto_approve_nothing_is_decided(redis: Redis) -> None:
    esc, batch_id = StandInEsc(redis), str(uuid4())
    for _ in range(2):
        report = process_batches(
            esc,
            [batch_id],
            auto_approve=False,
            task_id="task-1",
            report_progress=lambda current, total: None,
        )
        assert report["pending"] == report["processed_batches"] == 1
        assert report["pending_batches"] == [batch_id]


def test_a_failing_esc_system_ends_the_run_after_what_is_approved(esc: EscServer) -> None:
    esc.statuses = {"a": "pending", "b": "pending"}
    esc.hanging = {"b"}
    with httpx.Client(base_url=esc.url, timeout=0.3) as client, pytest.raises(TimeoutError):
        process_batches(
            HttpEsc(client),
            ["a", "b"],
            auto_approve=True,
            task_id="task-1",
            report_progress=lambda current, total: None,
        )
    assert esc.approvals == {"a": "task-1"}
