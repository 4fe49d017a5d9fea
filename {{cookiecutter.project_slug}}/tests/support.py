"""What several tests share: contracts of their own, a project trained on sample data, and how to see a job refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import evaluate
import predict
import preprocess
import train
from contract import Contract, parse_contract
from errors import run_job
from local import ROOT
from local.sample import sample_table, write_datasets

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
}
ROWS, INFERENCE_ROWS = 400, 60


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
    project = Project(contract, folder)
    project.contract_file.write_text(contract.to_yaml(), encoding="utf-8")
    table = sample_table(contract, ROWS + INFERENCE_ROWS, seed=1)
    write_datasets(contract, table.slice(0, ROWS), table.slice(ROWS), folder / "data")
    for name, place in (("training-data", "training"), ("inference-data", "inference"), ("ground-truth", "labels")):
        (folder / place).mkdir()
        (folder / "data" / f"{name}.csv").rename(folder / place / f"{name}.csv")
    preprocess.main(fit_arguments(project.contract_file, folder / "training", folder))
    train.main(train_arguments(folder, folder / "model"))
    apply = ["apply", "--input-dir", folder / "inference", "--artifact-dir", folder / "model"]
    preprocess.main([*map(str, apply), "--output-dir", str(folder / "features")])
    predict.main(predict_arguments(folder / "inference", folder / "model", folder / "predictions"))
    evaluate.main(evaluate_arguments(project, folder / "evaluation"))
    return project


def train_model(folder: Path) -> predict.Model:
    return predict.load_model(folder / "model")


def contract_of(name: str) -> Contract:
    return parse_contract(CONTRACTS[name])


def fit_arguments(contract_file: Path, input_dir: Path, output: Path, *more: str) -> list[str]:
    folders = ("train", "validation", "test", "baseline", "preprocessor")
    outputs = [text for name in folders for text in (f"--{name}-dir", str(output / name))]
    return ["fit", "--input-dir", str(input_dir), "--contract", str(contract_file), *outputs, *more]


def train_arguments(fitted: Path, model_dir: Path, *more: str) -> list[str]:
    inputs = [text for name in ("train", "validation", "preprocessor") for text in (f"--{name}", str(fitted / name))]
    return [*inputs, "--model-dir", str(model_dir), "--num_round", "30", "--eta", "0.2", *more]


def evaluate_arguments(project: Project, output_dir: Path, *more: str) -> list[str]:
    inputs = ["--test-dir", str(project / "test"), "--model-dir", str(project / "model")]
    return [*inputs, "--output-dir", str(output_dir), *more]


def predict_arguments(input_dir: Path, model_dir: Path, output_dir: Path) -> list[str]:
    return ["--input-dir", str(input_dir), "--model-dir", str(model_dir), "--output-dir", str(output_dir)]


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
