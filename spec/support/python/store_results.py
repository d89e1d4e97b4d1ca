"""Stores results with Celery's own backend.

The first argument is the app's configuration as JSON. Reads one JSON object per line:
`{"id", "state", "result" (a JSON text)}`; of a failure, `result` is the list of its arguments.
"""

import json
import sys

from celery.app.task import Context
from worker.celery import app

app.conf.update(json.loads(sys.argv[1]))

for line in sys.stdin:
    task = json.loads(line)
    value = json.loads(task["result"])
    request = Context(
        task="worker.spec", args=[{}], kwargs={}, delivery_info={}, id=task["id"]
    )
    if task["state"] == "FAILURE":
        app.backend.mark_as_failure(task["id"], ValueError(*value), request=None)
    else:
        app.backend.store_result(task["id"], value, task["state"], request=request)
