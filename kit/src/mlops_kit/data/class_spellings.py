"""Classes that are probably one, written in several ways: True and TRUE, 1 and 1.0, "<=50K" and "<=50K."."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from mlops_jobs.number_text import Notation


def alike(classes: Iterable[str], notation: Notation) -> tuple[str, str] | None:
    """Two classes that are probably one; None where all differ in more than their spelling.

    Args:
        classes: their names.
        notation: how the file writes numbers.
    """
    seen: dict[object, str] = {}
    for name in classes:
        other = seen.setdefault(_meaning(name, notation), name)
        if other != name:
            return other, name
    return None


def _meaning(name: str, notation: Notation) -> object:
    if notation.reads(name):
        return notation.value(name)
    words = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return words.replace("\u2019", "'").strip("\"'").rstrip(".,;: ") or words
