"""What an event tells, and what identifies it.

AWS may send an event more than once for one change, under several ids, so the ids do not count. What counts is what
changed, and when it did by the clock of whoever changed it: approved, rejected and approved again are three changes.
Events may come late and in any order: each is told with its own time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
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
KINDS = ("training", "training-hpo", "inference")

_EXECUTION_ARN = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:pipeline/[\w-]+/execution/\w+", re.ASCII)

Event = Mapping[str, Any]


@dataclass(frozen=True)
class News:
    """A change that is told of.

    Attributes:
        type: the event's detail-type.
        detail: as the event has it.
        time: of the event.
        status: what it came to: a status of SageMaker's, or a decision.
        change: what identifies the change, whatever the event's id; 64 hexadecimal digits.
        arn: of the execution or the model package.
        pipeline: the kind, or empty.
        step: its name, or empty.
    """

    type: str
    detail: Mapping[str, Any]
    time: str
    status: str
    change: str
    arn: str
    pipeline: str = ""
    step: str = ""


@dataclass(frozen=True)
class Reader:
    """Reads the events of one project in one environment."""

    project: str
    environment: str

    def read(self, event: Event) -> News | None:
        """Read an event; None where it is known, and nothing that a person has to be told.

        Raises:
            ValueError: it is unknown, of something else, or lacks what all of its type have.
        """
        readers = {
            ("aws.sagemaker", EXECUTION): self._execution,
            ("aws.sagemaker", STEP): self._step,
            ("aws.sagemaker", PACKAGE): self._package,
            (f"mlops.{self.project}", DATA_QUALITY): self._data_quality,
            (f"mlops.{self.project}", RETRAINING): self._retraining,
        }
        source, kind = event.get("source"), event.get("detail-type")
        reader = readers.get((str(source), str(kind)))
        if reader is None:
            raise ValueError(
                f"nobody can be told of an event {kind!r} of {source!r}: write a message for it in lambdas/notify, or "
                "mend the rule that sends it here"
            )
        try:
            return reader(event, event["detail"])
        except KeyError as error:
            raise ValueError(f"the event {kind!r} of {source!r} lacks {error}") from error

    def _execution(self, event: Event, detail: Mapping[str, Any]) -> News | None:
        """One that was started again after it had failed may fail again; then it ends at another time."""
        pipeline, status = self._kind(detail["pipelineArn"]), detail["currentPipelineExecutionStatus"]
        if status not in (FAILED, SUCCEEDED):
            return None
        arn = detail["pipelineExecutionArn"]
        return _news(event, status, arn, detail.get("executionEndTime", ""), pipeline=pipeline)

    def _step(self, event: Event, detail: Mapping[str, Any]) -> News | None:
        """Only failures; a stopped step is no news to whoever stopped it."""
        pipeline, status = self._kind(detail["pipelineArn"]), detail["currentStepStatus"]
        if status != FAILED:
            return None
        arn, step = detail["pipelineExecutionArn"], detail["stepName"]
        return _news(event, status, arn, detail.get("stepEndTime", ""), pipeline=pipeline, step=step)

    def _package(self, event: Event, detail: Mapping[str, Any]) -> News | None:
        """Registered or decided on. Where another field changed, the event comes with the status it had before."""
        arn, status = detail["ModelPackageArn"], detail["ModelApprovalStatus"]
        changed = detail.get("UpdatedModelPackageFields", [])
        if status not in (PENDING, APPROVED, REJECTED):
            raise ValueError(f"{arn} has the approval status {status!r}, which lambdas/notify does not know")
        if (changed and "ModelApprovalStatus" not in changed) or detail["ModelPackageStatus"] != "Completed":
            return None
        registered = status == PENDING and not changed
        when = detail["CreationTime"] if registered else detail.get("LastModifiedTime", event["time"])
        return _news(event, status, arn, when)

    def _data_quality(self, event: Event, detail: Mapping[str, Any]) -> News:
        self._must_be_ours(detail, detail["executionArn"])
        pipeline = self._kind(detail["pipeline"])
        return _news(event, VIOLATION, detail["executionArn"], detail["resultsUri"], pipeline=pipeline)

    def _retraining(self, event: Event, detail: Mapping[str, Any]) -> News:
        decision, inference = detail["decision"], detail["inferenceExecutionArn"]
        self._must_be_ours(detail, inference, *([detail["trainingExecutionArn"]] if decision == STARTED else []))
        if decision not in (STARTED, HELD_BACK):
            raise ValueError(f"the decision {decision!r} on {inference} is none that lambdas/notify knows")
        return _news(event, decision, inference, "", pipeline="training-hpo")

    def _kind(self, pipeline: str) -> str:
        """The kind of a pipeline, by its name or ARN."""
        kind = pipeline.rpartition("/")[2].removeprefix(f"{self.project}-{self.environment}-")
        if kind not in KINDS:
            raise ValueError(f"{pipeline} is no pipeline of {self.project} in {self.environment}")
        return kind

    def _must_be_ours(self, detail: Mapping[str, Any], *executions: str) -> None:
        """Of the events that are not AWS's, whoever may put events on the bus can write anything into one."""
        found = (detail["project"], detail["environment"])
        if found != (self.project, self.environment):
            raise ValueError(f"the event is of {' in '.join(found)}, not of {self.project} in {self.environment}")
        for arn in executions:
            if not _EXECUTION_ARN.fullmatch(str(arn)):
                raise ValueError(f"{arn!r} is no ARN of an execution, to which a message could lead")


def _news(event: Event, status: str, arn: str, when: Any, pipeline: str = "", step: str = "") -> News:
    kind, told = event["detail-type"], event["detail"]
    change = hashlib.sha256(json.dumps([kind, arn, step, status, when]).encode()).hexdigest()
    return News(kind, told, str(event["time"]), status, change, arn, pipeline, step)
