"""Sends commands with Celery's own `app.control`.

Reads one JSON object per line: `{"method", "arguments", "destination"}`.
"""

import json
import sys

from worker.celery import app

for line in sys.stdin:
    command = json.loads(line)
    app.control.broadcast(
        command["method"],
        arguments=command["arguments"],
        destination=command["destination"],
        reply=True,
        timeout=0.1,
    )
