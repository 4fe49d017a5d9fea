"""Replace an attribute of an object temporarily."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def patch(owner: Any, name: str, replacement: Callable[[Any], Any]) -> Iterator[None]:
    """Within this block `owner.name` is what `replacement` returns for the original."""
    original = getattr(owner, name)
    setattr(owner, name, replacement(original))
    try:
        yield
    finally:
        setattr(owner, name, original)
