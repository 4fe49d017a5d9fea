"""Limit how many jobs run at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mlops_kit.runner.stop import Stop

_POLL_INTERVAL = 0.1  # seconds


class JobLimiter:
    """Allows as many jobs at a time as the machine has processors, across all executions."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(os.cpu_count() or 1)

    @contextmanager
    def slot(self, stop: Stop) -> Iterator[None]:
        """Wait for a free slot, and hold it within this block.

        Raises:
            StepStoppedError: the stop was requested before a slot was free.
        """
        while not self._free.acquire(timeout=_POLL_INTERVAL):
            stop.check()
        try:
            yield
        finally:
            self._free.release()
