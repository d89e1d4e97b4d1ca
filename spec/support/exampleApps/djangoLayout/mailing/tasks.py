from celery import shared_task


@shared_task
def welcome(address, *, language="en"):
    return f"{language}: {address}"


@shared_task
def newsletter():
    return None
