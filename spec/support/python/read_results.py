"""Prints what Celery's own AsyncResult says of the tasks named on the command line, as JSON.

`result` is Python's text of the value in plain JSON, which tells 1 from 1.0. An exception is rebuilt
where its module is imported, as these are in any HTTP service.
"""

import asyncio  # noqa: F401
import configparser  # noqa: F401
import datetime
import http.client  # noqa: F401
import json
import math
import os
import socket  # noqa: F401
import ssl  # noqa: F401
import subprocess  # noqa: F401
import sys
import urllib.error  # noqa: F401
import uuid
from base64 import b64encode
from decimal import Decimal

from celery.result import AsyncResult
from worker.celery import app

app.conf.result_backend_transport_options = json.loads(
    os.environ.get("TRANSPORT_OPTIONS", "{}")
)


def plain(value):
    """Make of a result what JSON has a form for."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def describe(task_id: str) -> dict:
    result = AsyncResult(task_id, app=app)
    value = result.result
    return {
        "state": result.state,
        "ready": result.ready(),
        "result": None if isinstance(value, BaseException) else ascii(plain(value)),
        "text": str(value),
        "traceback": result.traceback,
        "date_done": result.date_done and result.date_done.isoformat(),
    }


print(json.dumps([describe(task_id) for task_id in sys.argv[1:]]))
