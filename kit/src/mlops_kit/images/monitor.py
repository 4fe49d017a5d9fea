"""A replacement for the container of SageMaker's Model Monitor: the same environment variables and JSON files.

    dataset_source, dataset_format, output_path    the dataset, its format, and the folder for the files
    baseline_statistics, baseline_constraints      the baseline to check against; without them, one is created

It approximates Model Monitor, which needs Spark and Deequ:

- It reads only CSV. An empty cell is missing. The text of a cell decides its type, by Deequ's patterns: 00060 is the
  number 60, 9.0 is a fraction, and 1e-07 is a text. A column of numbers and texts is String.
- It refuses the column names that stop Model Monitor: Spark takes a.b for the field b of a column a.
- The KLL sketch consists of exact order statistics; Model Monitor samples them. It reads sketches of either kind.
- The distance of two distributions is Deequ's: the largest difference of their cumulative distributions (for
  categories, of the relative frequencies). The method Robust subtracts 1.8 * sqrt((n + m) / (n * m)), so that a small
  batch does not count as drifted. ChiSquared is not supported.
- Completeness, domains and non-negativity have no tolerance: the constraints must allow what is normal. Model Monitor
  documents no check for negative numbers; here it is called non_negative_check.
- It reports each missing and each extra column.
- It sends no metrics to CloudWatch.

Run by path.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from mlops_kit.images.monitor_checks import violations
from mlops_kit.images.monitor_columns import read_columns
from mlops_kit.images.monitor_constraints import suggested_constraints
from mlops_kit.images.monitor_statistics import statistics_of


def main(environment: Mapping[str, str]) -> None:
    """Write the statistics and constraints of a dataset and, if there is a baseline, the violations."""
    dataset = _read(Path(environment["dataset_source"]), json.loads(environment.get("dataset_format", "{}")))
    columns = read_columns(dataset)
    output = Path(environment["output_path"])
    output.mkdir(parents=True, exist_ok=True)
    _write(output / "statistics.json", statistics_of(columns, len(dataset)))
    _write(output / "constraints.json", suggested_constraints(columns))
    print(f"{len(dataset)} rows, {len(columns)} columns")
    if environment.get("baseline_constraints"):
        baseline = _load(environment["baseline_statistics"]), _load(environment["baseline_constraints"])
        violated = violations(columns, *baseline)
        _write(output / "constraint_violations.json", {"violations": violated})
        for violation in violated:
            print(f"{violation['feature_name']}: {violation['constraint_check_type']}: {violation['description']}")


def _read(folder: Path, dataset_format: Mapping[str, Any]) -> pa.Table:
    """All CSV files of a folder as one table of texts."""
    if set(dataset_format) - {"csv"}:
        sys.exit(f"error: the local model monitor reads CSV, and not {', '.join(dataset_format)}")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith((".", "_"))]
    if not files:
        sys.exit(f"error: {folder} contains no file")
    with_header = dataset_format.get("csv", {}).get("header", True)
    return pa.concat_tables([_read_file(path, with_header) for path in files])


def _read_file(path: Path, with_header: bool) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.reader(file), [])
    names = first if with_header else [f"_c{index}" for index in range(len(first))]  # Spark's names
    for name in names:
        if re.search(r"[.`]", name) or name == "*":
            sys.exit(
                f"error: {path.name}: AnalysisException: cannot resolve the column {name!r}: Spark reads a dot, a "
                "backtick and an asterisk as syntax; write the column under another name"
            )
    return pa.csv.read_csv(
        path,
        pa.csv.ReadOptions(column_names=names, skip_rows=int(with_header)),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _load(path: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(os.environ)
