"""Count in a batch what the model cannot use: unseen or respelled categories, missing cells, numbers below zero.

A respelled category is one that training has in another spelling (`65` for `00065`): no new category but a damaged one.

The counts become a file that lambdas/report_data_quality adds up over all instances and judges together with the
model monitor's results.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops_jobs.expected import MISSING, NEGATIVE, RESPELLED, UNSEEN
from mlops_jobs.preprocessor import Preprocessor, texts
from mlops_jobs.spellings import folded

MAX_EXAMPLES = 3
MAX_CHARACTERS = 60  # of an example


class ServingCounts:
    """The counts of a batch, by check and column.

    Args:
        preprocessor: the model's, with the categories that it knows.
    """

    def __init__(self, preprocessor: Preprocessor) -> None:
        self.rows = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self._expected = preprocessor.expected
        self._numeric = [name for name in preprocessor.features if name not in preprocessor.categories]
        self._known = {name: dict.fromkeys(known) for name, known in preprocessor.categories.items()}
        self._non_negative = frozenset(self._expected.non_negative if self._expected else ())
        self._spellings: dict[str, dict[str, str]] = {}
        self._examples: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch of rows, to which the model's own features have been added."""
        self.rows += batch.num_rows
        for name, known in self._known.items():
            self._count_texts(name, known, batch.column(name))
        for name in self._numeric:
            column = batch.column(name)
            if column.null_count:
                self.counts[MISSING, name] += column.null_count
            if name in self._non_negative and (lowest := pc.min(column).as_py()) is not None and lowest < 0:
                self.counts[NEGATIVE, name] += pc.sum(pc.less(column, 0.0)).as_py()

    def as_dict(self) -> dict[str, Any]:
        """The counts for a JSON file.

        Returns:
            rows, the number of checks (what was compared, also where nothing was found), and for each column in which
            something was found: column, check, count, share, expected count, rows and share, examples of what was
            found, and a known category for each: its other spelling, or any. The check for respelled categories counts
            as one only where training has any, for elsewhere chance has no part in it.
        """
        checks = 2 * len(self._known) + len(self._numeric) + len(self._non_negative)
        checks += len(self._expected.respelled) if self._expected else 0
        found = [self._entry(check, name, count) for (check, name), count in sorted(self.counts.items())]
        return {"rows": self.rows, "checks": checks, "counts": found}

    def _count_texts(self, name: str, known: dict[str, None], column: pa.DictionaryArray) -> None:
        names = texts(column.dictionary)
        present = np.bincount(column.indices.to_numpy(), minlength=len(names))
        for text, count in zip(names, present.tolist(), strict=True):
            if not count or text in known:
                continue
            if not text:
                self.counts[MISSING, name] += count
                continue
            other = self._spellings_of(name).get(folded(text))
            place = (UNSEEN if other is None else RESPELLED, name)
            self.counts[place] += count
            if len(self._examples[place]) < MAX_EXAMPLES:
                self._examples[place][text] = next(iter(known), "") if other is None else other

    def _spellings_of(self, name: str) -> dict[str, str]:
        """A known category for each spelling without what a spreadsheet changes."""
        if name not in self._spellings:
            self._spellings[name] = {folded(text): text for text in self._known[name]}
        return self._spellings[name]

    def _entry(self, check: str, name: str, count: int) -> dict[str, Any]:
        entry: dict[str, Any] = {"column": name, "check": check, "count": count, "share": count / self.rows}
        if self._expected:
            expected, rows = self._expected.of(check, name)
            share = expected / rows if rows else None
            entry |= {"expected": expected, "expected_rows": rows, "expected_share": share}
        if check in (UNSEEN, RESPELLED):
            pairs = self._examples[check, name]
            entry["examples"] = [text[:MAX_CHARACTERS] for text in pairs]
            entry["known"] = [text[:MAX_CHARACTERS] for text in pairs.values()]
        return entry
