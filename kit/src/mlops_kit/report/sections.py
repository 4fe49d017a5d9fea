"""The results of an execution's steps; which step has which result follows from its files, not from its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlops_kit.report.artifacts import Artifacts, UnreadableError
from mlops_kit.report.elements import Section, html
from mlops_kit.report.evaluation import evaluation_of
from mlops_kit.report.missing_cells import training_data_of
from mlops_kit.report.quality import counted_of, data_quality_of, model_quality_of
from mlops_kit.report.statuses import badge
from mlops_kit.report.tuning import tuning_of
from mlops_kit.runner.record import StepRecord

Reader = Callable[[StepRecord, Artifacts], Section | None]
# In the order of the page: what decides about a model or a batch comes first.
READERS: tuple[Reader, ...] = (
    tuning_of,
    evaluation_of,
    data_quality_of,
    counted_of,
    model_quality_of,
    training_data_of,
)


def sections_of(steps: Iterable[StepRecord], artifacts: Artifacts) -> tuple[Section, ...]:
    """The results of the steps, by kind and then in their order; an unreadable file becomes a section that names it."""
    known = list(steps)
    return tuple(section for read in READERS for step in known if (section := _read(read, step, artifacts)))


def _read(read: Reader, step: StepRecord, artifacts: Artifacts) -> Section | None:
    try:
        return read(step, artifacts)
    except UnreadableError as error:
        problem = str(error)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # JSON of another shape, at whatever depth
        problem = f"the results do not have the expected form ({type(error).__name__}: {error})"
    return Section(step.name, "", html("p", badge("warn", problem), class_="verdict"))
