"""Dates and truth values: which cells are read, as what, and what a model gets of them."""

import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import put
from mlops_jobs.contract import parse_contract
from mlops_jobs.csv_diagnosis import diagnose
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.datetime_format import PARTS, broken_format
from mlops_jobs.datetimes import TimeForm, parts_of
from mlops_jobs.errors import DataError
from mlops_jobs.typed_columns import typed

CONTRACT = parse_contract(
    """
dataset: sales
problem_type: regression
csv: {header: true, delimiter: ",", missing: ["", "NA"]}
columns:
  - {name: sold, role: datetime, format: "%d/%m/%Y", parts: [year, month, day]}
  - {name: seen, role: datetime, parts: [days, hour]}
  - {name: paid, role: boolean}
  - {name: price, role: target}
metric: rmse
threshold: 1
"""
)
FORMATS = ["%Y-%m-%d", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d %b %Y", "%B %d, %Y", "%Y%m%dT%H%M%S", "%d/%m/%y"]
instants = st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31))


def read(form: str | None, *texts: str | None) -> list[datetime | None]:
    found: list[datetime | None] = TimeForm(form).read(pa.array(texts)).to_pylist()
    return found


@given(form=st.sampled_from(FORMATS), time=instants)
def test_what_strftime_writes_is_read_as_strptime_reads_it(form: str, time: datetime) -> None:
    text = time.strftime(form)
    assert read(form, text, text.lower(), None) == [datetime.strptime(text, form), datetime.strptime(text, form), None]


@given(time=instants, minutes=st.integers(-14 * 60, 14 * 60), colon=st.booleans())
def test_a_time_with_a_zone_is_the_same_instant_in_utc(time: datetime, minutes: int, colon: bool) -> None:
    zoned = time.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    iso, instant = zoned.isoformat(), zoned.astimezone(UTC).replace(tzinfo=None)
    assert read(None, iso if colon else iso[:-3] + iso[-2:]) == [instant]
    assert read("%Y-%m-%d %H:%M:%S %z", zoned.strftime("%Y-%m-%d %H:%M:%S %z")) == [instant]


def test_times_with_and_without_a_zone_are_read_in_one_column_row_by_row() -> None:
    texts = ["2024-01-31", "2024-01-31T01:00:00+01:00", "2024-01-31 00:00:00Z", "2024-01-31T00:00", None]
    assert read(None, *texts) == [datetime(2024, 1, 31)] * 4 + [None]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d.%m.%Y", "31.02.2024"),
        ("%d.%m.%Y", "1.13.2024"),
        ("%d.%m.%Y", "2024-01-31"),
        ("%d.%m.%Y", "1.2.24"),
        ("%d.%m.%Y", "1.2.2024 10:00"),
        ("%I:%M %p %Y", "13:00 am 2024"),
        ("%I:%M %p %Y", "0:00 am 2024"),
        ("%H:%M %Y", "24:00 2024"),
        ("%b %Y", "Mai 2024"),
        (None, "31.1.2024"),
        (None, "2024-02-30"),
        (None, "12"),
    ],
)
def test_a_date_of_another_form_or_of_no_calendar_is_not_read(form: str | None, text: str) -> None:
    assert broken_format(form or "%Y") is None
    assert not TimeForm(form).reads(text)


def test_parts_are_numbers_in_utc_and_missing_where_the_date_is() -> None:
    time = pa.array([datetime(2024, 2, 29, 18, 30), None], pa.timestamp("us"))  # a Thursday
    found = dict(zip(PARTS, (part.to_pylist() for part in parts_of(time, tuple(PARTS))), strict=True))
    days = (datetime(2024, 2, 29) - datetime(1970, 1, 1)).days + 18.5 / 24
    expected = {"days": days, "year": 2024, "quarter": 1, "month": 2, "week": 9, "day": 29, "yearday": 60}
    expected |= {"weekday": 3, "hour": 18, "minute": 30}
    assert found == {name: [value, None] for name, value in expected.items()}


def test_a_batch_gets_the_values_of_its_texts(tmp_path: Path) -> None:
    rows = "31/1/2024,2024-01-31T12:00:00Z,Yes,1\nNA,, F ,2\n , nan ,NA,3\n"
    path = put(tmp_path / "rows.csv", "sold,seen,paid,price\n" + rows)
    [batch] = CsvStream(path, CONTRACT, CONTRACT.file_columns(labelled=True))
    assert batch.column("paid").to_pylist() == ["Yes", "F", ""]
    values = typed(batch, CONTRACT)
    assert CONTRACT.features == ("sold.year", "sold.month", "sold.day", "seen.days", "seen.hour", "paid")
    found = [[values.column(name)[row].as_py() for name in CONTRACT.features] for row in range(3)]
    assert found == [[2024, 1, 31, 19753.5, 12, 1], [None] * 5 + [0], [None] * 6]
    assert values.column("sold").to_pylist() == [datetime(2024, 1, 31), None, None]


CELLS = {
    "sold": [
        "1/2/2024",
        "01/02/2024",
        "31/02/2024",
        "2024-01-31",
        " ",
        "NA",
        " 1/2/2024 ",
        "NaN",
        "null",
        "\u0661/2/2024",
    ],
    "seen": ["2024-01-31", "2024-01-31 10:00Z", "2024-01-31T10:00:00.123456789", "2024-1-31", "2024", "x", "", "1e3"],
    "paid": ["true", "NO", "t", "1", "0.0", "2", "", " yes ", "on", "NA", "-", "\u0131"],
}


@settings(max_examples=100)
@given(rows=st.lists(st.tuples(*map(st.sampled_from, CELLS.values())), min_size=1, max_size=3))
def test_what_the_fast_reader_refuses_the_diagnosis_names(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    lines = ["sold,seen,paid,price", "1/1/2020,2020-01-01,yes,1", *(",".join([*row, "1"]) for row in rows)]
    path, columns = put(tmp_path / "rows.csv", "\n".join(lines) + "\n"), CONTRACT.file_columns(labelled=True)
    if fault := diagnose(path, CONTRACT, columns):
        with pytest.raises(DataError) as refused:
            list(CsvStream(path, CONTRACT, columns))
        assert str(refused.value) == fault
    else:
        assert sum(batch.num_rows for batch in CsvStream(path, CONTRACT, columns)) == len(rows) + 1


@given(times=st.lists(st.none() | instants, min_size=1, max_size=9))
def test_the_parts_of_a_row_are_those_that_it_has_alone(times: list[datetime | None]) -> None:
    parts = parts_of(pa.array(times, pa.timestamp("us")), tuple(PARTS))
    alone = [parts_of(pa.array([time], pa.timestamp("us")), tuple(PARTS)) for time in times]
    together = [[part[row].as_py() for part in parts] for row in range(len(times))]
    assert together == [[part[0].as_py() for part in row] for row in alone]
    assert all(value is None or math.isfinite(value) for row in together for value in row)
