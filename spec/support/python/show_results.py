"""Prints Python's text of `result` in each line's JSON, which tells 1 from 1.0, as a JSON list."""

import json
import sys

print(json.dumps([ascii(json.loads(line).get("result")) for line in sys.stdin]))
