"""What has started an execution: three parameters that every pipeline has and that no step has to read.

SageMaker keeps them with the execution. The schedules and the functions start-pipeline and guard-retraining, which
start pipelines without a person, hand them over.
"""

from __future__ import annotations

from collections.abc import Mapping

PARAMETERS = KIND, KEY, VERSION = "Trigger", "TriggerKey", "TriggerVersion"
KINDS = MANUAL, SCHEDULE, NEW_DATA, QUALITY_VIOLATION = "manual", "schedule", "new-data", "quality-violation"
NOTHING = "none"  # for a key or a version that there is not: SageMaker takes no empty text


def told(parameters: Mapping[str, str]) -> str:
    """What has started an execution of these parameters; empty where it was a person, as it is most often."""
    kind, key = parameters.get(KIND, MANUAL), parameters.get(KEY, NOTHING)
    if kind == MANUAL:
        return ""
    shown = key if key.isprintable() else repr(key)  # an object's key may hold what a terminal acts upon
    return f"started by {kind}" if key == NOTHING else f"started by {kind}: {shown}"
