"""Runs first in every Python process that has this folder on its path.

TEST_CLOCK_OFFSET sets the clock of the process, by seconds. Under libfaketime, which leaves the monotonic clock alone,
`time.sleep` fails since Python 3.11 (EINVAL); `select` waits for the same time.
"""

import os
import select
import time

if "TEST_CLOCK_OFFSET" in os.environ:
    import time_machine

    time_machine.travel(time.time() + float(os.environ["TEST_CLOCK_OFFSET"]), tick=True).start()

if "FAKETIME" in os.environ:

    def sleep(seconds: float) -> None:
        select.select([], [], [], seconds)

    time.sleep = sleep
