"""The drift of a rehearsal worsens whatever metric and model a project has, and a model of the new rows is good again.

Each case trains, judges and trains again with the project's own jobs, as the steps 1, 6 and 7 of the rehearsal do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from example import Example
from mlops_jobs.contract import load_contract
from mlops_jobs.metric_names import METRICS_FOR, meets
from mlops_kit.data.drifted_sample import World
from mlops_kit.data.sample import write_sample
from mlops_kit.project import open_project
from mlops_kit.rehearsal.drifting import Drifting

THRESHOLDS = {"rmse": 2.5, "mae": 2, "mse": 6, "r2": 0.6, "accuracy": 0.7, "f1": 0.7, "f1_macro": 0.7, "log_loss": 0.7}
THRESHOLDS |= {"roc_auc": 0.8}
# Each takes the place of a metric of the kit, and does not mind that a model always answers the same.
RECALL = ("f1", "s.predicted[a == 1].mean()")
OVERSHOOT = ("mae", "(s.predicted - a).clip(0).mean()")
MODEL = '            {\n                "objective"'  # the start of the parameters of XGBoost


class Trial:
    """A project in which models are trained on one file of labelled rows and judged on another.

    Args:
        root: the project.
        folder: for what its jobs write.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.project, self.folder = open_project(root), folder
        self.contract = load_contract(self.project.contract)
        write_sample(self.contract, self.project.data)

    def train(self, rows: Path, name: str) -> dict[str, Any]:
        """Train on a file, and return the metrics on its test split; the model is in the folder `name`/model."""
        out = self.folder / name
        (out / "in").mkdir(parents=True)
        (out / "in" / "rows.csv").write_bytes(rows.read_bytes())
        splits = ("train", "validation", "test", "baseline", "preprocessor")
        folders = [word for split in splits for word in (f"--{split}-dir", out / split)]
        self._run("preprocess", "fit", "--input-dir", out / "in", "--contract", self.project.contract, *folders)
        channels = [word for split in (*splits[:2], splits[4]) for word in (f"--{split}", out / split)]
        self._run("train", *channels, "--model-dir", out / "model", "--num_round", "60", "--eta", "0.2")
        self._run("evaluate", "--test-dir", out / "test", "--model-dir", out / "model", "--output-dir", out / "judged")
        found = json.loads((out / "judged" / "evaluation.json").read_text("utf-8"))
        [metrics] = (value for key, value in found.items() if key.endswith("_metrics"))
        return {metric: entry["value"] for metric, entry in metrics.items()}

    def train_before(self) -> dict[str, Any]:
        """Train on the rows before a drift."""
        return self.train(self.project.data / "training-data.csv", "before")

    def drift(self, metric: str) -> World:
        """The drift that is chosen for a metric, whose threshold the model before it misses."""
        threshold, judged = THRESHOLDS[metric], self.folder / f"judged by {metric}"
        contract = replace(self.contract, metric=metric, threshold=threshold)
        self.project.contract.write_text(contract.to_yaml(), encoding="utf-8")
        drifting = Drifting(self.project, contract, self.folder / "drifted")
        world = drifting.write_worse_for(self.folder / "before" / "model", judged)
        assert json.loads((judged / str(world) / "verdict.json").read_text("utf-8"))["verdict"] == "VIOLATION"
        return world

    def train_after(self) -> dict[str, Any]:
        """Train on the rows after the drift."""
        return self.train(self.folder / "drifted" / "training-data.csv", "after")

    def change(self, path: str, before: str, after: str) -> None:
        """Edit a file of the project; an empty text before stands for its end."""
        file = self.project.root / path
        text = file.read_text("utf-8")
        assert before in text
        file.write_text(text.replace(before, after, 1) if before else text + after, encoding="utf-8")

    def _run(self, name: str, *arguments: object) -> None:
        command = [sys.executable, f"{name}.py", *map(str, arguments)]
        done = subprocess.run(command, cwd=self.project.jobs, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def trial(example: Example, tmp_path: Path, request: pytest.FixtureRequest) -> Trial:
    return Trial(example(problem_type=request.param), tmp_path / "trial")


def measure_with(trial: Trial, metric: str, formula: str) -> None:
    """Let a metric be measured by a formula of the actual values `a` and the scores `s`."""
    found = f'_known(p, a, s) | {{"{metric}": float({formula})}}'
    trial.change("jobs/metrics.py", "", f"\n_known = all_metrics\ndef all_metrics(p, a, s):\n    return {found}\n")


@pytest.mark.slow
@pytest.mark.parametrize("trial", METRICS_FOR, indirect=True)
def test_every_metric_of_a_problem_is_worse_after_the_drift_and_good_after_a_training(trial: Trial) -> None:
    metrics = METRICS_FOR[trial.contract.problem_type]
    before = trial.train_before()
    assert not any(trial.drift(metric).rotates for metric in metrics), "rows keep their classes, for monotone models"
    after = trial.train_after()
    for found in (before, after):
        assert all(meets(metric, found[metric], THRESHOLDS[metric]) for metric in metrics), found


@pytest.mark.slow
@pytest.mark.parametrize("trial", ["binary"], indirect=True)
def test_a_monotone_model_of_a_recall_learns_the_drift_that_worsens_it(trial: Trial) -> None:
    measure_with(trial, *RECALL)
    trial.change("jobs/model.py", MODEL, MODEL.replace('"obj', '"monotone_constraints": {"length": 1}, "obj'))
    trial.train_before()
    assert not trial.drift("f1").rotates, "rows keep their classes"
    assert trial.train_after()["f1"] > THRESHOLDS["f1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trial", "metric", "chosen"),
    [("regression", OVERSHOOT, World(target_direction=-1))],
    indirect=["trial"],
    ids=["what is too much"],
)
def test_where_a_metric_does_not_mind_one_drift_another_is_chosen(
    trial: Trial, metric: tuple[str, str], chosen: World
) -> None:
    measure_with(trial, *metric)
    trial.train_before()
    assert trial.drift(metric[0]) == chosen
