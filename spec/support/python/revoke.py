"""Revokes the task named on the command line, as an operator would."""

import sys

from worker.celery import app

app.control.revoke(sys.argv[1], terminate=True)
