"""Does what the code beside an app does: calls its tasks, and reads their results with AsyncResult.

The arguments are the app, as `celery --app` takes it, and an import statement. Reads one JSON object per line and prints
a list: for `{"call"}`, a Python expression such as `add.delay(1, 2)`, the task's id; for `{"id"}`, what AsyncResult says.
"""

import json
import sys

from celery.app.utils import find_app
from celery.result import AsyncResult

app = find_app(sys.argv[1])
names = {}
exec(sys.argv[2], names)


def describe(task_id: str) -> dict:
    result = AsyncResult(task_id, app=app)
    value = result.result
    return {
        "state": result.state,
        "result": None if isinstance(value, BaseException) else value,
        "error": str(value) if isinstance(value, BaseException) else None,
        # With result_extended, but for the worker, which may be another one.
        "extended": [result.name, result.args, result.kwargs, result.retries, result.queue],
    }


def answer(line: dict):
    return eval(line["call"], names).id if "call" in line else describe(line["id"])


print(json.dumps([answer(json.loads(line)) for line in sys.stdin]))
