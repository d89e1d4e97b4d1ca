"""Prints what Celery's own AsyncResult says of the tasks named on the command line, as JSON.

An exception is rebuilt where its module is imported, as these are in any HTTP service.
"""

import json
import socket  # noqa: F401
import ssl  # noqa: F401
import sys
import urllib.error  # noqa: F401

from celery.result import AsyncResult
from worker.celery import app


def describe(task_id: str) -> dict:
    result = AsyncResult(task_id, app=app)
    value = result.result
    return {
        "state": result.state,
        "ready": result.ready(),
        "result": None if isinstance(value, BaseException) else value,
        "text": str(value),
    }


print(json.dumps([describe(task_id) for task_id in sys.argv[1:]]))
