"""Calls the task `worker.show` with Celery's own apply_async.

Reads one JSON object per line: `{"args", "kwargs"}`, each a JSON text. Prints what the worker gives of each, as JSON.
"""

import json
import sys

from worker import show


def call(line: str):
    task = json.loads(line)
    return show.apply_async(json.loads(task["args"]), json.loads(task["kwargs"]))


print(json.dumps([result.get(timeout=60) for result in [call(line) for line in sys.stdin]]))
