"""Lines of CSV are the bytes that pyarrow's own writer writes, whichever of the two makes them."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_jobs import csv_text
from mlops_jobs.csv_text import CsvText
from mlops_jobs.outputs import CsvOutput

DECIMALS = st.integers(0, 6).flatmap(lambda places: st.integers(-200_000, 200_000).map(lambda n: n / 10**places))
ODD = st.sampled_from([0.0, -0.0, 0.1 + 0.2, 1e-10, 1e22, 1e300, float("nan"), float("inf"), 99_999.0, -9.9999, 1e5])
NUMBERS = st.none() | st.floats() | DECIMALS | ODD
TEXTS = st.text('AB "",\n\u00e9\u4e2d\0', max_size=12) | st.sampled_from(["x" * 80, "", "nan"])


@pytest.fixture(autouse=True)
def any_number_of_rows_is_worth_a_table(monkeypatch):
    monkeypatch.setattr(csv_text, "MIN_ROWS", 1)


def written(path, batches):
    with CsvOutput(path) as output:
        for batch in batches:
            output.write(batch)
    return path.read_bytes()


def written_by_pyarrow(path, batches):
    with pa.csv.CSVWriter(path, batches[0].schema) as writer:
        for batch in batches:
            writer.write(batch)
    return path.read_bytes()


def a_list(values):
    return st.lists(values, min_size=4, max_size=4)


@given(
    numbers=a_list(NUMBERS), decimals=a_list(DECIMALS), texts=a_list(TEXTS), kinds=a_list(TEXTS), cut=st.integers(0, 4)
)
def test_lines_are_those_of_pyarrows_writer(tmp_path, numbers, decimals, texts, kinds, cut):
    columns = {
        "id": pa.array(texts, pa.string()),
        "a number": pa.array(numbers, pa.float64()),
        'kind "k"': pa.array(kinds, pa.string()).dictionary_encode(),
        "float32": pa.array(decimals, pa.float32()),
        "count": pa.array(range(4)),
        "decimals": pa.array(decimals, pa.float64()),
    }
    batch = pa.record_batch(columns)
    batches = [batch.slice(0, cut), batch.slice(cut)]
    assert written(tmp_path / "ours.csv", batches) == written_by_pyarrow(tmp_path / "pyarrows.csv", batches)


@pytest.mark.parametrize("decimals", range(csv_text.MAX_DECIMALS + 1))
def test_every_number_of_a_table_has_the_text_that_pyarrow_gives_it(tmp_path, decimals):
    numbers = np.arange(-csv_text.MAX_ENTRY, csv_text.MAX_ENTRY + 1) / 10**decimals
    mask = np.arange(len(numbers)) % 7 == 0
    batch = pa.record_batch({"first": pa.array(numbers, mask=mask), "last": pa.array(numbers)})
    assert CsvText(batch.schema).lines(batch) is not None
    assert written(tmp_path / "ours.csv", [batch]) == written_by_pyarrow(tmp_path / "pyarrows.csv", [batch])


def test_a_column_of_numbers_alone_keeps_the_empty_lines_of_missing_cells(tmp_path):
    batch = pa.record_batch({"only": pa.array([1.5, None, 2.0])})
    assert written(tmp_path / "rows.csv", [batch]) == b'"only"\n1.5\n\n2\n'


def test_rows_without_numbers_of_few_decimals_are_left_to_pyarrow():
    batch = pa.record_batch({"text": pa.array(["long " * 20])})
    assert CsvText(batch.schema).lines(batch) is None
