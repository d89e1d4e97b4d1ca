from celery import shared_task


@shared_task(name="send-email")
def send_email(to, subject, cc=None):
    if "@" not in to:
        raise ValueError(f"{to!r} is no address")
    return {"to": to, "subject": subject, "cc": cc or []}


@shared_task(name="push:send", bind=True, max_retries=2)
def push(self, device, text):
    if self.request.retries < device["fails"]:
        raise self.retry(exc=ConnectionResetError(104, "Connection reset by peer"), countdown=0)
    return {"text": text, "retries": self.request.retries}


@shared_task(name="cleanup")
def cleanup():
    return 0
