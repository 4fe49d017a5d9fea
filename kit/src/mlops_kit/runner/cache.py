"""Reuse an earlier result of a step whose request is the same."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_kit.definition.durations import parse_duration
from mlops_kit.runner.step_result import StepResult

# The fields that SageMaker compares, by type of step: not the places of the outputs, and not the instances.
_TRAINING = ("AlgorithmSpecification", "Environment", "InputDataConfig")
_COMPARED = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "QualityCheck": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (*_TRAINING, "CheckpointConfig", "DebugHookConfig", "DebugRuleConfigurations", "HyperParameters"),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}
_COMPARED_IN_TUNING = (*_TRAINING, "HyperParameterRanges", "StaticHyperParameters", "TuningObjective")


@dataclass(frozen=True)
class _Entry:
    outcome: StepResult
    stored_at: float
    source: str


class Cache:
    """Results of steps by cache key, reused by SageMaker's rule as long as their outputs exist.

    Args:
        exist: whether there are objects under an S3 URI.
        clock: the time in seconds.
    """

    def __init__(self, exist: Callable[[str], bool], clock: Callable[[], float] = time.time) -> None:
        self._exist = exist
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def find(self, key: str, expire_after: str | None) -> tuple[StepResult, str] | None:
        """The last result under a key and its source, if it has not expired and its outputs exist."""
        with self._lock:
            entry = self._entries.get(key)
        if entry is None or not self._is_valid(entry, expire_after):
            return None
        return (entry.outcome, entry.source) if all(map(self._exist, entry.outcome.outputs)) else None

    def keep(self, key: str, outcome: StepResult, source: str) -> None:
        """Keep a result, and the ARN of the execution that it comes from."""
        with self._lock:
            self._entries[key] = _Entry(outcome, self._clock(), source)

    def _is_valid(self, entry: _Entry, expire_after: str | None) -> bool:
        return expire_after is None or self._clock() - entry.stored_at <= parse_duration(expire_after).total_seconds()


def cache_key(pipeline: str, step: str, kind: str, request: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """A key that two runs of a step share if they would do the same.

    Args:
        pipeline: the pipeline's name.
        step: the step's name.
        kind: its type.
        request: the parameters of the API's operation, without expressions.
        options: the other fields of the step that its result depends on, without expressions.
    """
    fields = _only(request, _COMPARED.get(kind, request))
    if "TrainingJobDefinition" in fields:
        fields["TrainingJobDefinition"] = _only(fields["TrainingJobDefinition"], _COMPARED_IN_TUNING)
    compared = [pipeline, step, kind, fields, options]
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()


def _only(request: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: request[name] for name in names if name in request}
