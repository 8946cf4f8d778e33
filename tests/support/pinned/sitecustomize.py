"""Sets the clock of every Python process that has this folder on its path: TEST_CLOCK_OFFSET is in seconds."""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["TEST_CLOCK_OFFSET"]), tick=True).start()
