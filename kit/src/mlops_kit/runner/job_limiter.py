"""How many jobs run at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mlops_kit.runner.stop import Stop

_LOOK_UP = 0.1  # seconds between two looks at a request to stop


class Slots:
    """As many places for jobs as the machine has processors, whichever executions they belong to."""

    def __init__(self, count: int | None = None) -> None:
        self._free = threading.BoundedSemaphore(count or os.cpu_count() or 1)

    @contextmanager
    def taken(self, stop: Stop) -> Iterator[None]:
        """Have one of the places within this block.

        Raises:
            StepStoppedError: it was told to stop before there was a free one.
        """
        while not self._free.acquire(timeout=_LOOK_UP):
            stop.check()
        try:
            yield
        finally:
            self._free.release()
