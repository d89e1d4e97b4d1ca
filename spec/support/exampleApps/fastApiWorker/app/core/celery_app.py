from celery import Celery

celery_app = Celery("worker", broker="redis://queue", backend="redis://queue")

celery_app.conf.task_routes = {
    "app.worker.test_celery": "main-queue",
    "app.worker.import_*": "main-queue",
}
