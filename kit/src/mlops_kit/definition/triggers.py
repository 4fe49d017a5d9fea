"""The trigger of an execution: three parameters that every pipeline has and that no step has to read.

SageMaker stores them with the execution. The schedules and the functions start-pipeline and guard-retraining set them.
"""

from __future__ import annotations

from collections.abc import Mapping

PARAMETERS = KIND, KEY, VERSION = "Trigger", "TriggerKey", "TriggerVersion"
KINDS = MANUAL, SCHEDULE, NEW_DATA, QUALITY_VIOLATION = "manual", "schedule", "new-data", "quality-violation"
NOTHING = "none"  # instead of a missing key or version: SageMaker takes no empty text


def describe(parameters: Mapping[str, str]) -> str:
    """What started an execution with these parameters; empty if it was a person."""
    kind, key = parameters.get(KIND, MANUAL), parameters.get(KEY, NOTHING)
    if kind == MANUAL:
        return ""
    shown = key if key.isprintable() else repr(key)  # an object's key may have control characters
    return f"started by {kind}" if key == NOTHING else f"started by {kind}: {shown}"
