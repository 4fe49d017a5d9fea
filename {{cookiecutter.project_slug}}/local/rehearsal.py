"""Run the jobs one after the other on the data in data/, each as the process it will be in the cloud."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contract import load_contract
from errors import JobError
from local import ROOT
from local.sample import write_sample

FOLDERS = {"training-data.csv": "training", "inference-data.csv": "inference", "ground-truth.csv": "labels"}


@dataclass(frozen=True)
class Step:
    """One job of the rehearsal."""

    name: str
    script: str
    arguments: dict[str, Path | str]
    command: str | None = None

    def command_line(self) -> list[str]:
        """What is run, as a container would run it."""
        flags = [text for name, value in self.arguments.items() for text in (f"--{name}", str(value))]
        return [
            sys.executable,
            str(ROOT / "jobs" / self.script),
            *([self.command] if self.command else []),
            *flags,
        ]


def steps(work: Path, contract: Path) -> list[Step]:
    """The jobs in order, each with its folders under `work`."""
    return [
        Step(
            "Preprocess (fit)",
            "preprocess.py",
            {
                "input-dir": work / "training",
                "contract": contract,
                **{f"{name}-dir": work / name for name in ("train", "validation", "test", "baseline", "preprocessor")},
            },
            command="fit",
        ),
        Step(
            "Train",
            "train.py",
            {
                "train": work / "train",
                "validation": work / "validation",
                "preprocessor": work / "preprocessor",
                "model-dir": work / "model",
            },
        ),
        Step(
            "Evaluate",
            "evaluate.py",
            {"test-dir": work / "test", "model-dir": work / "model", "output-dir": work / "evaluation"},
        ),
        Step(
            "Preprocess (apply)",
            "preprocess.py",
            {
                "input-dir": work / "inference",
                "artifact-dir": work / "model",
                "output-dir": work / "features",
            },
            command="apply",
        ),
        Step(
            "Predict",
            "predict.py",
            {"input-dir": work / "features", "model-dir": work / "model", "output-dir": work / "predictions"},
        ),
        Step(
            "Quality input",
            "quality_input.py",
            {
                "input-dir": work / "inference",
                "predictions-dir": work / "predictions",
                "contract": contract,
                "output-dir": work / "quality-input",
            },
        ),
        Step(
            "Model quality",
            "model_quality.py",
            {
                "predictions-dir": work / "predictions",
                "labels-dir": work / "labels",
                "contract": contract,
                "output-dir": work / "model-quality",
            },
        ),
    ]


def rehearse(data: Path, work: Path, contract: Path) -> None:
    """Run all jobs, tell which runs and how long it took, and say where the results lie.

    Raises:
        JobError: a job failed; its last words were printed, all of them are in its log.
    """
    console = Console()
    _lay_out(data, work, contract, console)
    for step in steps(work, contract):
        started = time.perf_counter()
        with console.status(f"{step.name} ..."):
            finished = subprocess.run(step.command_line(), capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        log = work / "logs" / f"{step.name}.txt"
        log.write_text(finished.stdout + finished.stderr, encoding="utf-8")
        mark = "[green]done[/]" if finished.returncode == 0 else "[red]failed[/]"
        console.print(
            f"{mark} {step.name:<20}{seconds:6.1f} s  {escape(_last_line(finished))}", highlight=False, soft_wrap=True
        )
        if finished.returncode:
            raise JobError(f"{step.name} failed; read {log}")
    _say_where(work, console)


def data_files(data: Path) -> list[Path]:
    """The project's data files that are there."""
    return [data / name for name in FOLDERS if (data / name).exists()]


def _last_line(finished: subprocess.CompletedProcess[str]) -> str:
    """How a job says it ended."""
    words = finished.stderr if finished.returncode else finished.stdout
    return words.strip().rpartition("\n")[2]


def _lay_out(data: Path, work: Path, contract: Path, console: Console) -> None:
    """Give each job the folders it would find in the cloud."""
    if not data_files(data):
        console.print(f"No data in {data} yet: making a sample that fits the contract.", soft_wrap=True)
        write_sample(load_contract(contract), data)
    shutil.rmtree(work, ignore_errors=True)
    (work / "logs").mkdir(parents=True)
    for name, folder in FOLDERS.items():
        (work / folder).mkdir()
        if (data / name).exists():
            shutil.copy(data / name, work / folder / name)


def _say_where(work: Path, console: Console) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for what, where in (
        ("model", work / "model"),
        ("metrics", work / "evaluation" / "evaluation.json"),
        ("plots", work / "evaluation"),
        ("predictions", work / "predictions"),
        ("verdict", work / "model-quality" / "verdict.json"),
        ("logs", work / "logs"),
    ):
        table.add_row(what, str(where))
    console.print(table, highlight=False, soft_wrap=True)
