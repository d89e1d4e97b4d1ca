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
    """Every processed batch is in exactly one of the other three lists."""

    processed_batches: list[BatchId]
    approved: list[BatchId]
    rejected: list[RejectedBatch]
    pending: list[BatchId]


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
    report = ApprovalReport(processed_batches=[], approved=[], rejected=[], pending=[])
    for batch_id in batch_ids:
        name = str(batch_id)
        decision = esc.approve(name, task_id) if auto_approve else esc.decision(name)
        match decision.verdict:
            case "approved":
                report["approved"].append(batch_id)
            case "pending":
                report["pending"].append(batch_id)
            case "rejected":
                report["rejected"].append({"batch_id": batch_id, "reason": decision.reason})
        report["processed_batches"].append(batch_id)
        report_progress(len(report["processed_batches"]), len(batch_ids))
    return report
