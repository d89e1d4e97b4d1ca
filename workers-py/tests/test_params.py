"""Which params the tasks take."""

import math
from typing import Any

import pytest

from worker import params


def test_batch_ids_may_be_strings_and_integers() -> None:
    parsed = params.ApproveBatchesParams.parse({"batch_ids": ["a/b", 7], "auto_approve": True})
    assert parsed == params.ApproveBatchesParams(["a/b", 7], auto_approve=True)


def test_batches_are_only_checked_unless_the_params_say_approve() -> None:
    assert not params.ApproveBatchesParams.parse({"batch_ids": []}).auto_approve


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (None, "params must be an object"),
        ([], "params must be an object"),
        ({}, "batch_ids must be a list"),
        ({"batch_ids": "a"}, "batch_ids must be a list"),
        ({"batch_ids": ["a"] * 10_001}, "batch_ids must be a list of at most 10000"),
        ({"batch_ids": [""]}, "each of batch_ids must be"),
        ({"batch_ids": [".."]}, "each of batch_ids must be"),
        ({"batch_ids": ["a" * 256]}, "each of batch_ids must be"),
        ({"batch_ids": [True]}, "each of batch_ids must be"),
        ({"batch_ids": [1.5]}, "each of batch_ids must be"),
        ({"batch_ids": [], "auto_approve": "yes"}, "auto_approve must be true or false"),
    ],
)
def test_bad_params_of_approve_batches_are_refused(given: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        params.ApproveBatchesParams.parse(given)


def test_the_test_task_has_defaults() -> None:
    assert params.TestTaskParams.parse({"more": 1}) == params.TestTaskParams(2, 1.0, 5)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("duration", "params must be an object"),
        ({"duration": -1}, "duration must be a number from 0 to 3600"),
        ({"duration": "1"}, "duration must be a number"),
        ({"duration": math.nan}, "duration must be a number"),
        ({"duration": None}, "duration must be a number"),
        ({"success_rate": 1.1}, "success_rate must be a number from 0 to 1"),
        ({"success_rate": True}, "success_rate must be a number"),
        ({"steps": 0}, "steps must be a number from 1 to 1000"),
        ({"steps": 1001}, "steps must be a number from 1 to 1000"),
        ({"steps": 1.5}, "steps must be a whole number"),
    ],
)
def test_bad_params_of_the_test_task_are_refused(given: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        params.TestTaskParams.parse(given)
