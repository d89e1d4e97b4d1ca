from celery import Celery
from kombu import Exchange, Queue

app = Celery("media")
app.conf.task_queues = [
    Queue("interactive", Exchange("interactive"), routing_key="interactive"),
    Queue("batch", Exchange("batch"), routing_key="batch"),
]
app.conf.task_default_priority = 5
app.conf.task_default_queue = "batch"
app.conf.task_default_exchange = "batch"
app.conf.task_default_routing_key = "batch"
app.conf.task_routes = {
    "media.preview*": {"queue": "interactive"},
    "*.report_*": {"queue": "batch"},
}
app.conf.worker_prefetch_multiplier = 1
app.conf.task_acks_late = True
app.conf.broker_transport_options = {
    "priority_steps": list(range(10)),
    "sep": ":",
    "queue_order_strategy": "priority",
}


@app.task
def preview(path):
    return f"{path}.png"


@app.task
def preview_video(path, seconds=3):
    return {"path": path, "seconds": seconds}


@app.task
def transcode(path, codec="av1"):
    if codec == "mpeg1":
        raise NotImplementedError(codec)
    return f"{path}.{codec}"


@app.task(bind=True, default_retry_delay=0)
def report_usage(self, month):
    if self.request.retries == 0:
        raise self.retry()
    info = self.request.delivery_info
    return {"month": month, "priority": info["priority"]}
