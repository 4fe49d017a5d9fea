"""The CSV stream reads what the contract describes, batch by batch, and names the cell it refuses."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import contract_of, put
from mlops_jobs import csv_stream
from mlops_jobs.contract import parse_contract
from mlops_jobs.csv_diagnosis import diagnose
from mlops_jobs.csv_stream import CsvStream, read_ahead
from mlops_jobs.errors import DataError
from mlops_jobs.unique_ids import unique_rows

FORM = """
dataset: cells
problem_type: PROBLEM
csv: {header: true, delimiter: ",", missing: ["", NA, "-"], decimal: DECIMAL, thousands: THOUSANDS}
columns:
  - {name: name, role: id}
  - {name: size, role: numeric}
  - {name: kind, role: categorical}
  - {name: note, role: ignored}
  - {name: outcome, role: target}
metric: METRIC
threshold: 0.5
"""
NUMBERS = ["1", "-2.5", "+3", " 4 ", "\t5", "1.", ".5", "1e5", "1E-5", "-0", "3e38", "1e-400", '"6"', "1e39", "1e400"]
NEAR_NUMBERS = [
    "1_0",
    "0x1",
    "1,5",
    "1 2",
    "--1",
    "-",
    ".",
    "1e",
    "1d3",
    "\u0661",
    "5\x0b",
    "1\u00a0",
    "'1'",
    "infinite",
]
MISSING = [
    "",
    '""',
    "NA",
    " NA",
    "  ",
    "nan",
    "NaN",
    "NAN",
    "-nan",
    "+nan",
    "nan(1)",
    "null",
    "inf",
    "-Inf",
    "Infinity",
]
WRITTEN_OTHERWISE = [
    *("1.234", '"1,234"', '"1.234,5"', '"1,234.5"', '"1,234,567.25"', "1'234", "1 234", "1\u00a0234", "1\u202f234.5"),
    *('"1,23,456"', '"1,2,3"', '"12,34"', '"0,123"', "0.123", '"1234,567"', '",5"', '"5,"', '"-1.234,0e2"'),
    *(
        "1.234.567",
        "1''234",
        "$1",
        "5%",
        "(3)",
        "1\u2019234",
        '"1,234 "',
        "   ",
        " " * 64,
        " " * 65,
        "\t\t",
        " \t",
        "   -",
    ),
]
MARKS = [(".", "null"), (",", "null"), (".", "','"), (",", "'.'"), (".", '"\'"'), (",", "' '"), (".", "' '")]
TEXTS = ["a", "b", " a ", '"a, b"', '"a ""b"""', 'a"b', "\u00e9", "\u4e2d", "a,b"]
METRIC_OF = {"regression": "rmse", "multiclass": "accuracy"}
ODD = [*NUMBERS, *NEAR_NUMBERS, *MISSING, *WRITTEN_OTHERWISE, *TEXTS]


@st.composite
def lines_of_cells(draw):
    """Lines of a file: good rows, most of them with an odd cell somewhere, some with a cell too few or too many."""
    lines = []
    for number in range(draw(st.integers(1, 3))):
        cells = [f"row {number}", "1", "x", "-", "1"]
        cells[draw(st.integers(0, 4))] = draw(st.sampled_from(ODD))
        lines.append(",".join(draw(st.sampled_from([cells] * 9 + [cells[1:], [*cells, "1"], [], [" "]]))))
    return lines


def contract_for(problem, marks=MARKS[0]):
    form = FORM.replace("PROBLEM", problem).replace("METRIC", METRIC_OF[problem])
    return parse_contract(form.replace("DECIMAL", f"'{marks[0]}'").replace("THOUSANDS", marks[1]))


def check_that_the_two_readings_agree(path, problem, lines, marks=MARKS[0]):
    contract = contract_for(problem, marks)
    columns = contract.file_columns(labelled=True)
    lines = [",".join(columns), "first,1,x,-,1", *lines]
    put(path, "\n".join(lines) + "\n")
    fault = diagnose(path, contract, columns)
    if fault is None:
        accepted = sum(batch.num_rows for batch in unique_rows(CsvStream(path, contract, columns)))
        assert accepted == sum(bool(line) for line in lines) - 1
    else:
        with pytest.raises(DataError) as refused:
            list(unique_rows(CsvStream(path, contract, columns)))
        assert str(refused.value) == fault
        assert fault.startswith(f"{path}: row ")


@settings(max_examples=100)
@given(lines=lines_of_cells(), problem=st.sampled_from(sorted(METRIC_OF)), marks=st.sampled_from(MARKS))
def test_what_the_fast_reader_refuses_the_diagnosis_names_and_what_it_accepts_is_not_faulted(
    tmp_path, lines, problem, marks
):
    check_that_the_two_readings_agree(tmp_path / "rows.csv", problem, lines, marks)


@pytest.mark.parametrize("marks", MARKS)
def test_the_two_readings_agree_on_what_a_number_is(tmp_path, marks):
    for cell in ODD:
        check_that_the_two_readings_agree(tmp_path / "rows.csv", "regression", [f"second,{cell},x,-,1"], marks)


@pytest.mark.parametrize(
    ("cell", "marks", "value"),
    [
        ('"1,5"', (",", "null"), 1.5),
        ('"1.234,5"', (",", "'.'"), 1234.5),
        ('"-1,234,567.25"', (".", "','"), -1234567.25),
        ('"1,23,456"', (".", "','"), 123456.0),
        ("1'234.5", (".", '"\'"'), 1234.5),
        ('"1\u202f234,5"', (",", "' '"), 1234.5),
        ('" 1 234 "', (",", "' '"), 1234.0),
        ("-  ", (".", "null"), None),
        ("    ", (".", "null"), None),
        ("    ", (",", "'.'"), None),
    ],
)
def test_numbers_are_read_in_the_notation_of_the_contract(tmp_path, cell, marks, value):
    contract = contract_for("multiclass", marks)
    path = put(tmp_path / "rows.csv", f"name,size,kind,note,outcome\na,{cell},x,-,b\n")
    [batch] = CsvStream(path, contract, contract.file_columns(labelled=True))
    assert batch.column("size").to_pylist() == [value]


REMEDIES = {
    "a decimal comma": ('"1,5"', (".", "null"), "set csv.decimal to ',' in the contract if all numbers of the files"),
    "thousands commas": ('"1,234.5"', (".", "null"), "set csv.thousands to ',' in the contract if all numbers"),
    "both": ('"1.234,5"', (".", "null"), "set csv.decimal to ',' and csv.thousands to '.' in the contract"),
    "a plain number": (
        "478.12",
        (",", "'.'"),
        "'478.12' is not a number; it fits decimal '.', no thousands, and the contract says decimal ',' and thousands "
        "'.': write the numbers of all files alike, those to train with and those to predict. Correct this file, or "
        "set csv.decimal to '.' and csv.thousands to null in the contract if all numbers of the files are written so",
    ),
    "a dot beside decimal commas": ("478.12", (",", "null"), "set csv.decimal to '.' in the contract if all numbers"),
    "a currency": ("$15", (".", "null"), "remove the '$' from the column"),
    "a header": ("size", (".", "null"), "the row is a header: remove it"),
    "a word": ("many", (".", "null"), "correct it, or add it to csv.missing if it stands for an empty cell"),
}


@pytest.mark.parametrize("kind", REMEDIES)
def test_a_cell_that_is_no_number_is_named_with_the_remedy_of_its_kind(tmp_path, kind):
    cell, marks, remedy = REMEDIES[kind]
    contract = contract_for("multiclass", marks)
    path = put(tmp_path / "rows.csv", f"name,size,kind,note,outcome\na,{cell},x,-,b\n")
    with pytest.raises(DataError) as refused:
        list(CsvStream(path, contract, contract.file_columns(labelled=True)))
    assert "rows.csv: row 1 (line 2), column 'size': " in str(refused.value)
    assert remedy in str(refused.value)


@pytest.mark.parametrize("label", ["NA", " NA ", "-", "", "  "])
def test_a_class_that_stands_for_a_missing_cell_is_refused_with_its_place(tmp_path, label):
    contract = contract_for("multiclass")
    path = put(tmp_path / "rows.csv", f"name,size,kind,note,outcome\na,1,x,-,b\nc,1,x,-,{label}\n")
    with pytest.raises(DataError, match=r"rows\.csv: row 2 \(line 3\), column 'outcome': the target is missing"):
        list(CsvStream(path, contract, contract.file_columns(labelled=True)))


@given(cells=st.lists(st.sampled_from(["1", "", '""', "NA", " 2"]), min_size=1, max_size=6))
def test_in_a_file_of_one_column_every_line_is_a_row(tmp_path, cells):
    contract = contract_of("churn")
    path = put(tmp_path / "rows.csv", "0\n" + "".join(f"{cell}\n" for cell in cells))
    fault = diagnose(path, contract, ("calls",))
    if fault is None:
        rows = [row for batch in CsvStream(path, contract, ("calls",)) for row in batch.column(0).to_pylist()]
        assert rows == [0.0] + [float(cell) if cell.strip('"') else None for cell in cells]
    else:
        assert "NA" in fault


def test_blocks_of_a_large_file_come_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 64)
    contract = contract_of("churn")
    path = put(tmp_path / "rows.csv", "".join(f"{number}\n" for number in range(500)))
    batches = list(CsvStream(path, contract, ("calls",)))
    assert len(batches) > 5
    assert [value for batch in batches for value in batch.column(0).to_pylist()] == list(range(500))


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_a_cell_that_spans_lines_is_named(tmp_path, place, line_break):
    cells = ["first", "1", "x", "-", "1"]
    cells[place] = f'"{cells[place]}{line_break}"'
    check_that_the_two_readings_agree(tmp_path / "rows.csv", "multiclass", [",".join(cells).replace("first", "second")])


def test_a_cell_that_spans_lines_where_a_block_ends_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 32)
    contract = contract_of("sizes")
    rows = "".join(f's{number},"wool\n{number}",slim\n' for number in range(20))
    path = put(tmp_path / "rows.csv", "shirt,fabric,cut\n" + rows)
    with pytest.raises(DataError, match=r"row 1 \(line 3\), column 'fabric': the cell spans several lines; remove"):
        list(CsvStream(path, contract, contract.file_columns(labelled=False)))


def test_reading_ahead_keeps_order_and_runs_in_a_thread_of_its_own():
    threads = set()

    def items():
        for number in range(20):
            threads.add(threading.get_ident())
            yield number

    assert list(read_ahead(items())) == list(range(20))
    assert threads.isdisjoint({threading.get_ident()})


def test_an_error_while_reading_ahead_reaches_the_reader_after_the_items_before_it():
    def items():
        yield 1
        raise DataError("row 2 is bad")

    stream = read_ahead(items())
    assert next(stream) == 1
    with pytest.raises(DataError, match="row 2 is bad"):
        next(stream)


def test_reading_ahead_ends_when_the_reader_stops_early():
    made = []
    before = set(threading.enumerate())

    def items():
        for number in range(1000):
            made.append(number)
            yield number

    stream = read_ahead(items())
    assert next(stream) == 0
    [thread] = set(threading.enumerate()) - before
    stream.close()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert len(made) < 10


# Rows of column names

TEXTS_ONLY = """
dataset: cells
problem_type: multiclass
csv: {header: HEADER, delimiter: ",", missing: [""]}
columns:
  - {name: name, role: id}
  - {name: kind, role: categorical}
  - {name: place, role: categorical}
  - {name: outcome, role: target}
metric: accuracy
threshold: 0.5
"""


def texts_only(header):
    return parse_contract(TEXTS_ONLY.replace("HEADER", header))


@pytest.mark.parametrize("first", ["name,kind,place,outcome", "outcome, name ,place,kind", "name,name,name,name"])
def test_a_header_line_is_refused_where_the_contract_says_that_there_is_none(tmp_path, first):
    contract = texts_only("false")
    path = put(tmp_path / "rows.csv", f"{first}\nr1,a,b,yes\n")
    with pytest.raises(DataError, match=r"row 1 holds column names .* remove the row, or set csv.header to true"):
        CsvStream(path, contract, contract.file_columns(labelled=True))


@pytest.mark.parametrize("header", ["true", "false"])
@pytest.mark.parametrize("row", [1, 2, 3000])
def test_a_header_line_between_the_rows_is_refused_though_every_cell_could_be_a_text(tmp_path, header, row):
    contract = texts_only(header)
    rows = [f"r{number},a,b,yes" for number in range(5000)]
    rows.insert(row, " name ,kind,place,outcome")
    head = ["name,kind,place,outcome"] if header == "true" else []
    path = put(tmp_path / "rows.csv", "\n".join([*head, *rows]) + "\n")
    with pytest.raises(DataError, match=rf"row {row + 1} \(line \d+\): repeats the column names; remove the row"):
        list(CsvStream(path, contract, contract.file_columns(labelled=True)))


def test_a_category_may_have_the_name_of_its_column(tmp_path):
    contract = texts_only("true")
    path = put(tmp_path / "rows.csv", "name,kind,place,outcome\nr1,kind,place,yes\nr2,kind,b,outcome\n")
    assert sum(batch.num_rows for batch in CsvStream(path, contract, contract.file_columns(labelled=True))) == 2


def test_a_row_that_holds_the_names_of_the_columns_that_are_read_is_a_row_if_another_cell_differs(tmp_path):
    contract = texts_only("true")
    path = put(tmp_path / "rows.csv", "name,kind,place,outcome\nr1,a,b,yes\nr2,kind,b,outcome\n")
    stream = CsvStream(path, contract, contract.file_columns(labelled=True), read=("kind", "outcome"))
    assert [row for batch in stream for row in batch.column("kind").to_pylist()] == ["a", "kind"]
