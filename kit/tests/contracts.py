"""Data contracts of several kinds, and files for them."""

from __future__ import annotations

from pathlib import Path

from mlops_jobs.contract import Contract, parse_contract
from mlops_kit.data.file_form import find_form, plain_csv
from mlops_kit.data.schema_inference import Proposal, Wishes, infer_contract, with_threshold
from mlops_kit.data.source_formats import open_source

CONTRACTS = {
    "prices": """
dataset: prices
problem_type: regression
csv: {header: true, delimiter: ";", missing: ["", "?"]}
columns:
  - {name: flat, role: id}
  - {name: floor area, role: numeric}
  - {name: split, role: numeric}
  - {name: district, role: categorical}
  - {name: remark, role: ignored}
  - {name: price in $, role: target}
metric: mae
threshold: 3.5
""",
    "churn": """
dataset: churn
problem_type: binary
positive_class: leaves
csv: {header: false, delimiter: ",", missing: [""]}
columns:
  - {name: churned, role: target}
  - {name: calls, role: numeric}
metric: f1
threshold: 0.7
""",
    "sizes": """
dataset: sizes
problem_type: multiclass
csv: {header: true, delimiter: ",", missing: ["", "NA"]}
columns:
  - {name: shirt, role: id}
  - {name: fabric, role: categorical}
  - {name: class, role: target}
  - {name: cut, role: categorical}
metric: f1_macro
threshold: 0.7
""",
}


def contract_of(name: str) -> Contract:
    """One of CONTRACTS."""
    return parse_contract(CONTRACTS[name])


def proposal_for(path: Path, contract: Contract, wishes: Wishes) -> Proposal:
    """What is proposed for a file, without a terminal; what is made of the file goes beside it."""
    source = open_source(path, path.parent, contract)
    form = find_form(source, contract.missing, (), (wishes.delimiter, wishes.header))
    plain = plain_csv(source, form, path.parent)
    return with_threshold(infer_contract(plain, form, contract, wishes, ask=None), plain)


def proposed(path: Path, contract: Contract, target: str) -> Contract:
    """The contract that is proposed for a file."""
    return proposal_for(path, contract, Wishes(target=target)).contract


def files_in(folder: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def put(path: Path, text: str | bytes) -> Path:
    """Write a file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
