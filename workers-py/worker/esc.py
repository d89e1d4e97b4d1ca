"""What the fleet asks of an ESC system, the system of record for approvals."""

from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["approved", "rejected", "pending"]


@dataclass(frozen=True)
class Decision:
    """Where a batch stands; `reason` says why a rejected one was rejected."""

    verdict: Verdict
    reason: str | None = None


APPROVED = Decision("approved")
PENDING = Decision("pending")
UNKNOWN_BATCH = Decision("rejected", "unknown batch")
ALREADY_DECIDED = Decision("rejected", "already decided")


class Esc(Protocol):
    """An ESC system, real or stand-in."""

    def decision(self, batch_id: str) -> Decision:
        """Look up where the batch stands, changing nothing."""

    def approve(self, batch_id: str, task_id: str) -> Decision:
        """Approve the batch in the task's name: APPROVED, or why it was refused.

        Asked again by the same task, the answer is the same: a task that is
        delivered twice must not be refused what it has itself approved.
        """
