"""Replace several files together, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PREVIOUS = ".previous"


def replace_together(made: Mapping[Path, Path]) -> None:
    """Give files their final names; where one cannot get it, all that had those names before are there again.

    Args:
        made: by final name, the complete files.

    Raises:
        OSError: a file could not be renamed.
    """
    kept: dict[Path, Path] = {}
    placed: list[Path] = []
    try:
        for final in made:
            if final.exists():
                kept[final] = final.replace(final.with_name(final.name + PREVIOUS))
        for final, path in made.items():
            path.replace(final)
            placed.append(final)
    except BaseException:
        for final in placed:
            final.unlink()
        for final, previous in kept.items():
            previous.replace(final)
        raise
    for previous in kept.values():
        previous.unlink()


@contextmanager
def changed_together() -> Iterator[dict[Path, Path]]:
    """Collect complete files by final name, and replace these at the end; an error removes the new ones."""
    made: dict[Path, Path] = {}
    try:
        yield made
        replace_together(made)
    finally:
        for path in made.values():
            path.unlink(missing_ok=True)
