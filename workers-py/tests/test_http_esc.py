"""The ESC protocol, against a server that speaks it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.esc_server import EscServer
from tests.ports import refusing_port
from worker.esc import ALREADY_DECIDED, APPROVED, PENDING, UNKNOWN_BATCH
from worker.http_esc import HttpEsc


@pytest.fixture
def http_esc(esc: EscServer) -> Iterator[HttpEsc]:
    with httpx.Client(base_url=esc.url, timeout=0.3) as client:
        yield HttpEsc(client)


def test_a_decision_is_looked_up(esc: EscServer, http_esc: HttpEsc) -> None:
    esc.statuses = {"a": "pending", "b": "approved", "c": "rejected"}
    assert http_esc.decision("a") == PENDING
    assert http_esc.decision("b") == APPROVED
    assert http_esc.decision("c").verdict == "rejected"
    assert http_esc.decision("d") == UNKNOWN_BATCH
    assert esc.statuses["a"] == "pending"


def test_a_pending_batch_is_approved(esc: EscServer, http_esc: HttpEsc) -> None:
    esc.statuses = {"a": "pending"}
    assert http_esc.approve("a", "task-1") == APPROVED
    assert esc.approvals == {"a": "task-1"}


def test_an_approval_asked_for_again_by_its_task_is_approved(
    esc: EscServer, http_esc: HttpEsc
) -> None:
    esc.statuses = {"a": "pending"}
    assert http_esc.approve("a", "task-1") == APPROVED
    assert http_esc.approve("a", "task-1") == APPROVED
    assert http_esc.approve("a", "task-2") == ALREADY_DECIDED


def test_an_unknown_batch_is_refused(http_esc: HttpEsc) -> None:
    assert http_esc.approve("a", "task-1") == UNKNOWN_BATCH


def test_an_id_is_one_step_of_the_path(esc: EscServer, http_esc: HttpEsc) -> None:
    esc.statuses = {"2024/ä b?c": "pending"}
    assert http_esc.approve("2024/ä b?c", "task-1") == APPROVED


def test_a_system_that_hangs_is_a_timeout(esc: EscServer, http_esc: HttpEsc) -> None:
    esc.hanging = {"a"}
    with pytest.raises(TimeoutError) as failure:
        http_esc.approve("a", "task-1")
    assert str(failure.value) == "Connection timeout to ESC system"


def test_a_refused_connection_is_a_timeout() -> None:
    with (
        refusing_port() as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
        pytest.raises(TimeoutError) as failure,
    ):
        HttpEsc(client).decision("a")
    assert str(failure.value) == "Connection timeout to ESC system"


def test_an_answer_outside_the_protocol_is_an_error(esc: EscServer, http_esc: HttpEsc) -> None:
    esc.statuses = {"a": "broken", "b": "lost"}
    with pytest.raises(RuntimeError, match="unexpected answer to GET /batches/a: 500"):
        http_esc.decision("a")
    with pytest.raises(RuntimeError, match="unexpected answer to GET /batches/b: 200"):
        http_esc.decision("b")
