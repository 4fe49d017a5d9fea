"""Classes that are probably one, written in several ways: True and TRUE, 1 and 1.0, "<=50K" and "<=50K."."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from mlops_jobs.number_text import PLAIN


def alike(classes: Iterable[str]) -> tuple[str, str] | None:
    """Two classes that are probably one; None where all differ in more than their spelling."""
    seen: dict[object, str] = {}
    for name in classes:
        other = seen.setdefault(_meaning(name), name)
        if other != name:
            return other, name
    return None


def _meaning(name: str) -> object:
    if PLAIN.reads(name):
        return float(name)
    words = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return words.replace("\u2019", "'").strip("\"'").rstrip(".,;: ") or words
