"""Sets the clock of a Python process wrong by CLOCK_AHEAD seconds, before anything reads it."""

import os
import time

right = time.time
ahead = float(os.environ["CLOCK_AHEAD"])
time.time = lambda: right() + ahead
