"""The tasks' params, checked: each class is built from what the message carried.

Every `parse` takes the params as JSON decoded them, ignores keys it doesn't
know, and raises ValueError with a sentence that names the wrong one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as short_repr

BatchId = str | int

MAXIMUM_BATCHES = 10_000
MAXIMUM_BATCH_ID_LENGTH = 255
MAXIMUM_DURATION_SECONDS = 3600
MAXIMUM_STEPS = 1000


@dataclass(frozen=True)
class ApproveBatchesParams:
    """Which batches to process, and whether to approve or only to check them."""

    batch_ids: list[BatchId]
    auto_approve: bool

    @classmethod
    def parse(cls, params: object) -> "ApproveBatchesParams":
        """Read `batch_ids` (required) and `auto_approve` (default false)."""
        given = _object(params)
        batch_ids = given.get("batch_ids")
        if not isinstance(batch_ids, list) or len(batch_ids) > MAXIMUM_BATCHES:
            raise ValueError(
                f"batch_ids must be a list of at most {MAXIMUM_BATCHES} batch ids, "
                f"not {short_repr(batch_ids)}"
            )
        auto_approve = given.get("auto_approve", False)
        if not isinstance(auto_approve, bool):
            raise ValueError(f"auto_approve must be true or false, not {short_repr(auto_approve)}")
        return cls([_batch_id(batch_id) for batch_id in batch_ids], auto_approve)


@dataclass(frozen=True)
class TestTaskParams:
    """How long the test task takes, in how many steps, and how often it succeeds."""

    duration: float
    success_rate: float
    steps: int

    @classmethod
    def parse(cls, params: object) -> "TestTaskParams":
        """Read `duration` (seconds, default 2), `success_rate` (1.0) and `steps` (5)."""
        given = _object(params)
        steps = _number(given, "steps", 5, 1, MAXIMUM_STEPS)
        if steps != int(steps):
            raise ValueError(f"steps must be a whole number, not {steps}")
        return cls(
            duration=_number(given, "duration", 2, 0, MAXIMUM_DURATION_SECONDS),
            success_rate=_number(given, "success_rate", 1.0, 0, 1),
            steps=int(steps),
        )


def _object(params: object) -> Mapping[str, object]:
    if not isinstance(params, dict):
        raise ValueError(f"params must be an object, not {short_repr(params)}")
    return params


def _number(
    params: Mapping[str, object], name: str, default: float, minimum: float, maximum: float
) -> float:
    value = params.get(name, default)
    # To Python, true is the integer 1; and NaN fails every comparison.
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and minimum <= value <= maximum
    ):
        return value
    raise ValueError(
        f"{name} must be a number from {minimum} to {maximum}, not {short_repr(value)}"
    )


def _batch_id(value: object) -> BatchId:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # A URL's path would read "." and ".." as steps to another resource.
    if (
        isinstance(value, str)
        and 1 <= len(value) <= MAXIMUM_BATCH_ID_LENGTH
        and value not in {".", ".."}
    ):
        return value
    raise ValueError(
        "each of batch_ids must be an integer or a string of 1 to "
        f"{MAXIMUM_BATCH_ID_LENGTH} characters, not {short_repr(value)}"
    )
