"""Runs one of Python's own tools and prints what it gives, as JSON.

`inspect METHOD [VALUES]` asks the workers; `get ID` waits for a result; `purge` empties the queues.
"""

import importlib
import json
import os
import sys

from celery.result import AsyncResult
from worker.celery import app

if "TRANSPORT_OPTIONS" in os.environ:
    importlib.import_module("transport_options")

tool, *arguments = sys.argv[1:]
if tool == "inspect":
    answer = getattr(app.control.inspect(timeout=2), arguments[0])(*arguments[1:])
elif tool == "get":
    answer = AsyncResult(arguments[0], app=app).get(timeout=10)
else:
    answer = app.control.purge()
print(json.dumps(answer))
