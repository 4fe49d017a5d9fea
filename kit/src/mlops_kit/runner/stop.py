"""A request to stop, which reaches everything that is running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from mlops_kit.runner.failures import StepStoppedError


class Stop:
    """Is set once; running code checks it, waits for it, or registers a callback.

    Args:
        parent: a request that sets this one, too.
    """

    def __init__(self, parent: Stop | None = None) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        self._parent = parent
        if parent:
            parent._register(self.set)

    def set(self) -> None:
        """Request the stop, and call all callbacks."""
        with self._lock:
            self._event.set()
            calls, self._calls = self._calls, []
        with ExitStack() as stack:  # calls each one, even if another raises
            for call in calls:
                stack.callback(call)

    def is_set(self) -> bool:
        """Whether a stop was requested."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise an error if a stop was requested.

        Raises:
            StepStoppedError: it was.
        """
        if self.is_set():
            raise StepStoppedError

    def wait(self, seconds: float) -> None:
        """Wait for a number of seconds, or until a stop is requested."""
        self._event.wait(seconds)

    @contextmanager
    def calling(self, action: Callable[[], None]) -> Iterator[None]:
        """Call an action when a stop is requested within this block; at once if one was requested before."""
        self._register(action)
        try:
            yield
        finally:
            self._forget(action)

    def release(self) -> None:
        """Detach from the parent."""
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
