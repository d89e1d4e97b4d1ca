from celery import Celery

app = Celery("notifications", include=["notifications.tasks"])
app.conf.task_default_queue = "notifications"
