"""The approval run: what `worker.approve_batches` does with its batches."""

from collections.abc import Callable, Sequence
from typing import TypedDict

from worker.esc import Esc
from worker.params import BatchId


class RejectedBatch(TypedDict):
    """A batch that isn't approved, and why."""

    batch_id: BatchId
    reason: str | None


class ApprovalReport(TypedDict):
    """How many batches were processed and how each was decided, and which ones these are.

    The lists have their batches in the order of the params.
    """

    processed_batches: int
    approved: int
    rejected: int
    pending: int
    approved_batches: list[BatchId]
    rejected_batches: list[RejectedBatch]
    pending_batches: list[BatchId]


def process_batches(
    esc: Esc,
    batch_ids: Sequence[BatchId],
    *,
    auto_approve: bool,
    task_id: str,
    report_progress: Callable[[int, int], None],
) -> ApprovalReport:
    """Approve the batches, or with auto_approve false only look up where they stand.

    Deciding is then left to people, in the ESC system: batches they haven't
    decided are `pending`. `report_progress` gets the number of batches done and
    of all, after each. An exception of the ESC system ends the run; approvals
    made before it stay.
    """
    approved: list[BatchId] = []
    rejected: list[RejectedBatch] = []
    pending: list[BatchId] = []
    for done, batch_id in enumerate(batch_ids, start=1):
        name = str(batch_id)
        decision = esc.approve(name, task_id) if auto_approve else esc.decision(name)
        match decision.verdict:
            case "approved":
                approved.append(batch_id)
            case "pending":
                pending.append(batch_id)
            case "rejected":
                rejected.append({"batch_id": batch_id, "reason": decision.reason})
        report_progress(done, len(batch_ids))
    return ApprovalReport(
        processed_batches=len(batch_ids),
        approved=len(approved),
        rejected=len(rejected),
        pending=len(pending),
        approved_batches=approved,
        rejected_batches=rejected,
        pending_batches=pending,
    )
