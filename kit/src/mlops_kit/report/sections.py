"""What all steps of an execution found, whatever the steps are called: their results and files tell what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlops_kit.report.artifacts import Shelf, UnreadableError
from mlops_kit.report.elements import Finding, html
from mlops_kit.report.evaluation import evaluation_of
from mlops_kit.report.quality import data_quality_of, model_quality_of
from mlops_kit.report.statuses import badge
from mlops_kit.report.tuning import tuning_of
from mlops_kit.runner.record import StepRecord

READERS: tuple[Callable[[StepRecord, Shelf], Finding | None], ...] = (
    tuning_of,
    evaluation_of,
    data_quality_of,
    model_quality_of,
)


def findings_of(steps: Iterable[StepRecord], shelf: Shelf) -> tuple[Finding, ...]:
    """What the steps found, in their order; that a file cannot be read is worth knowing too."""
    return tuple(found for step in steps for read in READERS if (found := _carefully(read, step, shelf)))


def _carefully(read: Callable[[StepRecord, Shelf], Finding | None], step: StepRecord, shelf: Shelf) -> Finding | None:
    try:
        return read(step, shelf)
    except UnreadableError as error:
        problem = str(error)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # JSON of another shape, at whatever depth
        problem = f"the results are not of the expected form ({type(error).__name__}: {error})"
    return Finding(step.name, "", html("p", badge("warn", problem), class_="verdict"))
