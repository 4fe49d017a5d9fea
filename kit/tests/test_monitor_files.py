"""What the model monitor is handed reads as what was meant, and a person sees it without what that takes."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_jobs.monitor_files import MARK, marked, monitored, unmarked
from mlops_jobs.monitor_names import escaped, unescaped
from mlops_jobs.outputs import CsvOutput
from mlops_kit.images.monitor_columns import read_columns

NAMES = st.text(st.sampled_from("ab.`*%2A5E60 é"), min_size=1, max_size=8)
TEXTS = st.one_of(
    st.text(st.sampled_from("019.-+eE 'aNn"), max_size=6),
    st.sampled_from(["00060", "60", "1e5", "true", "FALSE", "NaN", "-inf", "2024-01-01", "'quoted'", "R1", "north"]),
)


@given(NAMES)
def test_a_name_has_no_syntax_and_comes_back(name: str) -> None:
    assert not set(escaped(name)) & set(".`*")
    assert unescaped(escaped(name)) == name


@given(NAMES, NAMES)
def test_two_names_stay_two(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) == (one == other)


@pytest.mark.parametrize("name", ["length", "price in $", "share %", "100%", "f(x)"])
def test_most_names_stay_as_they_are(name: str) -> None:
    assert escaped(name) == name


@given(st.lists(TEXTS, min_size=1))
def test_a_category_is_read_as_text_and_comes_back(texts: list[str]) -> None:
    written = marked(pa.array(texts, pa.string())).to_pylist()
    assert [unmarked(text) for text in written] == [text.strip() for text in texts]
    present = [text for text in written if text]
    [column] = read_columns(pa.table({"x": pa.array(present, pa.string())}))
    assert column.type == ("String" if present else "Unknown")
    for text in present:
        with pytest.raises(ValueError, match="could not convert"):
            float(text)


@pytest.mark.parametrize("text", ["M", "north", "A7", "<=50K", "e5"])
def test_most_categories_stay_as_they_are(text: str) -> None:
    assert marked(pa.array([text])).to_pylist() == [text]


def test_the_mark_is_one_character_that_no_number_begins_with() -> None:
    assert len(MARK) == 1
    assert not re.match(r"[-+.\d]", MARK)


SIZES = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.lists(st.one_of(st.none(), SIZES, st.integers(-(10**15), 10**15).map(float)), min_size=1))
def test_a_number_is_read_as_the_same_number_however_large_or_small(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float | None]
) -> None:
    batch = pa.record_batch({"x": pa.array(numbers, pa.float64()), "y": pa.array([1.0] * len(numbers))})
    path: Path = tmp_path_factory.mktemp("numbers") / "rows.csv"
    with CsvOutput(path) as output:
        output.write(batch.slice(0, 0))
        output.write(monitored(batch))
    texts = pa.csv.read_csv(
        path,
        convert_options=pa.csv.ConvertOptions(column_types={"x": pa.string()}, strings_can_be_null=True),
    )
    assert [None if text is None else float(text) for text in texts["x"].to_pylist()] == numbers
    [column] = read_columns(texts.select(["x"]))
    assert column.type in ("Integral", "Fractional", "Unknown")
