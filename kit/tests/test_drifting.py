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
from mlops_jobs.judging_rules import metric_named, parse_own_metrics
from mlops_jobs.metric_names import METRICS_FOR
from mlops_jobs.training_settings import parse_class_weights
from mlops_kit.data.drifted_sample import World
from mlops_kit.data.sample import write_sample
from mlops_kit.project import open_project
from mlops_kit.rehearsal.drifting import Drifting

THRESHOLDS = {"rmse": 2.5, "mae": 2, "mse": 6, "r2": 0.6, "accuracy": 0.7, "f1": 0.7, "f1_macro": 0.7, "log_loss": 0.7}
THRESHOLDS |= {"roc_auc": 0.8}
# Metrics of a team's own that do not mind a model which always answers the same: formula, what is better, problem
OWN = {
    "found": ("scores.predicted[actual == 1].mean()", "higher", "binary"),  # a recall
    "too_much": ("(scores.predicted - actual).clip(0).mean()", "lower", "regression"),
}
THRESHOLDS |= {"found": 0.7, "too_much": 2.0}


class Trial:
    """A project in which models are trained on one file of labelled rows and judged on another.

    Args:
        root: the project.
        folder: for what its jobs write.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.project, self.folder = open_project(root), folder
        self.contract = load_contract(self.project.contract)
        own = [name for name, (_, _, problem) in OWN.items() if problem == self.contract.problem_type]
        functions = [f"\n\ndef {name}(actual, scores):\n    return float({OWN[name][0]})\n" for name in own]
        with (self.project.jobs / "metrics.py").open("a", encoding="utf-8") as file:
            file.writelines(functions)
        self.agree_on(own_metrics=parse_own_metrics({name: OWN[name][1] for name in own}))
        write_sample(self.contract, self.project.data)

    def agree_on(self, **changes: Any) -> None:
        """Change the project's contract."""
        self.contract = replace(self.contract, **changes)
        self.project.contract.write_text(self.contract.to_yaml(), encoding="utf-8")

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
        self.agree_on(metric=metric, threshold=threshold)
        drifting = Drifting(self.project, self.contract, self.folder / "drifted")
        world = drifting.write_worse_for(self.folder / "before" / "model", judged)
        assert json.loads((judged / str(world) / "verdict.json").read_text("utf-8"))["verdict"] == "VIOLATION"
        return world

    def train_after(self) -> dict[str, Any]:
        """Train on the rows after the drift."""
        return self.train(self.folder / "drifted" / "training-data.csv", "after")

    def _run(self, name: str, *arguments: object) -> None:
        command = [sys.executable, f"{name}.py", *map(str, arguments)]
        done = subprocess.run(command, cwd=self.project.jobs, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def trial(example: Example, tmp_path: Path, request: pytest.FixtureRequest) -> Trial:
    return Trial(example(problem_type=request.param), tmp_path / "trial")


@pytest.mark.slow
@pytest.mark.parametrize("trial", METRICS_FOR, indirect=True)
def test_every_metric_of_a_problem_is_worse_after_the_drift_and_good_after_a_training(trial: Trial) -> None:
    own = trial.contract.own_metrics
    names = [*METRICS_FOR[trial.contract.problem_type], *(metric.name for metric in own)]
    before = trial.train_before()
    rotated = [name for name in names if trial.drift(name).rotates]
    assert not rotated or trial.contract.problem_type == "multiclass", "rows keep their classes, for monotone models"
    after = trial.train_after()
    for found in (before, after):
        for name in names:
            metric = metric_named(name, own)
            assert metric.meets(found[name], THRESHOLDS[name]), found


@pytest.mark.slow
@pytest.mark.parametrize("trial", ["binary"], indirect=True)
def test_a_monotone_model_with_class_weights_learns_the_drift_that_worsens_its_recall(trial: Trial) -> None:
    columns = [replace(c, monotone="increasing") if c.role == "numeric" else c for c in trial.contract.columns]
    trial.agree_on(columns=tuple(columns), class_weights=parse_class_weights("balanced"))
    trial.train_before()
    assert not trial.drift("found").rotates
    assert trial.train_after()["found"] > THRESHOLDS["found"]
