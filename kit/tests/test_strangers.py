"""Files of many origins: each is read rightly, or refused with a sentence that names what it is and what to do.

The files are small ones of kinds that teams brought; `mlops data FILE --target COLUMN --accept` is what they typed.
"""

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import contract_of, files_in, put
from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import UserError
from mlops_kit.cli import main as command
from mlops_kit.data.file_form import find_form
from mlops_kit.data.source_formats import open_source

FILES = ("training-data.csv", "inference-data.csv", "ground-truth.csv")
TABLE = [[f"{row}", "uvw"[row % 3], f"{row * 1.5}"] for row in range(60)]
NAMES = ["a", "b", "y"]


def table(names: list[str] | None = NAMES, rows: list[list[str]] = TABLE, mark: str = ",", end: str = "\n") -> str:
    """A file of the table, or of other rows."""
    lines = [names, *rows] if names else rows
    return "".join(mark.join(cells) + end for cells in lines)


def column(name: str, cells: list[str]) -> str:
    """A file with a column of these cells, over and over, another column, and a target of numbers."""
    lines = [f"a,{name},y\n"]
    for row in range(100):
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerow([row, cells[row % len(cells)], row * 1.5])
        lines.append(file.getvalue())
    return "".join(lines)


def classes(labels: list[str]) -> str:
    """A file with a target of these classes, over and over."""
    return "x,y\n" + "".join(f"{row},{labels[row % len(labels)]}\n" for row in range(100))


def imported(folder: Path, content: str | bytes, *more: str, target: str = "y") -> Contract:
    """Import a file, and return the contract it led to."""
    path = put(folder / "own.csv", content)
    put(folder / "dataset.yaml", contract_of("prices").to_yaml())
    for file in FILES:
        put(folder / "data" / file, "as it was\n")
    places = ["--contract", str(folder / "dataset.yaml"), "--data", str(folder / "data")]
    command.main(["data", str(path), "--target", target, "--accept", *places, *more])
    return load_contract(folder / "dataset.yaml")


def rows_read(contract: Contract, folder: Path) -> list[dict[str, Any]]:
    """All labelled rows as the jobs read them, the ones to predict joined with their labels, in order of the target."""
    training = CsvStream(folder / "training-data.csv", contract, contract.file_columns(labelled=True))
    predicted = CsvStream(folder / "inference-data.csv", contract, contract.file_columns(labelled=False))
    labels = CsvStream(folder / "ground-truth.csv", contract, contract.label_columns)
    rows = pa.Table.from_batches(list(training)).to_pylist()
    for row, label in zip(
        pa.Table.from_batches(list(predicted)).to_pylist(), pa.Table.from_batches(list(labels)).to_pylist(), strict=True
    ):
        rows.append(row | label)
    return sorted(rows, key=lambda row: row[contract.target])


PARQUET = io.BytesIO()
pq.write_table(pa.table({name: [row[place] for row in TABLE] for place, name in enumerate(NAMES)}), PARQUET)
JSON_LINES = "".join(json.dumps({"a": int(a), "b": b, "y": float(y)}) + "\n" for a, b, y in TABLE)

# The same table in many forms: whatever the form, the jobs read the same rows.
FORMS: dict[str, str | bytes] = {
    "commas": table(),
    "semicolons": table(mark=";"),
    "tabs": table(mark="\t"),
    "bars": table(mark="|"),
    "single blanks": table(mark=" "),
    "carriage returns": table(end="\r"),
    "Windows line ends": table(end="\r\n"),
    "a byte order mark": b"\xef\xbb\xbf" + table().encode(),
    "all cells in quotes": table(names=['"a"', '"b"', '"y"'], rows=[[f'"{c}"' for c in row] for row in TABLE]),
    "sep=; above": "sep=;\n" + table(mark=";"),
    "sep=tab above, with carriage returns": "sep=\t\r" + table(mark="\t", end="\r"),
    "a comment above": "# exported by a tool, 2024\n" + table(),
    "two comments above": "# exported\n# by a tool\n" + table(),
    "delimiters at the ends of all lines": table(mark=",", end=",\n"),
    "a delimiter at the end of the header": table(names=["a", "b", "y", ""]),
    "delimiters at the ends of the rows": "a,b,y\n" + table(names=None, end=",\n"),
    "two delimiters at the ends of all lines": table(mark=";", end=";;\n"),
    "gzip": gzip.compress(table(mark=";").encode()),
    "Parquet": PARQUET.getvalue(),
    "gzip of Parquet": gzip.compress(PARQUET.getvalue()),
    "JSON lines": JSON_LINES,
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_rows_are_read_in_every_form(tmp_path: Path, form: str) -> None:
    contract = imported(tmp_path, FORMS[form])
    assert {column.name: column.role for column in contract.columns} == {
        "a": "numeric",
        "b": "categorical",
        "y": "target",
    }
    rows = rows_read(contract, tmp_path / "data")
    assert [[row["a"], row["b"], row["y"]] for row in rows] == [[float(a), b, float(y)] for a, b, y in TABLE]


@pytest.mark.parametrize("kind", ["gzip", "Parquet", "JSON lines", "sep=; above", "a comment above"])
def test_a_file_of_another_form_that_fits_the_contract_keeps_it(tmp_path: Path, kind: str) -> None:
    imported(tmp_path, table(mark=";"))
    written = (tmp_path / "dataset.yaml").read_text(encoding="utf-8").replace("role: categorical", "role: ignored")
    form = FORMS[kind] if kind != "a comment above" else "# by a tool\n" + table(mark=";")
    put(tmp_path / "dataset.yaml", written)
    path = put(tmp_path / "again", form)
    command.main(["data", str(path), "--contract", str(tmp_path / "dataset.yaml"), "--data", str(tmp_path / "data")])
    assert (tmp_path / "dataset.yaml").read_text(encoding="utf-8") == written
    assert len(rows_read(load_contract(tmp_path / "dataset.yaml"), tmp_path / "data")) == len(TABLE)


HEADERS = {
    "words above numbers": (table(), True),
    "years": ("country,2001,2002,y\n" + "".join(f"c{r},{r / 7},{r / 3},{r * 1.5}\n" for r in range(60)), True),
    "wavelengths": (
        "350.5,351,351.5,y\n" + "".join(f"{r / 7:.2f},{r / 9:.2f},{r % 5},{r}.5\n" for r in range(60)),
        True,
    ),
    "an amount that looks like a year": ("".join(f"c{r},{1950 + r * 37 % 900}\n" for r in range(60)), False),
    "counted columns": ("0,1,2,y\n" + "".join(f"{r * 7 % 251},{r * 5 % 97},{r % 9},{r}.5\n" for r in range(60)), True),
    "a year above whole numbers": ("y,2024\n" + "".join(f"{r}.5,{r * 37}\n" for r in range(60)), True),
    "only letters": ("".join(f"{'pe'[r % 2]},{'xbs'[r % 3]},{'nyw'[r % 3]}\n" for r in range(60)), False),
    "words of the rows": (
        "".join(f"{('vhigh', 'med')[r % 2]},{('small', 'big')[r % 2]}\n" for r in range(60)),
        False,
    ),
    "truths and numbers": ("".join(f"{r % 2 == 0},{20 + r % 7},{r % 2 == 1}\n" for r in range(60)), False),
    "a mark in the first row": ("a,?,b\n" + "".join(f"{'ab'[r % 2]},{r},{'bc'[r % 2]}\n" for r in range(60)), False),
    "numbers": ("".join(f"{r * 1.5},{r * 7 % 50},{r % 9}\n" for r in range(60)), False),
    "codes and numbers": ("".join(f"A1{r % 4} {r * 7 % 50} A3{r % 3} {r % 2 + 1}\n" for r in range(60)), False),
    "words above words": ("name,kind\n" + "".join(f"n{r},{'uv'[r % 2]}\n" for r in range(60)), True),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_is_told_from_a_row_by_the_rows_below(tmp_path: Path, kind: str) -> None:
    content, header = HEADERS[kind]
    source = open_source(put(tmp_path / "own.csv", content), tmp_path, contract_of("prices"))
    assert find_form(source, missing=["", "?"]).header is header


def test_what_the_user_says_about_the_form_holds(tmp_path: Path) -> None:
    content = table(names=["u", "v", "w"], rows=[["u", "v", "y"] if row % 2 else ["x", "v", "z"] for row in range(60)])
    assert not imported(tmp_path / "guessed", content, target="column_1").header
    assert imported(tmp_path / "said", content, "--header", target="u").header
    said = ["--delimiter", "~", "--no-header"]
    contract = imported(tmp_path / "marks", table(names=None, mark="~"), *said, target="column_1")
    assert (contract.delimiter, contract.header) == ("~", False)
    contract = imported(tmp_path / "named", table(mark="\t"), "--delimiter", "tab")
    assert contract.delimiter == "\t"


def test_what_the_user_says_about_numbers_holds(tmp_path: Path) -> None:
    content = table(mark=";", rows=[[f"{row},{row + 100}", "u", f"{row}"] for row in range(60)])
    guessed = imported(tmp_path, content)
    assert (guessed.decimal, guessed.thousands) == (",", None)
    said = imported(tmp_path, content.replace("\n0,100", "\n9,100"), "--decimal", ".", "--thousands", ",")
    assert (said.decimal, said.thousands) == (".", ",")
    with pytest.raises(UserError, match="numbers cannot have ',' as decimal mark and between thousands"):
        imported(tmp_path, content, "--decimal", ",", "--thousands", ",")


def test_the_contracts_own_form_is_the_first_guess(tmp_path: Path) -> None:
    imported(tmp_path, table(names=None), "--no-header", target="column_3")
    put(tmp_path / "own.csv", table(names=None, rows=[["7", "u", "1"], *TABLE]))
    places = ["--contract", str(tmp_path / "dataset.yaml"), "--data", str(tmp_path / "data")]
    command.main(["data", str(tmp_path / "own.csv"), *places])
    assert len(rows_read(load_contract(tmp_path / "dataset.yaml"), tmp_path / "data")) == len(TABLE) + 1


NOTATIONS: dict[str, tuple[list[str], list[float], dict[str, str]]] = {
    "decimal commas": (["1,5", "20,25", "0,5"], [1.5, 20.25, 0.5], {"decimal": ","}),
    "thousands commas": (["1,000", "38,007.5", "999"], [1000, 38007.5, 999], {"thousands": ","}),
    "German amounts": (
        ["1.234,56", "12,5", "1.234.567,00"],
        [1234.56, 12.5, 1234567],
        {"decimal": ",", "thousands": "."},
    ),
    "Swiss amounts": (["1'234.5", "12.5", "1\u2019000"], [1234.5, 12.5, 1000], {"thousands": "'"}),
    "French amounts": (
        ["1\u202f234,5", "12,5", "1\u00a0000"],
        [1234.5, 12.5, 1000],
        {"decimal": ",", "thousands": " "},
    ),
    "lakhs": (["1,23,456", "12,34,567", "999"], [123456, 1234567, 999], {"thousands": ","}),
    "plain": (["1.5", "1e3", "-2"], [1.5, 1000, -2], {}),
}


@pytest.mark.parametrize("kind", NOTATIONS)
def test_numbers_are_numbers_in_whatever_notation(tmp_path: Path, kind: str) -> None:
    cells, values, marks = NOTATIONS[kind]
    content = column("size", cells).replace(".5\n", ".5\n")
    if marks.get("decimal") == ",":  # the target is written so, too
        content = "\n".join(
            line if place == 0 else line.rsplit(",", 1)[0] + f',"{str(place * 1.5).replace(".", ",")}"'
            for place, line in enumerate(content.splitlines())
        )
    contract = imported(tmp_path, content)
    assert "size" in contract.numeric
    form = {"decimal": contract.decimal, "thousands": contract.thousands}
    assert form == {"decimal": ".", "thousands": None} | marks
    assert {row["size"] for row in rows_read(contract, tmp_path / "data")} == set(values)


MARKS: dict[str, tuple[list[str], list[str]]] = {
    "a question mark": (["1", "2", "3", "4", "5", "6", "7", "8", "?"], ["?"]),
    "a dot": (["1.5", "2", "3", "4", "5", "6", "7", "8", "."], ["."]),
    "Infinity": (["1", "2", "3", "4", "5", "6", "7", "8", "Infinity"], ["Infinity"]),
    "two words": (["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "none", "unknown"], ["none", "unknown"]),
    "a padded mark": (["1", "2", "3", "4", "5", "6", "7", "8", " ? "], ["?"]),
    "blanks": (["1", "2", "3", "4", "   "], []),
}


@pytest.mark.parametrize("kind", MARKS)
def test_other_texts_in_a_column_of_numbers_are_proposed_as_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    cells, marks = MARKS[kind]
    contract = imported(tmp_path, column("size", cells))
    assert "size" in contract.numeric
    assert set(contract.missing) == {*contract_of("prices").missing, *marks}
    missing = sum(cells[row % len(cells)].strip() in ("", *marks) for row in range(100))
    assert sum(row["size"] is None for row in rows_read(contract, tmp_path / "data")) == missing
    is_named = f"column 'size' holds {missing} cells that are no numbers: " in capsys.readouterr().out
    assert is_named is bool(set(marks) - set(contract_of("prices").missing))


def test_a_column_with_many_texts_among_its_numbers_is_one_of_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [f"{row}" if row % 6 else f"C{row}" for row in range(600)]
    content = "invoice,a,y\n" + "".join(f"{cell},{row % 9},{row}.5\n" for row, cell in enumerate(cells))
    contract = imported(tmp_path, content)
    assert {column.name: column.role for column in contract.columns}["invoice"] == "ignored"
    assert "column 'invoice' holds 100 cells of text among numbers: 'C0' (1, first in row 1)" in capsys.readouterr().out


def test_codes_among_numbers_make_a_column_of_text(tmp_path: Path) -> None:
    contract = imported(tmp_path, column("stock", ["85123", "85123", "22423", "85123", "22423A"]))
    assert "stock" in contract.categorical
    assert contract.missing == contract_of("prices").missing


def test_codes_with_zeros_in_front_and_identifiers_are_no_numbers(tmp_path: Path) -> None:
    codes = imported(tmp_path / "codes", column("code", ["00060", "00065", "00010"]))
    assert "code" in codes.categorical
    account = "a,account,y\n" + "".join(f"{row % 9},{9007199254740992 + row},{row}.5\n" for row in range(100))
    accounts = imported(tmp_path / "accounts", account)
    assert "account" not in accounts.features


@pytest.mark.parametrize(
    ("different", "role"), [(10, "categorical"), (50, "categorical"), (60, "ignored"), (100, "ignored")]
)
def test_text_that_hardly_repeats_is_ignored(tmp_path: Path, different: int, role: str) -> None:
    contract = imported(tmp_path, column("note", [f"text {row}" for row in range(different)]))
    assert {column.name: column.role for column in contract.columns}["note"] == role


SENTENCES: dict[str, tuple[str | bytes, str]] = {
    "a currency": (
        column("size", ["$1,200", "$3"]),
        "column 'size': 100 cells have '$' beside the number, for example '$1,200'; to use the numbers, write",
    ),
    "percents": (
        column("size", ["12%", "3 %"]),
        "column 'size': 100 cells have '%' beside the number, for example '12%'; to use the numbers, write",
    ),
    "euros behind": (column("size", ["12,50 €"]), "column 'size': 100 cells have '€' beside the number"),
    "a third in parentheses": (column("size", ["1", "2", "(3)"]), "column 'size': 33 cells have '(' beside the number"),
    "negative numbers of bookkeepers": (
        column("size", ["1", "2", "3-", "4-"]),
        "column 'size': 50 cells have '-' beside the number, for example '3-'; to use the numbers, write them alike "
        "and without sign, and negative ones as -3",
    ),
    "a minus of typesetters": (column("size", ["1", "\u22122.5"]), "column 'size': 50 cells have '\u2212' beside the"),
    "two notations in a column": (
        column("size", ["1.5", "2", "3.25", "4.5", "5,5"]),
        "column 'size': 20 cells are written otherwise than the rest, for example '5,5'; to use the numbers, write",
    ),
    "a target in another notation than the rest": (
        "a;b;y\n" + "".join(f"{r}.5;{r}.25;{r},5\n" for r in range(60)),
        "column 'y': 60 cells are written otherwise than the rest, for example '0,5'; to use the numbers, write",
    ),
    "rupees": (column("size", ["\u20b91,200"]), "column 'size': 100 cells have '\u20b9' beside the number"),
    "a blank before a quote": (
        "a,b,y\n" + '1, "u, v",2\n' * 30,
        "line 2 has blanks before a quote; a quote has to follow the ',' at once, so remove the blanks",
    ),
    "a NUL byte": (table() + "61,u\0,9\n", "line 62 holds a NUL byte, which no text has; write the file again"),
    "numbers aligned with blanks before a tab": (
        "".join(f'{r}.5   {r % 7}   {r % 9}\t"x {r}"\n' for r in range(30)),
        "its columns are aligned with blanks (fixed width)",
    ),
    "apostrophes for quotes": (
        "'a','b','y'\n" + "".join(f"'{r}','u, v','{r}'\n" for r in range(30)),
        "quotes its cells with apostrophes, such as 'a'; quote them with \", or not",
    ),
    "an endless cell": (
        table() + "x" * 200_000 + ",u,1\n",
        "a cell is longer than 131,072 characters; close the quote",
    ),
    "units alone": (
        "len,y\n" + "".join(f"{row} kg,{row}\n" for row in range(40)),
        "column 'len' holds numbers with a unit, such as '0 kg', which are text: remove 'kg' from the file",
    ),
    "a mark in a target of numbers": (
        "x,y\n" + "".join(f"{row},{'.' if row % 9 == 5 else row}\n" for row in range(60)),
        "column 'y': the target is missing in 7 rows: '.' (7, first in row 6); fill it in or remove these rows",
    ),
    "NA in a target of classes": (
        classes(["a", "b", "NA"]).replace("NA", "?"),
        "column 'y': the target is missing in 33 rows: '?' (33, first in row 3); fill it in or remove these rows, "
        "or take '?' off csv.missing if it is a value",
    ),
    "three spellings of true": (
        classes(["True", "False", "TRUE", "false"]),
        "'True' (first in row 1) and 'TRUE' (first in row 3), which are probably one class",
    ),
    "1 and 1.0": (
        classes(["1", "0", "1.0", "0"]),
        "'1' (first in row 1) and '1.0' (first in row 3), which are probably one",
    ),
    "0, 1 and 1.0": (
        classes(["0", "1", "1.0"]),
        "'1' (first in row 2) and '1.0' (first in row 3), which are probably one",
    ),
    "1 and 1,0": (
        "a;b;y\n" + "".join(f"{row},5;{row},25;{('1', '0', '1,0')[row % 3]}\n" for row in range(60)),
        "'1' (first in row 1) and '1,0' (first in row 3), which are probably one",
    ),
    "a full stop": (
        classes(["<=50K", ">50K", ">50K."]),
        "'>50K' (first in row 2) and '>50K.' (first in row 3), which are",
    ),
    "a rare class": (
        classes(["a", "b"]) + "7,rare\n",
        "column 'y' holds the class 'rare' in 1 rows and the split needs 3",
    ),
    "one class": (classes(["a"]), "column 'y' holds one class only ('a'); add rows of another"),
    "few rows": (table(rows=TABLE[:20]), "rows and the split needs 20; add rows"),
    "libsvm": (
        "".join(f"{r} 1:0.5 2:{r}\n" for r in range(30)),
        "is a file of LIBSVM (label index:value ...); write it as CSV",
    ),
    "fixed width": (
        "".join(f"{r:8.3f}  {r:4d}   x\n" for r in range(30)),
        "its columns are aligned with blanks (fixed width); write it as CSV",
    ),
    "R's row names": (
        '"a","y"\n' + "".join(f'"{r}",{r % 5},{r}\n' for r in range(30)),
        "its header has 2 cells and its rows have 3, as R writes row names; write it without them",
    ),
    "a nameless first column": (
        '"","a","y"\n' + "".join(f'"{r}",{r},{r}\n' for r in range(30)),
        "column 1 has no name in the header; it numbers the rows, so write the file without it",
    ),
    "a title above": (
        "Sales of May\n" + table(),
        "the first row has 1 cells and most have 3 (delimiter ','); remove what stands above the table, such as 'Sales",
    ),
    "counts above": (
        "60,2,\n" + table(),
        "the header (a, b, y) is in its second row; remove what stands above it: '60,2,'",
    ),
    "a total below": (
        table() + "Total,,2655.0\n",
        "the last row, column 'a': 'Total' sums up the rows above; remove the row",
    ),
    "a note below": (
        table() + "(60 rows affected)\n",
        "row 61 (line 62): has 1 cells and not 3; if '(60 rows affected)' is a note above or below the table, remove",
    ),
    "a comment between": (
        table() + "# part 2\n" + table(names=None),
        "row 61 (line 62): has 1 cells and not 3; it looks like a comment ('# part 2'): remove the line",
    ),
    "a header between": (
        table() + table(),
        "row 61 (line 62): repeats the column names; remove the row",
    ),
    "empty rows below": (table() + ",,\n,,\n", "row 61 (line 62): all cells are empty; remove the row"),
    "an open quote": (
        table() + '61,"u,2\n' + table(names=None),
        "row 61 (line 122): has 2 cells and not 3: close the quote that is opened in the row",
    ),
    "backslashes before quotes": (
        "a,b,y\n" + '1,"5\\" pipe",2\n' * 30,
        'line 2 escapes a quote with a backslash; CSV doubles it ("")',
    ),
    "a name of two lines": (
        '"Preis\n(EUR)",b,y\n' + table(names=None),
        "the name of column 1, 'Preis\\n(EUR)', spans several lines; write it in one",
    ),
    "a name with brackets": (
        table(names=["Temp [C]", "b", "y"]),
        "own.csv: column 'Temp [C]' must have a name without double quotes, brackets",
    ),
    "a name of the jobs": (
        table(names=["prediction", "b", "y"]),
        "own.csv: column 'prediction' has a name that the jobs write themselves",
    ),
    "two colons": (table(mark="::"), "its cells are separated by '::'; a delimiter is one character"),
    "one column": (
        "y\n" + "7\n" * 30,
        "is no table with the delimiter , ; | tab or space (its first line: 'y'); name the delimiter with",
    ),
    "Windows-1252": (
        table(rows=[*TABLE, ["61", "\u00e9t\u00e9", "9"]]).encode("cp1252"),
        "line 62 is not UTF-8 (in Windows-1252 it reads '61,\u00e9t\u00e9,9'); save the file in UTF-8 (iconv -f",
    ),
    "UTF-16": (
        table().encode("utf-16"),
        "line 1 is not UTF-8 but UTF-16; save the file in UTF-8 (iconv -f UTF-16 -t UTF-8 own.csv",
    ),
    "UTF-16 without mark": (table().encode("utf-16-le"), "line 1 is not UTF-8 but UTF-16; save the file in UTF-8"),
    "an old workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "is an Excel workbook (.xls); save the sheet as 'CSV UTF-8'",
    ),
    "a damaged gzip file": (gzip.compress(table().encode())[:-9], "is a damaged gzip file"),
    "a damaged Parquet file": (PARQUET.getvalue()[:-9], "is a damaged Parquet file"),
    "a bzip2 archive": (b"BZh91AY", "is a bzip2 archive; unpack it, and name the CSV file"),
    "an ARFF file": ("% iris\n@RELATION iris\n", "is an ARFF file of Weka; write it as CSV"),
    "a web page": ("<!DOCTYPE html>\n", "is HTML or XML; give the table as CSV"),
    "a JSON array": (json.dumps([{"a": 1}], indent=1), "is JSON, but not one object on each line; write JSON lines"),
    "nested JSON lines": (
        '{"a": {"b": 1}, "y": 2}\n',
        "line 1, key 'a': is a list or an object; give it keys of its own",
    ),
    "a broken JSON line": (JSON_LINES + '{"a": 1,\n', "line 61 is not JSON in UTF-8"),
    "a pointer of Git LFS": (
        "version https://git-lfs.github.com/spec/v1\n",
        "is a pointer of Git LFS and not the file itself; fetch it",
    ),
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_what_cannot_be_read_rightly_is_named_and_nothing_changes(tmp_path: Path, kind: str) -> None:
    content, sentence = SENTENCES[kind]
    with pytest.raises(UserError) as refused:
        imported(tmp_path, content)
    assert sentence in str(refused.value)
    assert "own.csv" in str(refused.value)
    assert load_contract(tmp_path / "dataset.yaml") == contract_of("prices")
    assert all((tmp_path / "data" / name).read_text(encoding="utf-8") == "as it was\n" for name in FILES)
    assert {path.name for path in files_in(tmp_path)} == {*FILES, "dataset.yaml", "own.csv"}


def test_a_workbook_and_an_archive_are_told_apart(tmp_path: Path) -> None:
    for name, kind in (
        ("xl/workbook.xml", "an Excel workbook (.xlsx); save the sheet"),
        ("a.csv", "a zip archive (a.csv); unpack it"),
    ):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, "a")
        with pytest.raises(UserError, match=r"own\.csv: is") as refused:
            imported(tmp_path, packed.getvalue())
        assert kind in str(refused.value)


def test_a_category_called_total_is_no_footer(tmp_path: Path) -> None:
    contract = imported(tmp_path, column("sex", ["male", "female", "total", "total"]))
    assert "sex" in contract.categorical


def test_a_unit_behind_numbers_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "size" in imported(tmp_path, column("size", ["1 kg", "2 kg"])).categorical
    assert "holds numbers with a unit, such as '1 kg', which are text: remove 'kg'" in capsys.readouterr().out


def test_a_dot_that_may_stand_between_thousands_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = "a;y\n" + "".join(f"{row % 9 + 1}.{row * 7 % 1000:03d};{row}\n" for row in range(60))
    note = "all numbers with a dot have three digits behind it"
    assert imported(tmp_path, content).thousands is None
    assert note in capsys.readouterr().out
    said = imported(tmp_path, content, "--decimal", ",", "--thousands", ".")
    assert (said.decimal, said.thousands) == (",", ".")
    imported(tmp_path, content + "0.5;60\n")
    assert note not in capsys.readouterr().out


def test_an_error_of_a_spreadsheet_stands_for_an_empty_cell(tmp_path: Path) -> None:
    contract = imported(tmp_path, column("size", [*map(str, range(19)), "#DIV/0!"]))
    assert "size" in contract.numeric
    assert "#DIV/0!" in contract.missing


def test_a_class_that_databases_write_for_a_missing_cell_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(tmp_path, classes(["a", "b", "NULL"]))
    assert "column 'y' to predict holds 'NULL' (33, first in row 3) as a class" in capsys.readouterr().out


def test_a_column_in_another_notation_than_the_rest_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{row}.5;{row % 7},25;{row}.75\n" for row in range(60))
    assert "size" not in imported(tmp_path, "a;size;y\n" + rows).numeric
    assert "column 'size' holds numbers that are written otherwise than those of most columns, such as '0,25'" in (
        capsys.readouterr().out
    )


def test_classes_that_differ_in_spelling_only_are_kept_apart_on_demand(tmp_path: Path) -> None:
    contract = imported(tmp_path, classes(["a", "A"]), "--distinct-classes")
    assert {row["y"] for row in rows_read(contract, tmp_path / "data")} == {"a", "A"}
    assert imported(tmp_path, classes(["A+", "A-", "A", "B"])).problem_type == "multiclass"


def test_an_id_is_guessed_only_where_it_is_unique(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repeated = "id,a,y\n" + "".join(f"{row // 3},{row % 9},{row}.5\n" for row in range(90))
    assert imported(tmp_path / "repeated", repeated).id is None
    assert "column 'id' repeats, so it identifies no row" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"column 'id' has empty or repeated cells, .* name another one, or none with"):
        imported(tmp_path / "named", repeated, "--id", "id")
    unique = "id,a,y\n" + "".join(f"k{row},{row % 9},{row}.5\n" for row in range(90))
    assert imported(tmp_path / "unique", unique).id == "id"
    for none in ("none", "-", ""):
        assert imported(tmp_path / "none", unique, "--id=" + none).id is None


@pytest.mark.parametrize("answer", ["none", "-"])
def test_a_user_at_a_terminal_can_say_that_there_is_no_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    unique = "id,a,y\n" + "".join(f"k{row},{row % 9},{row}.5\n" for row in range(90))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    assert imported(tmp_path, unique).id is None


MARKS_OF_FORM: dict[str, list[str | None]] = {".": [None, ",", "'", " "], ",": [None, ".", "'", " "]}


@st.composite
def written_tables(draw: st.DrawFn) -> dict[str, Any]:
    """Numbers, and the same numbers as some file writes them."""
    decimal = draw(st.sampled_from([".", ","]))
    thousands = draw(st.sampled_from(MARKS_OF_FORM[decimal]))
    whole = st.integers(-2_000_000, 2_000_000)
    numbers = draw(st.lists(st.tuples(whole, whole), min_size=25, max_size=40))
    cents = draw(st.integers(1, 99))
    rows = [[a + cents / 100, b, place * 1000.25] for place, (a, b) in enumerate(numbers)]

    def text(value: float) -> str:
        plain = f"{value:,}" if thousands else f"{value}"
        return plain.replace(",", "t").replace(".", decimal).replace("t", thousands or "")

    return {
        "rows": rows,
        "texts": [[text(value) for value in row] for row in rows],
        "delimiter": draw(st.sampled_from(",;\t|")),
        "header": draw(st.booleans()),
        "marks": (decimal, thousands),
        "pack": draw(st.sampled_from([bytes, gzip.compress])),
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    }


@settings(max_examples=60, deadline=None)
@given(written=written_tables())
def test_any_table_of_numbers_is_read_as_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, written: dict[str, Any]
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=written["delimiter"], lineterminator=written["end"], quoting=written["quoting"])
    writer.writerows([["first", "second", "y"]] * written["header"] + written["texts"])
    target = "y" if written["header"] else "column_3"
    folder = tmp_path_factory.mktemp("table")
    contract = imported(folder, written["pack"](file.getvalue().encode()), target=target)
    assert (contract.delimiter, contract.header) == (written["delimiter"], written["header"])
    assert contract.problem_type == "regression"
    names = contract.file_columns(labelled=True)
    read = rows_read(contract, folder / "data")
    assert [[row[name] for name in names] for row in read] == written["rows"]
