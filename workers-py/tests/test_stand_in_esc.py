"""The embedded stand-in, against a real Redis."""

from uuid import uuid4

from redis import Redis

from worker.esc import ALREADY_DECIDED, APPROVED, PENDING
from worker.stand_in_esc import KEEP_SECONDS, StandInEsc


def test_a_batch_is_pending_until_it_is_approved(redis: Redis) -> None:
    esc, batch_id = StandInEsc(redis), str(uuid4())
    assert esc.decision(batch_id) == PENDING
    assert esc.approve(batch_id, "task-1") == APPROVED
    assert esc.decision(batch_id) == APPROVED


def test_only_the_task_that_approved_may_ask_again(redis: Redis) -> None:
    esc, batch_id = StandInEsc(redis), str(uuid4())
    assert esc.approve(batch_id, "task-1") == APPROVED
    assert esc.approve(batch_id, "task-2") == ALREADY_DECIDED
    assert esc.approve(batch_id, "task-1") == APPROVED


def test_an_approval_is_forgotten_after_a_day(redis: Redis) -> None:
    batch_id = str(uuid4())
    StandInEsc(redis).approve(batch_id, "task-1")
    assert 0 < redis.ttl(f"esc-stand-in:{batch_id}") <= KEEP_SECONDS
