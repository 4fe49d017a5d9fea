"""A request to stop, which reaches whatever is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from mlops_kit.runner.failures import StepStoppedError


class Stop:
    """Set once; whoever works under it asks, waits, or is called.

    Args:
        parent: a wider request, which this one follows.
    """

    def __init__(self, parent: Stop | None = None) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        self._parent = parent
        if parent:
            parent._register(self.set)

    def set(self) -> None:
        """Ask everybody to stop."""
        with self._lock:
            self._event.set()
            calls, self._calls = self._calls, []
        with ExitStack() as everybody:  # each is called, even if one before it raises
            for call in calls:
                everybody.callback(call)

    def is_set(self) -> bool:
        """Whether anybody asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Go no further once asked to stop.

        Raises:
            StepStoppedError: it is so.
        """
        if self.is_set():
            raise StepStoppedError

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the request to stop."""
        self._event.wait(seconds)

    @contextmanager
    def calling(self, action: Callable[[], None]) -> Iterator[None]:
        """Have something done when the request comes within this block, or has come already."""
        self._register(action)
        try:
            yield
        finally:
            self._forget(action)

    def release(self) -> None:
        """Follow the wider request no longer."""
        if self._parent:
            self._parent._forget(self.set)

    def _register(self, action: Callable[[], None]) -> None:
        with self._lock:
            late = self._event.is_set()
            if not late:
                self._calls.append(action)
        if late:
            action()

    def _forget(self, action: Callable[[], None]) -> None:
        with self._lock:
            self._calls = [call for call in self._calls if call != action]
