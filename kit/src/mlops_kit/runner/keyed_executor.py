"""Things to be done one after the other in each of several lanes, which do not wait for one another."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue

Action = Callable[[], None]


class Lanes:
    """Does what is put into a lane in the order in which it came, from a thread for each lane.

    Args:
        name: what the threads are called by.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lanes: dict[str, SimpleQueue[Action | None]] = {}
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._under_way = 0
        self._closed = False
        self.taken = 0

    def put(self, lane: str, action: Action) -> None:
        """Have something done in a lane; nothing once the lanes are closed."""
        with self._changed:
            if self._closed:
                return
            self.taken += 1
            self._under_way += 1
            if lane not in self._lanes:
                self._lanes[lane] = SimpleQueue()
                thread = threading.Thread(target=self._work, args=(self._lanes[lane],), name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
            self._lanes[lane].put(action)

    def wait(self, seconds: float) -> bool:
        """Wait until all is done; False when it is not by then."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, seconds)

    def close(self, seconds: float) -> None:
        """Take nothing more, and wait for what is under way, but no longer than so many seconds for each lane."""
        with self._changed:
            self._closed = True
        for lane in self._lanes.values():
            lane.put(None)
        for thread in self._threads:
            thread.join(seconds)

    def _work(self, lane: SimpleQueue[Action | None]) -> None:
        while (action := lane.get()) is not None:
            try:
                action()
            except Exception:  # of local mode itself: what comes after it in the lane is none the worse
                traceback.print_exc()
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()
