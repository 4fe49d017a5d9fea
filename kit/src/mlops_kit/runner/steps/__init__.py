"""The executor of each type of step."""

from __future__ import annotations

from collections.abc import Callable

from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps.functions import run_function
from mlops_kit.runner.steps.models import run_model, run_register_model
from mlops_kit.runner.steps.processing import run_processing
from mlops_kit.runner.steps.quality_check import run_quality_check
from mlops_kit.runner.steps.task import Task
from mlops_kit.runner.steps.training import run_training
from mlops_kit.runner.steps.transform import run_transform
from mlops_kit.runner.steps.tuning import run_tuning

__all__ = ["STEP_EXECUTORS", "Task"]

# Condition and Fail are not tasks: the caller evaluates them.
STEP_EXECUTORS: dict[str, Callable[[Task], StepResult]] = {
    "Processing": run_processing,
    "Training": run_training,
    "Tuning": run_tuning,
    "Transform": run_transform,
    "QualityCheck": run_quality_check,
    "Model": run_model,
    "RegisterModel": run_register_model,
    "Lambda": run_function,
}
