from celery import Celery

app = Celery("shop")
# With Django: "django.conf:settings".
app.config_from_object("shop.settings", namespace="CELERY")
# With Django: no list, as it is INSTALLED_APPS.
app.autodiscover_tasks(["billing", "mailing"])
