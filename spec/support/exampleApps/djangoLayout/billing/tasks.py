from celery import shared_task


@shared_task
def invoice(customer_id, amount=1):
    return {"customer": customer_id, "amount": amount}


@shared_task
def refund(invoice_id):
    raise ValueError(f"Invoice {invoice_id} is not paid")


@shared_task(bind=True, max_retries=3, default_retry_delay=0)
def charge(self, customer_id):
    attempt = self.request.retries + 1
    if attempt < 3:
        raise self.retry(exc=ConnectionError("The bank does not answer"))
    return {"customer": customer_id, "attempt": attempt}
