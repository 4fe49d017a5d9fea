"""The choice of the service for a request: moto lists its folder of services, and looks at each entry, every time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from moto import backends

from mlops_kit.local_cloud.patches.patch import patch


@contextmanager
def patch_service_list() -> Iterator[None]:
    """Within this block moto reads the list of its services once: its installation does not change meanwhile."""
    with patch(backends, "list_of_moto_modules", _cached):
        yield


def _cached(original: Callable[[], Iterable[str]]) -> Callable[[], Iterable[str]]:
    return cache(lambda: tuple(original()))
