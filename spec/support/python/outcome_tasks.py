"""Tasks that end in every way a task can end, for the specs."""

import json
import socket
import ssl
import time
import urllib.error

from celery.exceptions import Ignore, NotRegistered, SoftTimeLimitExceeded
from worker.celery import app


@app.task(name="automation.echo")
def echo(params):
    """Return the params as they came."""
    return params


@app.task(name="automation.give")
def give(params):
    """Return `value`, without an envelope."""
    return params["value"]


class OutcomeError(Exception):
    """An exception that only the workers can import."""


EXCEPTIONS = {
    "one argument": lambda: ValueError("Connection timeout to ESC system"),
    "no argument": lambda: ValueError(),
    "several arguments": lambda: ValueError("a", 2, None, True, 0.5, ["x"], {"k": "it's"}),
    "a number": lambda: ValueError(7),
    "a list": lambda: ValueError(["a", 'b"', "c'\"\n\\\u00e9\u200b\U0001f600"]),
    "small and large numbers": lambda: ValueError(1e-05, 0.0001, 1.5e300),
    "KeyError": lambda: KeyError("k"),
    "KeyError of two": lambda: KeyError("k", 1),
    "ConnectionRefusedError": lambda: ConnectionRefusedError(111, "Connection refused"),
    "TimeoutError with text": lambda: TimeoutError("timed out"),
    "JSONDecodeError": lambda: json.JSONDecodeError("Expecting value", "x", 0),
    "a class of the workers'": lambda: OutcomeError("only here"),
    "gaierror": lambda: socket.gaierror(-2, "Name or service not known"),
    "herror": lambda: socket.herror(1, "Unknown host"),
    "SSLError": lambda: ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"),
    "SSLCertVerificationError": lambda: ssl.SSLCertVerificationError(1, "verify failed"),
    "URLError": lambda: urllib.error.URLError("unknown host"),
    "HTTPError": lambda: urllib.error.HTTPError("http://x", 404, "Not Found", {}, None),
    "OSError with a file name": lambda: FileNotFoundError(2, "No such file", "x.txt"),
    "NotRegistered": lambda: NotRegistered("worker.x"),
    "text that looks like a repr": lambda: ValueError("('a', 2)"),
}


@app.task(name="automation.fail")
def fail(params):
    """Raise the exception called `kind`."""
    raise EXCEPTIONS[params["kind"]]()


@app.task(name="automation.soft_limit", soft_time_limit=1, time_limit=30)
def soft_limit(params):
    """Run into the soft time limit."""
    time.sleep(20)


@app.task(name="automation.hard_limit", soft_time_limit=1, time_limit=2)
def hard_limit(params):
    """Ignore the soft time limit, and run into the hard one."""
    try:
        time.sleep(20)
    except SoftTimeLimitExceeded:
        time.sleep(20)


@app.task(name="automation.retry", bind=True, max_retries=5)
def retry(self, params):
    """Ask for a retry that is far away."""
    raise self.retry(exc=ValueError("secret reason"), countdown=600)


@app.task(name="automation.state", bind=True)
def state(self, params):
    """Store a state of the task's own with its meta, and leave it so."""
    self.update_state(state=params["state"], meta=params["meta"])
    raise Ignore()


@app.task(name="automation.sleep")
def sleep(params):
    """Take `seconds`."""
    time.sleep(params["seconds"])
