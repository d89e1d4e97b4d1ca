"""A Celery app whose settings a spec chooses, by SETTINGS as JSON."""

import json
import os

import celery

SETTINGS = json.loads(os.environ["SETTINGS"])

if VERSION := SETTINGS.pop("celery_version", None):
    # In place of one that is older, which would need an environment of its own.
    celery.VERSION_BANNER = VERSION

TASKS = SETTINGS.pop("tasks", ["shop.invoice", "shop.refund"])
REDIS_URL = os.environ["REDIS_URL"]

app = celery.Celery("shop", broker=REDIS_URL, backend=REDIS_URL)
app.conf.update(task_default_queue="shop", **SETTINGS)


def work(self, *args, **kwargs):
    """End as the task's name says: well, unless it is another word."""
    if self.name.endswith(".fail"):
        raise ValueError("as its name says")
    if self.name.endswith(".retry") and self.request.retries == 0:
        raise self.retry(countdown=0)


for name in TASKS:
    app.task(name=name, bind=True)(work)
