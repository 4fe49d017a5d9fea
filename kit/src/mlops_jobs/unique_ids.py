"""Notice an id that comes twice, in 8 bytes an id however long the ids are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from mlops_jobs.csv_diagnosis import diagnose
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import DataError
from mlops_jobs.row_hashes import text_hashes


class UniqueIds:
    """Remember the ids of many batches by their 64-bit hashes."""

    def __init__(self) -> None:
        self._hashes: list[np.ndarray] = []

    def add(self, hashes: np.ndarray) -> None:
        """Remember the ids of a batch by their hashes; shape (n,), uint64."""
        self._hashes.append(hashes)

    def repeated(self) -> bool:
        """Whether an id came twice (or, at odds of about 1 in a million for 6 million ids, two share a hash)."""
        if not self._hashes:
            return False
        hashes = np.sort(np.concatenate(self._hashes))
        return bool((hashes[1:] == hashes[:-1]).any())


def unique_rows(stream: CsvStream) -> Iterator[pa.RecordBatch]:
    """Pass a file's batches on, and raise DataError at the end where an id came twice."""
    ids = UniqueIds()
    for batch in stream:
        if stream.contract.id:
            ids.add(text_hashes(batch.column(stream.contract.id)))
        yield batch
    if ids.repeated() and (fault := diagnose(stream.path, stream.contract, stream.columns)):
        raise DataError(fault)
