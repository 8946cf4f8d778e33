"""What this process has used so far; light, because importing it counts too."""

import json
import resource
import time
from pathlib import Path
from typing import Any


def cpu_s() -> float:
    """CPU seconds, user and system, of all threads, the interpreter's start and the imports included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """The largest resident memory so far, in MB (10^6 bytes).

    Not `ru_maxrss`: that begins with what the process was before it was this program.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("this kernel does not tell the peak of the resident memory")


class Measured:
    """From its making, after the imports, to `report`: the work itself."""

    def __init__(self) -> None:
        self._import_cpu_s = cpu_s()
        self._started = time.perf_counter()

    def report(self, **more: Any) -> None:
        """Print everything for the benchmark that started this process; see `common.child`."""
        figures = {
            "wall_s": time.perf_counter() - self._started,
            "cpu_s": cpu_s(),
            "import_cpu_s": self._import_cpu_s,
            "peak_mb": peak_mb(),
        }
        print(json.dumps(figures | more))
