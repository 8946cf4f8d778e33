"""Measure the CPU, memory and time of this process. Imports little, since its own import counts too."""

import json
import resource
import time
from pathlib import Path
from typing import Any


def cpu_s() -> float:
    """CPU seconds of all threads, user and system, including the interpreter's start and the imports."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """The largest resident memory so far, in MB (10^6 bytes).

    `ru_maxrss` is no substitute: it includes the parent's memory from before this program was executed.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("this kernel does not report the peak of the resident memory")


class Measurement:
    """Measures the work between its creation, after the imports, and `report`."""

    def __init__(self) -> None:
        self._import_cpu_s = cpu_s()
        self._started = time.perf_counter()

    def report(self, **more: Any) -> None:
        """Print the metrics for the benchmark that started this process; see `common.run_script`."""
        metrics = {
            "wall_s": time.perf_counter() - self._started,
            "cpu_s": cpu_s(),
            "import_cpu_s": self._import_cpu_s,
            "peak_mb": peak_mb(),
        }
        print(json.dumps(metrics | more))
