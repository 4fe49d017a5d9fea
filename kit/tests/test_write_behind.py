"""Files are written in a thread of their own, whose errors reach the job, and which ends with it."""

import threading

import pytest

from mlops_jobs.errors import DataError
from mlops_jobs.write_behind import WriteBehind


def write_all(numbers, write):
    with WriteBehind(write) as writing:
        for number in numbers:
            writing.put(number)


def test_all_items_are_written_in_order_by_a_thread_that_has_ended_behind_the_block():
    before, written, writers = set(threading.enumerate()), [], set()

    def write(item):
        written.append(item)
        writers.add(threading.get_ident())

    write_all(range(100), write)
    assert written == list(range(100))
    assert writers.isdisjoint({threading.get_ident()})
    assert set(threading.enumerate()) == before


def test_an_error_in_writing_ends_the_block_and_nothing_is_written_after_it():
    written = []

    def write(item):
        if item == 3:
            raise DataError("the disk is full")
        written.append(item)

    with pytest.raises(DataError, match="the disk is full"):
        write_all(range(100), write)
    assert written == [0, 1, 2]


def test_an_error_in_the_last_item_is_not_lost():
    def write(item):
        raise DataError(f"{item} cannot be written")

    with pytest.raises(DataError, match="1 cannot be written"):
        write_all([1], write)


def test_an_error_in_the_block_is_raised_and_the_thread_ends():
    def numbers():
        yield 1
        raise DataError("row 2 is bad")

    before = set(threading.enumerate())
    with pytest.raises(DataError, match="row 2 is bad"):
        write_all(numbers(), lambda number: None)
    assert set(threading.enumerate()) == before
