"""Tasks that end in every way a task can end, for the specs."""

import asyncio
import configparser
import datetime
import http.client
import importlib.metadata
import json
import socket
import ssl
import subprocess
import time
import urllib.error
import uuid
from decimal import Decimal

from celery.exceptions import (
    Ignore,
    MaxRetriesExceededError,
    NotRegistered,
    QueueNotFound,
    Reject,
    SoftTimeLimitExceeded,
)
from celery.utils.serialization import UnpickleableExceptionWrapper
from dateutil.parser import ParserError
from worker.celery import app


@app.task(name="automation.echo")
def echo(params):
    """Return the params as they came."""
    return params


@app.task(name="automation.give")
def give(params):
    """Return `value`, without an envelope."""
    return params["value"]


ZONE = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
AWARE = datetime.datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=datetime.timezone.utc)

VALUES = {
    "an aware datetime": lambda: AWARE,
    "a naive datetime": lambda: datetime.datetime(2026, 1, 31, 9, 30),
    "a datetime of another zone": lambda: AWARE.astimezone(ZONE),
    "a date": lambda: datetime.date(2026, 1, 31),
    "a time": lambda: datetime.time(9, 30, 5),
    "a Decimal": lambda: Decimal("1.10"),
    "a Decimal that is no number": lambda: [
        Decimal("sNaN"),
        Decimal("NaN7"),
        Decimal("-Infinity"),
    ],
    "a UUID": lambda: uuid.UUID("1d0e0c3b-6a7f-4bb7-8ab4-0d5a4a4c1f5e"),
    "bytes that are text": lambda: "Grüße".encode(),
    "bytes that are none": lambda: b"\xff\x00\xfe",
    "all of them, nested": lambda: {
        "a": [AWARE, {"b": Decimal("1E+2")}],
        "c": (b"x", 1.0),
    },
    "NaN and infinities": lambda: [float("nan"), {"a": float("inf")}, -float("inf")],
    "integers of any size": lambda: [2**53 + 1, -(10**40), 10**4299],
    "floats": lambda: [1.0, -0.0, 1e16, 1e22, 1e-05, 0.1, 5e-324],
    "keys like integers": lambda: {"2": 1, "1": 2, "b": {"10": 1, "9": 2}},
    "half a surrogate pair": lambda: "\ud800",
    "text like kombu's": lambda: {"a": "__type__", "b": {"__type__": 1}},
    "a tuple": lambda: (1, (2,)),
    "big integers beside NaN": lambda: [2**64 + 1, 1.0, float("nan"), {"2": 0, "1": 0}],
}


class OutcomeError(Exception):
    """An exception that only the workers can import."""


class ClientError(Exception):
    """Can't be called with its own arguments, as boto3's class of that name."""

    def __init__(self, response, operation):
        super().__init__(f"An error occurred when calling {operation}: {response}")


class RefusedError(Exception):
    """Like it, with an argument that has no JSON."""

    def __init__(self, reason, *, status):
        super().__init__(reason, object, {"status": status})


class RefusedValueError(ValueError):
    """Like it, but of a class that Celery takes instead."""

    def __init__(self, reason, *, status):
        super().__init__(f"{reason} ({status})")


def caused():
    """Return such an exception with another one as its cause."""
    error = ClientError("no", "it's")
    error.__cause__ = RefusedError("x", status=1)
    return error


class Outer:
    """Holds a class, so that its qualified name has a dot."""

    class InnerError(Exception):
        """An exception with a dot in its name."""


EXCEPTIONS = {
    "one argument": lambda: ValueError("Connection timeout to ESC system"),
    "no argument": lambda: ValueError(),
    "several arguments": lambda: ValueError(
        "a", 2, None, True, 0.5, ["x"], {"k": "it's"}
    ),
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
    "SSLError": lambda: ssl.SSLError(
        1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"
    ),
    "SSLCertVerificationError": lambda: ssl.SSLCertVerificationError(
        1, "verify failed"
    ),
    "URLError": lambda: urllib.error.URLError("unknown host"),
    "HTTPError": lambda: urllib.error.HTTPError("http://x", 404, "Not Found", {}, None),
    "OSError with a file name": lambda: FileNotFoundError(2, "No such file", "x.txt"),
    "NotRegistered": lambda: NotRegistered("worker.x"),
    "text that looks like a repr": lambda: ValueError("('a', 2)"),
    "numbers of every kind": lambda: ValueError(
        1.0, -0.0, 1e22, 2**64 + 1, float("nan")
    ),
    "a float": lambda: ValueError(1.0),
    "infinity": lambda: ValueError(float("-inf")),
    "bytes": lambda: ValueError(b"it's \xff\n\\"),
    "a datetime": lambda: ValueError(AWARE),
    "kombu's types": lambda: ValueError(
        *(make() for make in list(VALUES.values())[:10])
    ),
    "a time and zones": lambda: ValueError(
        datetime.time(0, 0, tzinfo=ZONE), AWARE.astimezone(ZONE)
    ),
    "keys like integers": lambda: ValueError({"2": 1, "1": 2}),
    "an object without JSON": lambda: ValueError(object, {1, 2}),
    "UnicodeDecodeError": lambda: UnicodeDecodeError(
        "utf-8", b"a\xff", 1, 2, "invalid start byte"
    ),
    "UnicodeDecodeError of many": lambda: UnicodeDecodeError(
        "ascii", b"\xff\xfe", 0, 2, "no"
    ),
    "UnicodeEncodeError": lambda: UnicodeEncodeError(
        "ascii", "aé", 1, 2, "ordinal not in range"
    ),
    "UnicodeEncodeError of many": lambda: UnicodeEncodeError(
        "ascii", "aéü", 1, 3, "no"
    ),
    "CalledProcessError": lambda: subprocess.CalledProcessError(
        1, ["false", "it's"], output=b"x"
    ),
    "CalledProcessError by a signal": lambda: subprocess.CalledProcessError(
        -9, "sleep 9"
    ),
    "CalledProcessError by another": lambda: subprocess.CalledProcessError(
        -99, "sleep 9"
    ),
    "TimeoutExpired": lambda: subprocess.TimeoutExpired(["sleep", "9"], 1.0),
    "SyntaxError": lambda: SyntaxError(
        "invalid syntax", ("dir/file.py", 3, 1, "x x", 3, 2)
    ),
    "SyntaxError without a place": lambda: SyntaxError("invalid syntax"),
    "NoSectionError": lambda: configparser.NoSectionError("it's"),
    "OSError of one file and another": lambda: OSError(
        18, "Cross-device link", "a", None, "b"
    ),
    "ModuleNotFoundError": lambda: ModuleNotFoundError("No module named 'x'", name="x"),
    "NoOptionError": lambda: configparser.NoOptionError("o", "s"),
    "BlockingIOError of characters": lambda: BlockingIOError(11, "x", 5),
    "QueueNotFound": lambda: QueueNotFound("q"),
    "SSLWantReadError": lambda: ssl.SSLWantReadError(2, "want"),
    "SSLError of one": lambda: ssl.SSLError("The read operation timed out"),
    "SSLError of none": lambda: ssl.SSLError(),
    "SSLError of numbers": lambda: ssl.SSLError(1, 2),
    "CalledProcessError by SIGRTMIN": lambda: subprocess.CalledProcessError(-34, "c"),
    "SyntaxError of three": lambda: SyntaxError("m", ("f", 1, 2, "t"), 3),
    "TabError": lambda: TabError("m", ("f.py", 3, 1, "x")),
    "UnicodeTranslateError": lambda: UnicodeTranslateError("aé", 1, 2, "r"),
    "IncompleteRead": lambda: http.client.IncompleteRead(b"abc", 5),
    "ContentTooShortError": lambda: urllib.error.ContentTooShortError("short", None),
    "asyncio's IncompleteReadError": lambda: asyncio.IncompleteReadError(b"a", 2),
    "a Decimal that is no number": lambda: ValueError(
        Decimal("sNaN7"), Decimal("-Infinity")
    ),
    "ExceptionGroup": lambda: ExceptionGroup("many", [ValueError(1), KeyError("k")]),
    "IndexError": lambda: IndexError("list index out of range"),
    "StopIteration": lambda: StopIteration(3),
    "AssertionError": lambda: AssertionError(),
    "MaxRetriesExceededError": lambda: MaxRetriesExceededError("Can't retry"),
    "a class of another class": lambda: Outer.InnerError("inner", 1),
    "a class that can't be called again": lambda: ClientError("it's \"é\"", "PutObject"),
    "such a class with a cause": caused,
    "such a class with objects": lambda: RefusedError("no", status=429),
    "such a class of ValueError": lambda: RefusedValueError("no", status=429),
    "a wrapped exception": lambda: UnpickleableExceptionWrapper(
        "m", "E", ["x"], "E('x')"
    ),
    "dateutil's ParserError": lambda: ParserError("Unknown format: %s", "it's"),
    "dateutil's ParserError of two": lambda: ParserError("%s%%: %s", "a", 1),
    "dateutil's ParserError without values": lambda: ParserError("100%s"),
    "PackageNotFoundError": lambda: importlib.metadata.PackageNotFoundError("x"),
}


@app.task(name="automation.value")
def value(params):
    """Return the value called `kind`."""
    return VALUES[params["kind"]]()


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


@app.task(name="automation.reject")
def reject(params):
    """Be rejected, for good."""
    raise Reject("no", requeue=False)


@app.task(name="automation.ignore_result", ignore_result=True)
def ignore_result(params):
    """Leave no result, but a key that tells that it has run."""
    app.backend.client.set(params["key"], "has run", ex=60)


@app.task(name="automation.request", bind=True)
def request(self, params):
    """Return what the task knows of its own message."""
    return {
        "id": self.request.id,
        "headers": self.request.headers,
        "traceparent": self.request.get("traceparent"),
        "eta": self.request.eta,
        "expires": self.request.expires,
        "timelimit": self.request.timelimit,
        "priority": self.request.delivery_info["priority"],
        "started_at": time.time(),
    }


@app.task(name="automation.sleep")
def sleep(params):
    """Take `seconds`."""
    time.sleep(params["seconds"])
