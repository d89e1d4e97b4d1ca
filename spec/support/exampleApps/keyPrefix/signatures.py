from celery import Celery

app = Celery("signatures")
app.conf.result_extended = True
app.conf.broker_transport_options = {"global_keyprefix": "shop:"}
app.conf.result_backend_transport_options = {"global_keyprefix": "shop:"}


@app.task
def add(x, y):
    return x + y


@app.task
def greet(*, name, greeting="Hello"):
    return f"{greeting}, {name}"


@app.task
def power(base, exponent=2):
    return base**exponent


@app.task(bind=True, default_retry_delay=0)
def attempts(self, wanted):
    if self.request.retries + 1 < wanted:
        raise self.retry()
    return {"attempts": self.request.retries + 1, "queue": self.request.delivery_info["routing_key"]}


@app.task
def ping():
    return "pong"
