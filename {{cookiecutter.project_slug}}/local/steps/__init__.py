"""What each type of step does."""

from __future__ import annotations

from collections.abc import Callable

from local.outcome import Outcome
from local.steps.functions import run_function
from local.steps.models import run_model, run_register_model
from local.steps.processing import run_processing
from local.steps.quality_check import run_quality_check
from local.steps.task import Task
from local.steps.training import run_training
from local.steps.transform import run_transform
from local.steps.tuning import run_tuning

__all__ = ["RUNNERS", "Task"]

# Condition and Fail are no tasks: they are decided where the steps are started.
RUNNERS: dict[str, Callable[[Task], Outcome]] = {
    "Processing": run_processing,
    "Training": run_training,
    "Tuning": run_tuning,
    "Transform": run_transform,
    "QualityCheck": run_quality_check,
    "Model": run_model,
    "RegisterModel": run_register_model,
    "Lambda": run_function,
}
