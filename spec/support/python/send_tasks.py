"""Sends tasks with Celery's own send_task.

Reads one JSON object per line: `{"name", "params" (a JSON text), "options"}`. Prints the ids as JSON.
"""

import json
import sys

from worker.celery import app


def send(line: str) -> str:
    task = json.loads(line)
    args = [json.loads(task["params"])]
    return app.send_task(
        task["name"], args=args, kwargs={}, **task.get("options", {})
    ).id


print(json.dumps([send(line) for line in sys.stdin]))
