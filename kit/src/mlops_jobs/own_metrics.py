"""The team's own metrics: functions of jobs/metrics.py whose names are in own_metrics of the contract.

The contract alone gives the direction of each, so that pipelines need not import the file. Whether that direction is
right is checked by `mlops check`: a perfect prediction must not be worse than a wrong one.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from mlops_jobs.contract import Contract
from mlops_jobs.errors import UserError
from mlops_jobs.guessing import reached_by_constants
from mlops_jobs.metric_names import Metric
from mlops_jobs.scores import Scores

FILE = "metrics.py"


@dataclass(frozen=True)
class OwnMetric:
    """A function of the team's, with the direction that the contract gives it."""

    metric: Metric
    function: Callable[[np.ndarray, Scores], Any]

    def measure(self, actual: np.ndarray, scores: Scores) -> float:
        """The metric of n rows; NaN where they do not define it.

        Args:
            actual: the target, or the index of the class; shape (n,).
            scores: what a model predicts for the same rows.

        Raises:
            UserError: the function fails, or returns something else than a number.
        """
        try:
            return float(self.function(actual, scores))
        except Exception as error:
            raise UserError(
                f"jobs/{FILE}{_line(error)}: {self.metric.name} of {len(actual)} rows: {type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]}; correct the function, which must return a number"
            ) from error

    def reached_by_constants(self, problem_type: str, actual: np.ndarray, classes: int) -> float:
        """The best value that a constant prediction reaches on these rows."""
        return reached_by_constants(problem_type, actual, self.metric, self.measure, classes)


def own_metrics_in(namespace: Mapping[str, Any], contract: Contract) -> dict[str, OwnMetric]:
    """The own metrics of a contract among the functions of metrics.py.

    Args:
        namespace: the names of that file.
        contract: names them.

    Raises:
        UserError: there is no function of such a name, or it is imported.
    """
    found = {}
    for metric in contract.own_metrics:
        name, function = metric.name, namespace.get(metric.name)
        if not inspect.isfunction(function) or function.__module__ != namespace.get("__name__"):
            raise UserError(
                f"the contract has the metric {name!r} in own_metrics, and jobs/{FILE} has no function of that name; "
                f"write `def {name}(actual, scores)`, as docs/metrics.md shows"
            )
        found[name] = OwnMetric(metric, function)
    return found


def load_own_metrics(jobs: Path, contract: Contract) -> dict[str, OwnMetric]:
    """The own metrics of a contract, from the metrics.py of a project; nothing is imported where there are none.

    Raises:
        UserError: the file cannot be imported, or has no function of such a name.
    """
    if not contract.own_metrics:
        return {}
    spec = spec_from_file_location("metrics", jobs / FILE)
    if spec is None or spec.loader is None:
        raise UserError(f"{jobs / FILE}: cannot be imported; it must be a Python file")
    module = module_from_spec(spec)
    sys.path.insert(0, str(jobs))  # it may import its neighbours
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(f"{jobs / FILE}: cannot be imported: {reason}; correct it") from error
    finally:
        sys.path.remove(str(jobs))
    return own_metrics_in(vars(module), contract)


def _line(error: Exception) -> str:
    """The line of metrics.py that raised an error, as `, line 12`."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number for frame, number in frames if Path(frame.f_code.co_filename).name == FILE]
    return f", line {lines[-1]}" if lines else ""
