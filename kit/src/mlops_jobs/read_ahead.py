"""Make the next items while one is being worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.1


def read_ahead(items: Iterable[T], depth: int = 2) -> Iterator[T]:
    """Yield the items while a thread makes the next ones; at most `depth` wait.

    The thread has ended, and `items` is closed, when this iterator is exhausted or closed. At the interpreter's exit
    a thread of an iterator that was left halfway ends too, before Python is taken down: a daemon thread would be
    stopped in the middle of pyarrow's C++, which aborts the process.
    """
    waiting: queue.Queue[tuple[bool, object]] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(entry: tuple[bool, object]) -> None:
        while not stopped.is_set() and threading.main_thread().is_alive():
            try:
                return waiting.put(entry, timeout=POLL_SECONDS)
            except queue.Full:
                continue
        stopped.set()

    def produce() -> None:
        try:
            for item in items:
                put((True, item))
                if stopped.is_set():
                    return
            put((False, None))
        except BaseException as error:  # handed to the reader, whose error it is
            put((False, error))
        finally:
            if close := getattr(items, "close", None):
                close()

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        while True:
            more, item = waiting.get()
            if not more:
                if item is not None:
                    raise item  # type: ignore[misc]
                return
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
