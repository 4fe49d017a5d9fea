"""What several tests share: contracts of their own, a project trained on sample data, and how to see a job refuse."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st
from mlops_jobs.artifact import Model, load_model
from mlops_jobs.contract import Column, Contract, parse_contract
from mlops_jobs.errors import run_job
from mlops_kit.data.sample import sample_table, write_datasets

import evaluate
import inference
import predict
import preprocess
import train
from hyperparameters import HYPERPARAMETERS
from model import Estimator

ROOT = Path(__file__).parents[1]

# Each has another problem type, another form of CSV and other roles than its neighbours, so that any project's suite
# covers all of them, whatever the project's own contract is.
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
    "rides": """
dataset: rides
problem_type: binary
csv: {header: true, delimiter: ",", missing: ["", "NA"]}
columns:
  - {name: booked on, role: datetime, format: "%d/%m/%Y %H:%M", parts: [days, month, weekday, hour]}
  - {name: paid, role: boolean}
  - {name: distance, role: numeric}
  - {name: born, role: datetime}
  - {name: cancelled, role: target}
metric: roc_auc
threshold: 0.7
decision: {aim: f1}
class_weights: balanced
""",
}
ROWS, INFERENCE_ROWS = 400, 60

CELLS = {
    "numeric": st.one_of(st.just(None), st.floats(-1e3, 1e3, width=32).map(repr), st.integers(0, 9).map(str)),
    "categorical": st.sampled_from(["A", "B", "C", "D", "E", "F", "", "never seen", "with, comma", ' "quoted" ']),
    "boolean": st.sampled_from(["true", "False", "YES", "no", "t", "F", "1", "0", " true ", "", "NaN"]),
    "ignored": st.just("-"),
    "input": st.just(""),  # only the team's own function knows which other texts it takes
}


def cells(column: Column) -> st.SearchStrategy[str | None]:
    """Cells of a column: as in training, missing, never seen."""
    if column.role == "datetime":
        times = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
        return st.just("") | times.map(lambda time: time.strftime(column.format or "%Y-%m-%dT%H:%M:%S"))
    return st.just(None) if column.role == "id" else CELLS[column.role]


@dataclass(frozen=True)
class Project:
    """A contract with sample data and all that the jobs made of it; read-only, since the whole session shares it."""

    contract: Contract
    folder: Path

    @property
    def contract_file(self) -> Path:
        return self.folder / "dataset.yaml"

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


def make_project(contract: Contract, folder: Path) -> Project:
    contract = replace(contract, split=replace(contract.split, test_files=None))  # the sample is one file
    project = Project(contract, folder)
    project.contract_file.write_text(contract.to_yaml(), encoding="utf-8")
    table = sample_table(contract, ROWS + INFERENCE_ROWS, seed=1)
    write_datasets(contract, table.slice(0, ROWS), table.slice(ROWS), folder / "data")
    for name, place in (("training-data", "training"), ("inference-data", "inference"), ("ground-truth", "labels")):
        (folder / place).mkdir()
        (folder / "data" / f"{name}.csv").rename(folder / place / f"{name}.csv")
    preprocess.main(fit_arguments(project.contract_file, folder / "training", folder))
    train.main(train_arguments(folder, folder / "model"))
    preprocess.main(apply_arguments(folder / "inference", folder / "model", folder / "features"))
    predict.main(predict_arguments(folder / "inference", folder / "model", folder / "predictions"))
    evaluate.main(evaluate_arguments(project, folder / "evaluation"))
    return project


def train_model(folder: Path) -> Model:
    return read_model(folder / "model")


def read_model(artifact: Path) -> Model:
    return load_model(artifact, Estimator)


def train_constant(project: Project, folder: Path) -> None:
    """Train on features that are all alike, so that the model predicts a constant; into the folder `model`."""
    for name in ("train", "validation"):
        table = pq.read_table(project / name / f"{name}.parquet")
        for feature in project.contract.features:
            alike = pa.array(np.zeros(table.num_rows, np.float32))
            table = table.set_column(table.schema.names.index(feature), feature, alike)
        (folder / name).mkdir(parents=True)
        pq.write_table(table, folder / name / f"{name}.parquet")
    shutil.copytree(project / "preprocessor", folder / "preprocessor")
    train.main(train_arguments(folder, folder / "model"))


def another_value(name: str) -> int | float:
    """A value of a hyperparameter that is not its default."""
    known = HYPERPARAMETERS[name]
    candidates = (known.default + 1, known.default - 1, known.default / 2)
    return next(value for value in candidates if known.min <= value <= known.max)


def contract_of(name: str) -> Contract:
    return parse_contract(CONTRACTS[name])


def fit_arguments(contract_file: Path, input_dir: Path, output: Path, *more: str) -> list[str]:
    folders = ("train", "validation", "test", "baseline", "preprocessor")
    outputs = [text for name in folders for text in (f"--{name}-dir", str(output / name))]
    return ["fit", "--input-dir", str(input_dir), "--contract", str(contract_file), *outputs, *more]


def train_arguments(fitted: Path, model_dir: Path, *more: str) -> list[str]:
    inputs = [text for name in ("train", "validation", "preprocessor") for text in (f"--{name}", str(fitted / name))]
    return [*inputs, "--model-dir", str(model_dir), *more]


def evaluate_arguments(project: Project, output_dir: Path, *more: str) -> list[str]:
    inputs = ["--test-dir", str(project / "test"), "--model-dir", str(project / "model")]
    return [*inputs, "--output-dir", str(output_dir), *more]


def apply_arguments(input_dir: Path, artifact_dir: Path, output_dir: Path, *more: str) -> list[str]:
    folders = ["--input-dir", str(input_dir), "--artifact-dir", str(artifact_dir), "--output-dir", str(output_dir)]
    return ["apply", *folders, *more]


def predict_arguments(input_dir: Path, model_dir: Path, output_dir: Path, *more: str) -> list[str]:
    return ["--input-dir", str(input_dir), "--model-dir", str(model_dir), "--output-dir", str(output_dir), *more]


def quality_arguments(project: Project, inputs: Path, predictions: Path, out: Path, *more: str) -> list[str]:
    folders = ["--input-dir", str(inputs), "--predictions-dir", str(predictions), "--output-dir", str(out)]
    return [*folders, "--artifact-dir", str(project / "model"), *more]


def verdict_arguments(project: Project, predictions: Path, labels: Path | None, out: Path, *more: str) -> list[str]:
    folders = ["--predictions-dir", str(predictions), "--output-dir", str(out)]
    given = ["--labels-dir", str(labels)] if labels else []
    return [*folders, "--contract", str(project.contract_file), *given, *more]


def answer(model: inference.Model, lines: bytes) -> str:
    """What the model's container answers to a request of a batch transform."""
    received = inference.input_fn(lines, "text/csv")
    return inference.output_fn(inference.predict_fn(received, model), "application/jsonlines")


def batch_transform(project: Project, folder: Path) -> Path:
    """The predictions of the project's rows, made by a batch transform in place of predict.py."""
    model = inference.model_fn(str(project / "model"))
    preprocess.main(apply_arguments(project / "inference", project / "model", folder / "lines", "--format", "csv"))
    for path in files_in(folder / "lines"):
        put(folder / "transformed" / f"{path.name}.out", answer(model, path.read_bytes()))
    return folder / "transformed"


def refusal(main: Callable[[list[str]], None], arguments: list[str], *outputs: Path) -> str:
    """Run a job that must refuse; its sentence, after a look that it left no output."""
    with pytest.raises(SystemExit) as ended:
        run_job(lambda: main(arguments))
    assert isinstance(ended.value.code, str), "a refusal ends with a sentence, and so with exit code 1"
    assert [str(path) for folder in outputs for path in files_in(folder)] == []
    sentence = ended.value.code
    assert sentence.startswith("error: ")
    assert "\n" not in sentence
    return sentence


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def put(path: Path, text: str | bytes) -> Path:
    """Write a file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def own_contract_text() -> str:
    return (ROOT / "config" / "dataset.yaml").read_text(encoding="utf-8")


def raw_rows(contract: Contract) -> st.SearchStrategy[list[list[str]]]:
    """Rows to predict, with distinct ids where the contract has any."""
    columns = [column for column in contract.columns if column.role != "target" and not column.is_added]
    missing = next(iter(contract.missing), "0")

    def finish(rows):
        return [
            [
                f"id {number}" if column.role == "id" else (missing if text is None else text)
                for column, text in zip(columns, row, strict=True)
            ]
            for number, row in enumerate(rows)
        ]

    return st.lists(st.tuples(*map(cells, columns)), min_size=1, max_size=6).map(finish)


def as_written(contract: Contract, number: str) -> str:
    """A plain number, or a mark for a missing one, as the files of a contract hold it."""
    return number if number in contract.missing else number.replace(".", contract.decimal)


def write_rows(path: Path, contract: Contract, rows: list[list[str]]) -> None:
    """Write rows to predict, in which numbers are plain."""
    names = contract.file_columns(labelled=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=contract.delimiter, lineterminator="\n")
        if contract.header:
            writer.writerow(names)
        for row in rows:
            named = zip(names, row, strict=True)
            writer.writerow([as_written(contract, text) if name in contract.numeric else text for name, text in named])
