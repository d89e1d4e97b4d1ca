"""Prints the messages of the lists named on the command line, oldest first, as JSON.

The body is decompressed and parsed as a worker does, and shown as Python's text of it, which tells
1 from 1.0.
"""

import json
import sys
from base64 import b64decode

from kombu.compression import decompress
from kombu.utils.json import loads
from worker.celery import app


def describe(text: bytes) -> dict:
    message = json.loads(text)
    body = b64decode(message.pop("body"))
    compression = message["headers"].get("compression")
    if compression:
        body = decompress(body, compression)
    args, kwargs, embed = loads(body)
    return {**message, "args": ascii(args), "kwargs": ascii(kwargs), "embed": embed}


with app.connection() as connection:
    client = connection.default_channel.client
    print(
        json.dumps(
            {
                key: [describe(text) for text in client.lrange(key, 0, -1)[::-1]]
                for key in sys.argv[1:]
            }
        )
    )
