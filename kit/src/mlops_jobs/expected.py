"""What healthy rows look like to a model: counted in the labelled rows when its preprocessor was fitted.

What a batch holds is compared with it: a category that training never saw becomes "missing" to the model, whose
predictions go on looking plausible. How many such cells are normal, only rows outside the training split can show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mlops_jobs.chance import chance

MISSING, UNSEEN, RESPELLED, NEGATIVE = "missing", "unseen", "respelled", "negative"
DIFFERENT = 0.05  # the probability below which the validation split differs from the training split by more than chance


@dataclass(frozen=True)
class Expected:
    """Counts of the labelled rows, by column.

    Attributes:
        rows: all labelled rows, in which missing cells were counted.
        missing: missing cells of each feature that has any.
        unseen: for each categorical feature, cells with a category that the training split lacks, and the rows in which
            they were counted; see `normally_unseen`. Those that are respelled are left out.
        non_negative: the numeric features without a negative number.
        respelled: the same of cells whose category the training split has in another spelling, for each categorical
            feature that has any.
    """

    rows: int
    missing: Mapping[str, int]
    unseen: Mapping[str, tuple[int, int]]
    non_negative: tuple[str, ...]
    respelled: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, check: str, column: str) -> tuple[int, int]:
        """The expected count of a check, such as MISSING, and the rows in which it was counted."""
        if check == UNSEEN:
            return self.unseen[column]
        if check == RESPELLED:
            return self.respelled.get(column, (0, self.rows))
        return (self.missing.get(column, 0) if check == MISSING else 0), self.rows

    def as_dict(self) -> dict[str, Any]:
        """The counts as JSON holds them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Expected:
        """Read what `as_dict` wrote; raises KeyError, TypeError or ValueError where it is something else."""
        unseen, respelled = _pairs(raw["unseen"]), _pairs(raw.get("respelled", {}))
        return cls(int(raw["rows"]), dict(raw["missing"]), unseen, tuple(raw["non_negative"]), respelled)


def _pairs(raw: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    return {name: (int(count), int(rows)) for name, (count, rows) in raw.items()}


def normally_unseen(unseen: int, validation_rows: int, single: int, training_rows: int) -> tuple[int, int]:
    """How many cells of healthy rows hold a category that the model was not trained on, and of how many.

    The validation split shows it, but it is small. In the training split, the rows whose category occurs once would be
    unseen if left out of it: their share estimates the same (Good and Turing), from more rows. Where the validation
    split has more than chance explains, as after a split by time or by group, it counts alone.

    Args:
        unseen: cells of the validation split with a category that the training split lacks.
        validation_rows: its rows.
        single: categories that occur once in the training split.
        training_rows: its rows.
    """
    if chance(unseen, validation_rows, single, training_rows) < DIFFERENT:
        return unseen, validation_rows
    return unseen + single, validation_rows + training_rows
