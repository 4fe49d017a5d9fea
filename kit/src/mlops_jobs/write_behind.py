"""Write what is made while the next is being made: the counterpart of read_ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class WriteBehind(Generic[T]):
    """Hand items to a function in a thread, in order; at most `depth` wait.

    The thread has ended when the `with` block is left. An error of the function is raised by the next `put` or at the
    end of the block, and the items behind it are dropped; an error in the block drops those that still wait.
    """

    def __init__(self, write: Callable[[T], None], depth: int = 2) -> None:
        self._write = write
        self._waiting: queue.Queue[T | None] = queue.Queue(maxsize=depth)
        self._error: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._consume)

    def __enter__(self) -> WriteBehind[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dropping = self._dropping or kind is not None
        self._waiting.put(None)
        self._thread.join()
        if kind is None:
            self._raise_error()

    def put(self, item: T) -> None:
        """Let an item be written; waits while others do."""
        self._raise_error()
        self._waiting.put(item)

    def _consume(self) -> None:
        while (item := self._waiting.get()) is not None:
            if self._dropping:
                continue
            try:
                self._write(item)
            except BaseException as error:  # raised in the thread that puts
                self._error, self._dropping = error, True

    def _raise_error(self) -> None:
        if self._error:
            raise self._error
