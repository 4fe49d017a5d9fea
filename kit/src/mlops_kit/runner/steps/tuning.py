"""Tuning jobs: Optuna suggests hyperparameters, training jobs evaluate them, the best one is the result.

Optuna's TPE replaces SageMaker's strategies Bayesian and Hyperband, because it is the most similar: both learn from
the jobs that have ended. Random and Grid are the same here. Early stopping is ignored: a job on this machine takes less
time than the decision would, and stopping a job changes which jobs end, not which one is the best.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import optuna

from mlops_kit.runner.container import LOG
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.failures import StepFailedError, algorithm_error, client_error
from mlops_kit.runner.record import now
from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps.task import Task
from mlops_kit.runner.steps.training import MODEL, Trained, train

STARTING_JOBS = 3  # with random values, before the search learns from them
SEED = 0
MAX_NAME_LENGTH = 32  # of a tuning job; its training jobs' names begin with it


def run_tuning(task: Task) -> StepResult:
    """Run as many training jobs as the request allows, and find the best.

    Raises:
        StepFailedError: no job ended with a value of the objective.
    """
    tuning = _Tuning(task)
    with ThreadPoolExecutor(tuning.parallel_jobs) as pool:
        list(pool.map(tuning.run_job, range(1, tuning.jobs + 1)))
    task.stop.check()
    (task.folder / LOG).write_text("".join(f"{line}\n" for line in tuning.lines()), encoding="utf-8")
    return tuning.result()


@dataclass
class _Job:
    """A training job of the tuning; `value` is the objective's, None if it failed."""

    name: str
    arn: str
    hyperparameters: dict[str, str]
    started: str = field(default_factory=now)
    ended: str | None = None
    value: float | None = None
    trained: Trained | None = None
    failure: str = ""

    def summary(self, metric: str) -> dict[str, Any]:
        """The job as in DescribeHyperParameterTuningJob."""
        shown: dict[str, Any] = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "CreationTime": self.started,
            "TrainingEndTime": self.ended,
            "TrainingJobStatus": "Failed" if self.value is None else "Completed",
            "TunedHyperParameters": self.hyperparameters,
        }
        if self.value is None:
            return shown | {"FailureReason": self.failure}
        return shown | {
            "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": metric, "Value": self.value},
            "ObjectiveStatus": "Succeeded",
        }


class _Tuning:
    """One tuning job."""

    def __init__(self, task: Task) -> None:
        configuration = task.request["HyperParameterTuningJobConfig"]
        self._task = task
        self._name = task.job_name(MAX_NAME_LENGTH)
        self._definition = _definition(task.request)
        self._ranges = configuration.get("ParameterRanges", {})
        self._objective = configuration["HyperParameterTuningJobObjective"]
        limits = configuration["ResourceLimits"]
        self.jobs = int(limits.get("MaxNumberOfTrainingJobs") or len(_grid(self._ranges)))
        self.parallel_jobs = int(limits["MaxParallelTrainingJobs"])
        self._study = _study(configuration["Strategy"], self._objective["Type"], self._ranges)
        self._lock = threading.Lock()
        self._history: list[_Job] = []

    def run_job(self, number: int) -> None:
        """Train with suggested hyperparameters, and report the result to the search."""
        if self._task.stop.is_set():
            return
        with self._lock:
            trial = self._study.ask()
            name = f"{self._name}-{number:03}"
            job = _Job(name, self._task.context.arn(f"training-job/{name}"), _suggest(trial, self._ranges))
            self._history.append(job)
        hyperparameters = {**self._definition.get("StaticHyperParameters", {}), **job.hyperparameters}
        request = {**self._definition, "HyperParameters": hyperparameters}
        folder = f"job-{number:03}"
        try:
            job.trained = train(self._task, request, job.name, folder)
            job.value = self._value(job.trained)
        except StepFailedError as error:
            job.failure = error.reason
        job.ended = now()
        with self._lock:
            state = optuna.trial.TrialState.FAIL if job.value is None else None
            self._study.tell(trial, job.value, state=state)

    def lines(self) -> list[str]:
        """One line for the result of each job."""
        return [
            f"{job.name.rpartition('-')[2]}: "
            f"{job.failure if job.value is None else f'{self._metric} {job.value:g}'} "
            f"({', '.join(f'{name} {value}' for name, value in job.hyperparameters.items())})"
            for job in self._history
        ]

    def result(self) -> StepResult:
        """The best job, and all jobs.

        Raises:
            StepFailedError: no job has a value of the objective.
        """
        ended = sorted((job for job in self._history if job.value is not None), key=self._rank)
        failed = [job for job in self._history if job.value is None]
        if not ended:
            raise algorithm_error(f"all {len(failed)} training jobs failed, the last with: {failed[-1].failure}")
        best = ended[0]
        arn = self._task.context.arn(f"hyper-parameter-tuning-job/{self._name}")
        models = [best.trained] if best.trained else []
        return StepResult(
            properties={
                "HyperParameterTuningJobName": self._name,
                "HyperParameterTuningJobArn": arn,
                "HyperParameterTuningJobStatus": "Completed",
                "BestTrainingJob": best.summary(self._metric),
                "TrainingJobSummaries": [job.summary(self._metric) for job in ended + failed],
                "TrainingJobStatusCounters": {"Completed": len(ended), "NonRetryableError": len(failed)},
                **self._task.request,
            },
            note=f"{self._metric} {best.value:g} is the best of {len(self._history)} jobs"
            + (f", {len(failed)} of which failed" if failed else ""),
            files=tuple(self._task.output("model", model.model_uri, model.container.path(MODEL)) for model in models),
            outputs=tuple(model.model_uri for model in models),
            log=self._task.log(),
            metadata={"TuningJob": {"Arn": arn}},
        )

    @property
    def _metric(self) -> str:
        return str(self._objective["MetricName"])

    def _rank(self, job: _Job) -> float:
        """Smaller is better."""
        value = math.inf if job.value is None else job.value
        return value if self._objective["Type"] == "Minimize" else -value

    def _value(self, trained: Trained) -> float:
        if self._metric not in trained.metrics:
            raise algorithm_error(f"the log has no value of the objective {self._metric}")
        return trained.metrics[self._metric]


def _definition(request: Mapping[str, Any]) -> dict[str, Any]:
    for key in ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"):
        if request.get(key):
            raise client_error(f"local mode does not support {key}; it tunes one TrainingJobDefinition from the start")
    definition: dict[str, Any] = request["TrainingJobDefinition"]
    return definition


def _study(strategy: str, objective: str, ranges: Mapping[str, Any]) -> optuna.Study:
    """A search with one of SageMaker's strategies."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # here: to import this module changes nothing in the process
    if strategy in ("Random", "Grid"):
        sampler: optuna.samplers.BaseSampler = optuna.samplers.RandomSampler(SEED)
    else:
        sampler = optuna.samplers.TPESampler(seed=SEED, n_startup_trials=STARTING_JOBS, constant_liar=True)
    direction = optuna.study.StudyDirection[objective.upper()]
    study = optuna.create_study(direction=direction, sampler=sampler)
    for combination in _grid(ranges) if strategy == "Grid" else ():
        study.enqueue_trial(combination)
    return study


def _grid(ranges: Mapping[str, Any]) -> list[dict[str, str]]:
    """All combinations of categories, as in SageMaker's strategy Grid."""
    categories = ranges.get("CategoricalParameterRanges", [])
    names = [category["Name"] for category in categories]
    values = itertools.product(*(category["Values"] for category in categories))
    return [dict(zip(names, combination, strict=True)) for combination in values]


def _suggest(trial: optuna.Trial, ranges: Mapping[str, Any]) -> dict[str, str]:
    """A value for each range, as text for a training job."""
    values: dict[str, Any] = {}
    for range_ in ranges.get("IntegerParameterRanges", []):
        low, high = int(range_["MinValue"]), int(range_["MaxValue"])
        values[range_["Name"]] = trial.suggest_int(range_["Name"], low, high, log=_is_logarithmic(range_))
    for range_ in ranges.get("ContinuousParameterRanges", []):
        values[range_["Name"]] = _suggest_float(trial, range_)
    for range_ in ranges.get("CategoricalParameterRanges", []):
        values[range_["Name"]] = trial.suggest_categorical(range_["Name"], range_["Values"])
    return {name: as_text(value) for name, value in values.items()}


def _suggest_float(trial: optuna.Trial, range_: Mapping[str, str]) -> float:
    low, high = float(range_["MinValue"]), float(range_["MaxValue"])
    if range_.get("ScalingType") == "ReverseLogarithmic":
        return 1 - trial.suggest_float(range_["Name"], 1 - high, 1 - low, log=True)
    return trial.suggest_float(range_["Name"], low, high, log=_is_logarithmic(range_))


def _is_logarithmic(range_: Mapping[str, str]) -> bool:
    return range_.get("ScalingType") == "Logarithmic"
