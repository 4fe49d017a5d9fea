"""Which texts stand for a missing cell, by the contract."""

from __future__ import annotations

from functools import lru_cache

from mlops_jobs.contract import Contract
from mlops_jobs.number_text import BLANKS

NOT_A_NUMBER = ("nan", "NaN")  # empty cells of numbers, dates and truth values, whatever the contract lists
PADDING = 2  # blanks on either side of a mark for a missing cell; a reader that is told every text stays fast
WIDEST_BLANK = 64


@lru_cache
def missing_texts(contract: Contract) -> frozenset[str]:
    """All texts of a cell that is missing: the contract's marks, padded or not, and cells of blanks only."""
    blanks = [" " * width for width in range(PADDING + 1)]
    marks = [mark for mark in (*contract.missing, *NOT_A_NUMBER) if mark.strip()]
    texts = {f"{left}{mark}{right}" for mark in marks for left in blanks for right in blanks}
    if any(not mark.strip() for mark in contract.missing):
        texts |= {mark * width for mark in BLANKS for width in range(WIDEST_BLANK + 1)}
    return frozenset(texts | set(contract.missing))


@lru_cache
def missing_classes(contract: Contract) -> frozenset[str]:
    """The texts that stand for a missing class, without blanks around them."""
    return frozenset({"", *(mark.strip() for mark in contract.missing)})


def is_missing_class(contract: Contract, text: str) -> bool:
    """Whether a class label is one of the contract's marks for a missing cell, or blank."""
    return text.strip() in missing_classes(contract)
