"""Your own features: columns computed from the raw columns of a row.

Declare each new column in config/dataset.yaml with `source: features`, and each raw column that only this file reads
with `role: input`. docs/data-contract.md shows an example with ratios, logarithms and dates.
"""

from __future__ import annotations

import pandas as pd


def add_features(batch: pd.DataFrame) -> pd.DataFrame:
    """Compute the new columns of some rows.

    Args:
        batch: the raw columns, but neither target nor id: numbers and truth values as floats (NaN for missing), dates
            as datetime64 (NaT for missing), the others as text.

    Returns:
        exactly the columns with `source: features`, one row for each row of the batch, in the same order. A row must
        depend on its own cells only, since batches differ between training and serving.
    """
    return pd.DataFrame(index=batch.index)
