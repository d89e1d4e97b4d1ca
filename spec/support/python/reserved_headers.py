"""Prints, as JSON, the names of headers that mean something to Celery.

Those are the headers of a message of its own, and whatever a task's request has.
"""

import json

from celery.app.task import Context
from worker.celery import app

message = app.amqp.as_task_v2("id", "name")
names = {*message.headers, *dir(Context), "compression"}
print(json.dumps(sorted(name for name in names if not name.startswith("_"))))
