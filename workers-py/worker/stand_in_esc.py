"""The embedded stand-in for an ESC system, for a fleet that has none.

It knows every batch: one that no task has approved is pending. Approvals are
kept in Redis, where all processes of all workers share them, for a day.
"""

import time

from redis import Redis

from worker.esc import ALREADY_DECIDED, APPROVED, PENDING, Decision

KEEP_SECONDS = 24 * 60 * 60


class StandInEsc:
    """An ESC system made of one Redis key a batch, which holds the approving task's id."""

    def __init__(self, redis: Redis, answer_seconds: float = 0) -> None:
        self._redis = redis
        self._answer_seconds = answer_seconds

    def decision(self, batch_id: str) -> Decision:
        """Look up where the batch stands."""
        time.sleep(self._answer_seconds)
        return APPROVED if self._redis.exists(_key(batch_id)) else PENDING

    def approve(self, batch_id: str, task_id: str) -> Decision:
        """Approve the batch in the task's name, unless another task has."""
        time.sleep(self._answer_seconds)
        # One command, so that of several tasks at once only one can be first.
        earlier = self._redis.set(_key(batch_id), task_id, nx=True, get=True, ex=KEEP_SECONDS)
        return APPROVED if earlier in {None, task_id.encode()} else ALREADY_DECIDED


def _key(batch_id: str) -> str:
    return f"esc-stand-in:{batch_id}"
