"""Sends tasks with Celery's own send_task.

Reads one JSON object per line: `{"name", "options"}`, with the argument `params` or with `args` and `kwargs`, each a JSON
text. Prints the ids as JSON.
"""

import json
import sys

from worker.celery import app


def send(line: str) -> str:
    task = json.loads(line)
    args = json.loads(task.get("args", f"[{task.get('params')}]"))
    kwargs = json.loads(task.get("kwargs", "{}"))
    return app.send_task(
        task["name"], args=args, kwargs=kwargs, **task.get("options", {})
    ).id


print(json.dumps([send(line) for line in sys.stdin]))
