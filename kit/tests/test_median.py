"""The streaming median is that of all values, at a fraction of the memory."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_jobs.median import StreamingMedian

float_lists = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=60)


def streamed_median(batches):
    median = StreamingMedian()
    for batch in batches:
        median.count(batch)
    for batch in reversed(batches):
        median.refine(batch)
    return median.result()


@given(values=float_lists, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_the_streamed_median_is_numpys_however_batched(values, cuts):
    array = np.array(values, dtype=np.float32)
    batches = np.split(array, sorted(cut for cut in cuts if cut <= len(array)))
    assert streamed_median(batches) == np.median(array.astype(np.float64))


@settings(max_examples=20)
@given(repeats=st.lists(st.tuples(st.sampled_from([-1.5, 0.0, 1.0, 1.0000001]), st.integers(1, 9)), min_size=1))
def test_values_that_repeat_or_nearly_do_have_their_exact_median(repeats):
    array = np.array([value for value, times in repeats for _ in range(times)], dtype=np.float32)
    assert streamed_median([array]) == np.median(array.astype(np.float64))


def test_no_values_have_no_median():
    assert streamed_median([np.array([], dtype=np.float32)]) is None
