"""What jobs/features.py may not do is refused in one sentence that names the row, the column and the remedy."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from mlops_jobs.contract import Contract, parse_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import ContractError, DataError, UserError
from mlops_jobs.own_features import OwnFeatures

CONTRACT = """
dataset: flats
problem_type: regression
csv: {header: true, delimiter: ",", missing: [""]}
columns:
  - {name: area, role: numeric}
  - {name: district, role: categorical}
  - {name: sold_on, role: input}
  - {name: twice, role: numeric, source: features}
  - {name: price, role: target}
metric: rmse
threshold: 1
"""
GOOD = "def add_features(batch):\n    import pandas as pd\n    return pd.DataFrame({'twice': batch['area'] * 2})\n"


@pytest.fixture
def contract() -> Contract:
    """A contract with one added column."""
    return parse_contract(CONTRACT)


@pytest.fixture
def batch(contract: Contract, tmp_path: Path) -> pa.RecordBatch:
    """Two rows as a job reads them."""
    path = tmp_path / "rows.csv"
    path.write_text("area,district,sold_on\n1, north ,2020-01-02\n,south,\n")
    [batch] = CsvStream(path, contract, contract.file_columns(labelled=False))
    return batch


def test_the_function_sees_numbers_as_floats_and_texts_trimmed(contract: Contract, batch: pa.RecordBatch) -> None:
    seen = (
        "import pandas as pd\ndef add_features(batch):\n"
        "    assert list(batch.columns) == ['area', 'district', 'sold_on'], list(batch.columns)\n"
        "    assert batch['district'].tolist() == ['north', 'south'], batch\n"
        "    assert batch['sold_on'].tolist() == ['2020-01-02', ''], batch\n"
        "    assert batch['area'].isna().tolist() == [False, True], batch\n"
        "    return pd.DataFrame({'twice': batch['area'] * 2})\n"
    )
    assert OwnFeatures(contract, seen).add(batch)["twice"].to_pylist() == [2.0, None]


def test_without_added_columns_nothing_is_called_or_kept(batch: pa.RecordBatch) -> None:
    contract = parse_contract(CONTRACT.replace("  - {name: twice, role: numeric, source: features}\n", ""))
    own = OwnFeatures(contract, "raise SystemExit('imported')")
    assert own.add(batch) is batch
    assert (own.source, own.fingerprint) == ("", "")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "declares the columns twice with source: features, and features.py has no function add_features"),
        ("import nothing_of_the_kind", "cannot be imported: ModuleNotFoundError"),
        ("def add_features(batch:", "cannot be imported: SyntaxError"),
    ],
)
def test_a_file_without_the_function_is_refused(contract: Contract, source: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        OwnFeatures(contract, source)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return pd.DataFrame({'twice': pd.to_datetime(batch['sold_on'].replace('', 'never'))})",
            r"features.py, line 3: \w+: .* at the row area=nan, district='south', sold_on=''; correct the function or",
        ),
        ("return batch['area']", "returned Series, and the contract declares twice"),
        (
            "return pd.DataFrame({'thrice': batch['area']})",
            "returned the columns thrice, and the contract",
        ),
        ("return pd.DataFrame({'twice': [1.0]})", "returned 1 rows for 2; return one for each, in order"),
        (
            "return pd.DataFrame({'twice': ['a', 'b']})",
            "'twice' is numeric in the contract and holds ValueError",
        ),
        ("return pd.DataFrame({'twice': [1.0, float('inf')]})", "is infinite at the row area=nan, district='south'"),
        ("return pd.DataFrame({'twice': [1e39, 0.0]})", "is infinite at the row area=1.0, district='north'"),
    ],
)
def test_a_wrong_answer_is_refused_with_its_place(
    contract: Contract, batch: pa.RecordBatch, body: str, message: str
) -> None:
    own = OwnFeatures(contract, f"import pandas as pd\ndef add_features(batch):\n    {body}\n")
    with pytest.raises(DataError, match=message):
        own.add(batch)


def test_two_versions_of_the_file_live_in_one_process(contract: Contract, batch: pa.RecordBatch) -> None:
    old, new = OwnFeatures(contract, GOOD), OwnFeatures(contract, GOOD.replace("* 2", "* 3"))
    assert [own.add(batch)["twice"][0].as_py() for own in (old, new, old)] == [2.0, 3.0, 2.0]
    assert old.fingerprint != new.fingerprint


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("{name: twice, role: input, source: features}", "role must be numeric or categorical"),
        ("{name: twice, role: numeric, source: elsewhere}", "has the source 'elsewhere'; it must be file or features"),
        ("{name: twice, role: numeric, sorce: features}", "unknown key 'sorce'; a column has name, role, source"),
    ],
)
def test_a_declaration_that_means_nothing_is_refused(column: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        parse_contract(CONTRACT.replace("{name: twice, role: numeric, source: features}", column))
