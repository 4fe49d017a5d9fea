"""Notice an id that comes twice, in 8 bytes an id however long the ids are."""

import numpy as np
import pyarrow as pa
from pandas.util import hash_array


class UniqueIds:
    """Remember the ids of many batches by their 64-bit hashes."""

    def __init__(self) -> None:
        self._hashes: list[np.ndarray] = []

    def add(self, ids: pa.Array) -> None:
        """Remember the ids of a batch."""
        self._hashes.append(hash_array(ids.to_numpy(zero_copy_only=False), categorize=False))

    def repeated(self) -> bool:
        """Whether an id came twice (or, at odds of about 1 in a million for 6 million ids, two share a hash)."""
        if not self._hashes:
            return False
        hashes = np.sort(np.concatenate(self._hashes))
        return bool((hashes[1:] == hashes[:-1]).any())
