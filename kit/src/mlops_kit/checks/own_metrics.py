"""Call the team's own metrics of jobs/metrics.py on a few made-up rows, so that a mistake is found early."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.errors import UserError
from mlops_jobs.judging_rules import HIGHER, LOWER
from mlops_jobs.own_metrics import FILE, OwnMetric, load_own_metrics
from mlops_jobs.scores import Scores
from mlops_kit.project import open_project

ROWS = 60
CLASSES = {"binary": 2, "multiclass": 3}


def check_own_metrics(root: Path) -> None:
    """Check that metrics.py has a function for each of the contract's own metrics, and that the direction is right.

    Raises:
        UserError: a function is missing, fails or returns no number; a perfect prediction is worse than a wrong one; or
            the contract's metric is one that a constant prediction can be best at.
    """
    project = open_project(root)
    contract = load_contract(project.contract)
    actual, perfect, wrong = _predictions(contract)
    for name, own in load_own_metrics(project.jobs, contract).items():
        best, worst = own.measure(actual, perfect), own.measure(actual, wrong)
        if not math.isfinite(best):
            raise UserError(f"jobs/{FILE}: {name} is {best} for a perfect prediction; it must be a finite number")
        if own.metric.gain(worst, best) > 0:
            declared, other = (LOWER, HIGHER) if own.metric.lower_is_better else (HIGHER, LOWER)
            raise UserError(
                f"own_metrics of the contract has {name}: {declared}, but {name} is {best:.4g} for a perfect "
                f"prediction and {worst:.4g} for one that is always wrong; set it to {other}, or correct the function"
            )
        if name == contract.metric:
            _check_constants(contract, own, actual, best)


def _check_constants(contract: Contract, own: OwnMetric, actual: np.ndarray, best: float) -> None:
    """The metric that decides must be one at which a model can beat every constant prediction."""
    name = own.metric.name
    reached = own.reached_by_constants(contract.problem_type, actual, CLASSES.get(contract.problem_type, 0))
    if math.isnan(reached):
        raise UserError(
            f"jobs/{FILE}: {name} is not defined for any constant prediction, which a model has to beat; return the "
            "number that such a prediction is worth"
        )
    if own.metric.gain(best, reached) <= 0:
        raise UserError(
            f"the contract has metric: {name}, and a constant prediction reaches {reached:.4g}, as much as a perfect "
            "one, so no model could be registered; make it a gate, and choose another metric"
        )


def _predictions(contract: Contract) -> tuple[np.ndarray, Scores, Scores]:
    """The target of some rows, a perfect prediction, and one that is wrong in every row."""
    if not contract.is_classification:
        values = np.linspace(1.0, 10.0, ROWS)
        return values, Scores(values), Scores(values[::-1] + 100.0)
    classes = CLASSES[contract.problem_type]
    actual = np.arange(ROWS) % classes
    wrong = (actual + 1) % classes
    certain = np.eye(classes, dtype=np.float32)
    return actual, Scores(actual, certain[actual]), Scores(wrong, certain[wrong])
