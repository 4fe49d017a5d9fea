"""A stand-in for the container of SageMaker's Model Monitor: the same environment variables, the same JSON files.

    dataset_source, dataset_format, output_path    what to look at, how it is written, where the files go
    baseline_statistics, baseline_constraints      the baseline to check against; without them a baseline is made

Approximated, since Model Monitor itself (Spark and Deequ) is not at hand:

- Only CSV is read. A cell is missing where it is empty; a column is Integral where all of its numbers are whole, so 9.0
  counts as whole, and of any mixture of numbers and texts as String.
- The KLL sketch is made of exact order statistics, where Model Monitor draws them at random; a file of either can be
  read here.
- The distance of two distributions is Deequ's: the largest difference of their cumulative distributions (of the
  relative frequencies, for categories), and with the method Robust less 1.8 * sqrt((n + m) / (n * m)), so that a small
  batch is not taken for a different one. ChiSquared is not known.
- Where the baseline has missing cells, a batch may have more of them by what chance allows (four standard errors); and
  where it has no negative number, a batch may hold a few that the baseline may have missed by chance. Model Monitor
  documents no check of its own for the latter; here it is called non_negative_check.
- Missing and extra columns are named one by one.
- No metric is sent to CloudWatch. Run by path.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_kit.images.monitor_checks import violations
from mlops_kit.images.monitor_columns import read_columns
from mlops_kit.images.monitor_constraints import suggested_constraints
from mlops_kit.images.monitor_statistics import statistics_of


def main(environment: Mapping[str, str]) -> None:
    """Look at a dataset, write what it is like, and what is wrong with it where there is a baseline."""
    dataset = _read(Path(environment["dataset_source"]), json.loads(environment.get("dataset_format", "{}")))
    columns = read_columns(dataset)
    output = Path(environment["output_path"])
    output.mkdir(parents=True, exist_ok=True)
    _write(output / "statistics.json", statistics_of(columns, len(dataset)))
    _write(output / "constraints.json", suggested_constraints(columns))
    print(f"{len(dataset)} rows, {len(columns)} columns")
    if environment.get("baseline_constraints"):
        baseline = _load(environment["baseline_statistics"]), _load(environment["baseline_constraints"])
        found = violations(columns, *baseline)
        _write(output / "constraint_violations.json", {"violations": found})
        for violation in found:
            print(f"{violation['feature_name']}: {violation['constraint_check_type']}: {violation['description']}")


def _read(folder: Path, form: Mapping[str, Any]) -> pd.DataFrame:
    """All CSV files of a folder as one table."""
    if set(form) - {"csv"}:
        sys.exit(f"error: the local model monitor reads CSV, and not {', '.join(form)}")
    header = 0 if form.get("csv", {}).get("header", True) else None
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith((".", "_"))]
    if not files:
        sys.exit(f"error: {folder} holds no file to look at")
    options = {"header": header, "keep_default_na": False, "na_values": [""], "low_memory": False}
    table = pd.concat([pd.read_csv(path, **options) for path in files], ignore_index=True)
    return table.rename(columns=str if header == 0 else lambda name: f"_c{name}")  # Spark's names


def _load(path: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(os.environ)
