"""Run actions in order per key, and different keys in parallel."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue

Action = Callable[[], None]


class KeyedExecutor:
    """Runs the actions of each key one after another, in a thread per key.

    Args:
        name: the name of the threads.

    Attributes:
        submitted: the number of actions so far.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queues: dict[str, SimpleQueue[Action | None]] = {}
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._pending = 0
        self._closed = False
        self.submitted = 0

    def submit(self, key: str, action: Action) -> None:
        """Run an action after the earlier ones of the same key; after `close`, ignore it."""
        with self._changed:
            if self._closed:
                return
            self.submitted += 1
            self._pending += 1
            if key not in self._queues:
                self._queues[key] = SimpleQueue()
                thread = threading.Thread(target=self._work, args=(self._queues[key],), name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
            self._queues[key].put(action)

    def wait(self, seconds: float) -> bool:
        """Wait until every action has ended; return False on a timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending, seconds)

    def close(self, seconds: float) -> None:
        """Accept no more actions, and wait for the pending ones, up to this many seconds per key."""
        with self._changed:
            self._closed = True
        for queue in self._queues.values():
            queue.put(None)
        for thread in self._threads:
            thread.join(seconds)

    def _work(self, queue: SimpleQueue[Action | None]) -> None:
        while (action := queue.get()) is not None:
            try:
                action()
            except Exception:  # a bug in local mode must not block the later actions of this key
                traceback.print_exc()
            with self._changed:
                self._pending -= 1
                self._changed.notify_all()
