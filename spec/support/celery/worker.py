"""The smallest worker that shows what reaches a task, for any Celery 5."""

import os

from celery import Celery

app = Celery("worker", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_default_queue = "version_queue"
app.conf.broker_connection_retry_on_startup = True


@app.task(name="worker.show", bind=True)
def show(self, *args, **kwargs):
    """Give the arguments as Python has them, and what the message says of the task."""
    request = self.request
    return {
        "args": ascii(args),
        "kwargs": ascii(kwargs),
        "id": request.id,
        "root_id": request.root_id,
        "parent_id": request.parent_id,
        "origin": request.origin,
        "argsrepr": request.argsrepr,
        "kwargsrepr": request.kwargsrepr,
        "timelimit": request.timelimit,
        "retries": request.retries,
        "delivery_info": request.delivery_info,
    }
