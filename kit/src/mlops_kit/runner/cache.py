"""Take an earlier result where a step would only do the same again."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mlops_kit.runner.step_result import StepResult

# By type of step, what SageMaker compares: neither where results go nor on which instances they are made.
_TRAINING = ("AlgorithmSpecification", "Environment", "InputDataConfig")
_COMPARED = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "QualityCheck": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (*_TRAINING, "CheckpointConfig", "DebugHookConfig", "DebugRuleConfigurations", "HyperParameters"),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}
_COMPARED_IN_TUNING = (*_TRAINING, "HyperParameterRanges", "StaticHyperParameters", "TuningObjective")
_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_UNITS = (
    timedelta(days=365),
    timedelta(days=30),
    timedelta(weeks=1),
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(minutes=1),
    timedelta(seconds=1),
)


@dataclass(frozen=True)
class _Entry:
    outcome: StepResult
    made: float
    source: str


class Cache:
    """Results of steps by what they were asked for; SageMaker's rule, and the outputs must still be there.

    Args:
        exist: whether there are objects under an S3 URI.
        clock: seconds since some moment.
    """

    def __init__(self, exist: Callable[[str], bool], clock: Callable[[], float] = time.time) -> None:
        self._exist = exist
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def find(self, key: str, expire_after: str | None) -> tuple[StepResult, str] | None:
        """The last result under a key and its source, if it is no older than it may be and its outputs are there."""
        with self._lock:
            entry = self._entries.get(key)
        if entry is None or self._clock() - entry.made > duration(expire_after).total_seconds():
            return None
        return (entry.outcome, entry.source) if all(map(self._exist, entry.outcome.outputs)) else None

    def keep(self, key: str, outcome: StepResult, source: str) -> None:
        """Remember a result, and the ARN of the execution that it comes from."""
        with self._lock:
            self._entries[key] = _Entry(outcome, self._clock(), source)


def cache_key(pipeline: str, step: str, kind: str, request: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """What is the same for two runs of a step that would do the same.

    Args:
        pipeline: the pipeline's name.
        step: the step's name.
        kind: its type.
        request: the parameters of the API's operation, with every expression worked out.
        options: what else the step's definition holds, likewise.
    """
    asked = _only(request, _COMPARED.get(kind, request))
    if "TrainingJobDefinition" in asked:
        asked["TrainingJobDefinition"] = _only(asked["TrainingJobDefinition"], _COMPARED_IN_TUNING)
    compared = [pipeline, step, kind, asked, options]
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()


def duration(text: str | None) -> timedelta:
    """The time span that an ISO 8601 duration like P30D or PT1H names; for None the longest there is.

    Raises:
        ValueError: it is no such duration.
    """
    if text is None:
        return timedelta.max
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is no duration like P30D or PT1H")
    return sum((int(number or 0) * unit for number, unit in zip(match.groups(), _UNITS, strict=True)), timedelta())


def _only(request: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: request[name] for name in names if name in request}
