"""Python programs in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from support.patience import PATIENCE_S


class Program:
    """`python` with these arguments, which exchanges lines with the test. A timer kills it after 60 s."""

    def __init__(self, *arguments: Path | str) -> None:
        command = [sys.executable, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._limit = threading.Timer(PATIENCE_S, self.process.kill)
        self._limit.start()

    def says(self) -> str:
        """Its next line; "" when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str = "") -> None:
        """Send it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """Send SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait()

    def close(self) -> None:
        """Kill it if it still runs, and close its pipes."""
        self._limit.cancel()
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
