from app.core.celery_app import celery_app


@celery_app.task(acks_late=True)
def test_celery(word: str) -> str:
    return f"test task return {word}"


@celery_app.task(acks_late=True)
def import_users(rows: list[dict], dry_run: bool = False) -> dict:
    if not rows:
        raise KeyError("rows")
    return {"imported": 0 if dry_run else len(rows)}


@celery_app.task(acks_late=True, bind=True, autoretry_for=(OSError,), default_retry_delay=0)
def import_orders(self, url: str) -> int:
    if self.request.retries == 0:
        raise OSError(f"{url} does not answer")
    return self.request.retries
