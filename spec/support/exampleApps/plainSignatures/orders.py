from celery import Celery

app = Celery("orders")


@app.task
def add(x, y):
    return x + y


@app.task
def greet(*, name, greeting="Hello"):
    return f"{greeting}, {name}"


@app.task
def power(base, exponent=2):
    return base**exponent


@app.task(bind=True)
def name_of(self):
    return self.name


@app.task
def ping():
    return "pong"
