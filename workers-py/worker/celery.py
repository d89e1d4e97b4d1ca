"""The fleet's Celery app, which `celery -A worker worker` finds by this module's name."""

import os
import sys

from celery import Celery
from kombu import Exchange, Queue

from worker.settings import Settings, SettingsError

WORKER_QUEUE = "worker_queue"
AUTOMATION_QUEUE = "automation_queue"

try:
    settings = Settings.from_environment(os.environ)
except SettingsError as error:
    sys.exit(f"The environment can't be used: {error}")


def direct_queue(name: str) -> Queue:
    """Declare a queue that is bound to a direct exchange of its own name."""
    return Queue(name, Exchange(name, type="direct"), routing_key=name)


app = Celery("worker", include=["worker.tasks"])

app.conf.update(
    broker_url=settings.broker_url,
    result_backend=settings.result_backend,
    broker_transport_options=settings.transport_options(settings.broker_url),
    result_backend_transport_options=settings.transport_options(settings.result_backend),
    # A worker started with its broker waits for it rather than giving up.
    broker_connection_retry_on_startup=True,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    enable_utc=True,
    timezone="UTC",
    task_queues=[direct_queue(WORKER_QUEUE), direct_queue(AUTOMATION_QUEUE)],
    task_default_queue=WORKER_QUEUE,
    task_default_exchange=WORKER_QUEUE,
    task_default_exchange_type="direct",
    task_default_routing_key=WORKER_QUEUE,
    task_routes={
        "worker.*": {"queue": WORKER_QUEUE},
        "automation.*": {"queue": AUTOMATION_QUEUE},
    },
    task_track_started=True,
    # A message is acknowledged once its task has ended, so a task whose worker
    # dies runs again. Every task of the fleet must therefore bear running twice.
    task_acks_late=True,
    # With acks_late alone, a pool process that is killed (by the kernel when
    # memory runs out, say) fails its task. The fleet's tasks can run again, so
    # they do; but as retries, which Celery counts and ends after max_retries
    # (3): a task that itself kills its process would otherwise go round
    # forever. Rejecting, which counts nothing, is what is left if that retry
    # can't be sent.
    task_retry_on_worker_lost=True,
    task_reject_on_worker_lost=True,
    task_annotations={"*": {"default_retry_delay": 2}},
    # Long tasks spread evenly when no process holds messages in reserve.
    worker_prefetch_multiplier=1,
    # Seconds. At the soft limit the task gets an exception and fails cleanly;
    # at the hard one, its process is replaced.
    task_soft_time_limit=300,
    task_time_limit=330,
    result_expires=3600,
    # Flower lives on events: those of the workers and those of the senders.
    worker_send_task_events=True,
    task_send_sent_event=True,
)
