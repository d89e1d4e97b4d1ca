"""Has the fleet's app use the broker with the options in TRANSPORT_OPTIONS, as JSON."""

import json
import os

from worker.celery import app

app.conf.broker_transport_options = json.loads(os.environ["TRANSPORT_OPTIONS"])
