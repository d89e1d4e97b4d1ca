"""The fleet: Celery workers that run the `worker.*` and `automation.*` tasks."""
