"""What an event reports, and what identifies it.

AWS may deliver several events with different ids for one change, so ids are ignored. A change is identified by what
changed and by when it changed, on the clock of the service that changed it: approved, rejected and approved again are
three changes. Events may arrive late and in any order; each message shows the time of its own event.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
STEP = "SageMaker Model Building Pipeline Execution Step Status Change"
PACKAGE = "SageMaker Model Package State Change"
DATA_QUALITY = "Data Quality Violation"
RETRAINING = "Retraining Decision"

PENDING, APPROVED, REJECTED = "PendingManualApproval", "Approved", "Rejected"
FAILED, SUCCEEDED = "Failed", "Succeeded"
VIOLATION = "VIOLATION"
STARTED, HELD_BACK = "started", "held-back"

# What a text of the team can be for, by the type of an event and the new status.
EVENTS = {
    (PACKAGE, PENDING): "model_registered",
    (PACKAGE, APPROVED): "model_approved",
    (PACKAGE, REJECTED): "model_rejected",
    (STEP, FAILED): "step_failed",
    (STEP, SUCCEEDED): "step_succeeded",
    (EXECUTION, FAILED): "execution_failed",
    (EXECUTION, SUCCEEDED): "execution_succeeded",
    (DATA_QUALITY, VIOLATION): "data_quality_violation",
    (RETRAINING, STARTED): "retraining",
    (RETRAINING, HELD_BACK): "retraining",
}

_KIND = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_EXECUTION_ARN = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:pipeline/[\w-]+/execution/\w+", re.ASCII)

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A change that needs a message.

    Attributes:
        type: the event's detail-type.
        detail: the event's detail, unchanged.
        time: the time of the event.
        status: the new status in SageMaker, or the decision.
        id: identifies the change, whatever the event's id; 64 hexadecimal digits.
        arn: of the execution or the model package.
        pipeline: the kind of pipeline, for example training; empty for a model package.
        step: the name of the step; empty unless the change is about a step.
    """

    type: str
    detail: Mapping[str, Any]
    time: str
    status: str
    id: str
    arn: str
    pipeline: str = ""
    step: str = ""

    @property
    def event(self) -> str:
        """The name of what happened, as config/events.yaml has it."""
        return EVENTS[self.type, self.status]


def parse_event(event: Event, project: str, environment: str) -> Change | None:
    """Read an event; None if it needs no message.

    Raises:
        ValueError: the event has an unknown type, belongs to another project or environment, or lacks a required field.
    """
    owner = _Owner(project, environment)
    source, type_ = event.get("source"), event.get("detail-type")
    parse = _PARSERS.get(str(type_))
    if parse is None or source != (owner.source if type_ in (DATA_QUALITY, RETRAINING) else "aws.sagemaker"):
        raise ValueError(
            f"there is no message for an event {type_!r} from {source!r}: write one in lambdas/notify, or fix the rule "
            "that sends it here"
        )
    try:
        return parse(event, event["detail"], owner)
    except KeyError as error:
        raise ValueError(f"the event {type_!r} from {source!r} lacks {error}") from error


@dataclass(frozen=True)
class _Owner:
    """The project and environment that an event must belong to."""

    project: str
    environment: str

    @property
    def source(self) -> str:
        """The source of the project's own events."""
        return f"mlops.{self.project}"

    def kind_of(self, pipeline: str) -> str:
        """The kind of a pipeline, from its name or ARN."""
        name, prefix = pipeline.rpartition("/")[2], f"{self.project}-{self.environment}-"
        kind = name.removeprefix(prefix)
        if not name.startswith(prefix) or not _KIND.fullmatch(kind):
            raise ValueError(f"{pipeline} is not a pipeline of {self.project} in {self.environment}")
        return kind

    def require(self, detail: Mapping[str, Any], *executions: str) -> None:
        """Check one of the project's own events: anyone allowed to put events on the bus can write anything into it."""
        actual = (detail["project"], detail["environment"])
        if actual != (self.project, self.environment):
            raise ValueError(f"the event is from {' in '.join(actual)}, not from {self.project} in {self.environment}")
        for arn in executions:
            if not _EXECUTION_ARN.fullmatch(str(arn)):
                raise ValueError(f"{arn!r} is not the ARN of an execution, so a message cannot link to it")


def _execution(event: Event, detail: Mapping[str, Any], owner: _Owner) -> Change | None:
    """An execution that failed, was retried and failed again has another end time, so it is another change."""
    pipeline, status = owner.kind_of(detail["pipelineArn"]), detail["currentPipelineExecutionStatus"]
    if status not in (FAILED, SUCCEEDED):
        return None
    return _change(event, status, detail["pipelineExecutionArn"], detail.get("executionEndTime", ""), pipeline)


def _step(event: Event, detail: Mapping[str, Any], owner: _Owner) -> Change | None:
    """Whoever stops a step sees the result. A success needs a message where a text of the team asks for it."""
    pipeline, status = owner.kind_of(detail["pipelineArn"]), detail["currentStepStatus"]
    if status not in (FAILED, SUCCEEDED):
        return None
    arn, step = detail["pipelineExecutionArn"], detail["stepName"]
    return _change(event, status, arn, detail.get("stepEndTime", ""), pipeline, step)


def _package(event: Event, detail: Mapping[str, Any], owner: _Owner) -> Change | None:
    """Registered or decided on. If another field changed, the event repeats the status the package had before."""
    arn, status = detail["ModelPackageArn"], detail["ModelApprovalStatus"]
    updated = detail.get("UpdatedModelPackageFields", [])
    if status not in (PENDING, APPROVED, REJECTED):
        raise ValueError(f"{arn} has the approval status {status!r}, for which lambdas/notify has no message")
    if (updated and "ModelApprovalStatus" not in updated) or detail["ModelPackageStatus"] != "Completed":
        return None
    registered = status == PENDING and not updated
    when = detail["CreationTime"] if registered else detail.get("LastModifiedTime", event["time"])
    return _change(event, status, arn, when)


def _data_quality(event: Event, detail: Mapping[str, Any], owner: _Owner) -> Change:
    owner.require(detail, detail["executionArn"])
    return _change(event, VIOLATION, detail["executionArn"], detail["resultsUri"], owner.kind_of(detail["pipeline"]))


def _retraining(event: Event, detail: Mapping[str, Any], owner: _Owner) -> Change:
    decision, inference = detail["decision"], detail["inferenceExecutionArn"]
    owner.require(detail, inference, *([detail["trainingExecutionArn"]] if decision == STARTED else []))
    if decision not in (STARTED, HELD_BACK):
        raise ValueError(f"lambdas/notify has no message for the decision {decision!r} on {inference}")
    return _change(event, decision, inference, "", "training-hpo")


def _change(event: Event, status: str, arn: str, when: Any, pipeline: str = "", step: str = "") -> Change:
    type_, detail = event["detail-type"], event["detail"]
    identity = hashlib.sha256(json.dumps([type_, arn, step, status, when]).encode()).hexdigest()
    return Change(type_, detail, str(event["time"]), status, identity, arn, pipeline, step)


_PARSERS: dict[str, Callable[[Event, Mapping[str, Any], _Owner], Change | None]] = {
    EXECUTION: _execution,
    STEP: _step,
    PACKAGE: _package,
    DATA_QUALITY: _data_quality,
    RETRAINING: _retraining,
}
