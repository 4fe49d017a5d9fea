"""Tell the world what changed: events in SageMaker's shape, on the default bus and in events.jsonl."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mlops_kit.runner.expressions import plain
from mlops_kit.runner.record import ExecutionRecord, StepRecord, now, seconds_of, time_text
from mlops_kit.runner.recorder import Change

FILE = "events.jsonl"
SOURCE = "aws.sagemaker"
EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
STEP = "SageMaker Model Building Pipeline Execution Step Status Change"
PACKAGE = "SageMaker Model Package State Change"
MOST_ENTRIES = 10  # that PutEvents takes at once
PATIENCE = 10.0  # seconds that sending may take
GATHERING_SECONDS = 0.05  # in which events come together: ten at once are sent with a tenth of the effort
UNTOLD = ("Waiting", "Skipped")  # SageMaker does not speak of steps that are not run

Event = dict[str, Any]


class Events:
    """Sends events in the order they happen, from a thread of its own: whoever caused one does not wait.

    Args:
        client: boto3's client for EventBridge.
        work: the folder of events.jsonl.

    Attributes:
        told: how many there have been.
    """

    def __init__(self, client: Any, work: Path, region: str, account_id: str) -> None:
        self._client = client
        self._path = work / FILE
        self._place = {"region": region, "account": account_id}
        self._queue: SimpleQueue[Event | threading.Event | None] = SimpleQueue()  # None is the last
        self.told = 0
        self._thread = threading.Thread(target=self._send, name="events", daemon=True)
        self._thread.start()

    def status_changed(self, change: Change) -> None:
        """Tell of an execution or one of its steps."""
        record, step = change.record, change.step
        if step is None:
            self._tell(EXECUTION, execution_detail(change), [_pipeline_arn(record), record.arn])
        elif step.status not in UNTOLD and step.started:
            self._tell(STEP, step_detail(record, step, change.previous), [_pipeline_arn(record), record.arn])

    def package_changed(self, package: Mapping[str, Any], fields: list[str]) -> None:
        """Tell of a model package.

        Args:
            package: what DescribeModelPackage answers.
            fields: which of its fields were updated; none when it is new.
        """
        self._tell(PACKAGE, package_detail(package, fields), [package["ModelPackageArn"]])

    def flush(self, seconds: float = PATIENCE) -> None:
        """Wait until all that was told is sent."""
        sent = threading.Event()
        self._queue.put(sent)
        sent.wait(seconds)

    def close(self) -> None:
        """Send what is left, and nothing more."""
        self._queue.put(None)
        self._thread.join(PATIENCE)

    def _tell(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        self.told += 1
        envelope = {"version": "0", "id": str(uuid.uuid4()), "detail-type": detail_type, "source": SOURCE}
        self._queue.put({**envelope, **self._place, "time": now(), "resources": resources, "detail": detail})

    def _send(self) -> None:
        last = False
        while not last:
            batch = [self._queue.get()]
            time.sleep(GATHERING_SECONDS)
            while len(batch) < MOST_ENTRIES and not self._queue.empty():
                batch.append(self._queue.get())
            last = None in batch
            events = [entry for entry in batch if isinstance(entry, dict)]
            if events:
                self._write(events)
                self._put(events)
            for entry in batch:
                if isinstance(entry, threading.Event):
                    entry.set()

    def _put(self, events: list[Event]) -> None:
        entries = [
            {
                "Source": SOURCE,
                "DetailType": event["detail-type"],
                "Detail": json.dumps(event["detail"]),
                "Resources": event["resources"],
                "Time": seconds_of(event["time"]),
            }
            for event in events
        ]
        try:
            self._client.put_events(Entries=entries)
        except (BotoCoreError, ClientError) as error:
            # The local AWS is about to end: the events are in the file, and the execution goes on.
            self._write([{"undelivered": [event["id"] for event in events], "reason": str(error)}])

    def _write(self, lines: list[Event]) -> None:
        # somebody may have removed the folder, or the disk is full: the bus still gets them
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)


def execution_detail(change: Change) -> dict[str, Any]:
    """What SageMaker tells of an execution."""
    record = change.record
    detail = {
        "pipelineArn": _pipeline_arn(record),
        "pipelineExecutionArn": record.arn,
        "pipelineExecutionDisplayName": record.id,
        "currentPipelineExecutionStatus": record.status,
        "previousPipelineExecutionStatus": change.previous,
        "executionStartTime": time_text(record.started),
        "executionEndTime": time_text(record.ended),
    }
    return _given(detail)


def step_detail(record: ExecutionRecord, step: StepRecord, previous: str | None) -> dict[str, Any]:
    """What SageMaker tells of a step."""
    detail = {
        "pipelineArn": _pipeline_arn(record),
        "pipelineExecutionArn": record.arn,
        "stepName": step.name,
        "stepType": step.type,
        "currentStepStatus": step.status,
        "previousStepStatus": None if previous == "Waiting" else previous,
        "stepStartTime": time_text(step.started),
        "stepEndTime": time_text(step.ended),
        "failureReason": step.reason if step.status == "Failed" else None,
        "metadata": _job(step.result),
        "cacheHitResult": {"sourcePipelineExecutionArn": step.cached_from} if step.cache_hit else None,
    }
    return _given(detail)


def package_detail(package: Mapping[str, Any], fields: list[str]) -> dict[str, Any]:
    """What SageMaker tells of a model package."""
    told = (
        "ModelPackageGroupName",
        "ModelPackageVersion",
        "ModelPackageArn",
        "ModelPackageDescription",
        "CreationTime",
        "InferenceSpecification",
        "ModelPackageStatus",
        "ModelApprovalStatus",
        "ApprovalDescription",
        "MetadataProperties",
        "ModelMetrics",
        "CustomerMetadataProperties",
    )
    detail = {key: package[key] for key in told if key in package}
    if fields:
        detail["UpdatedModelPackageFields"] = fields
    return plain(detail)


def _job(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """The job of a step, for example {"processingJob": {"arn": ...}}."""
    jobs = {"ProcessingJob": "processingJob", "TrainingJob": "trainingJob", "TransformJob": "transformJob"}
    jobs["HyperParameterTuningJob"] = "tuningJob"
    found = [(short, result[f"{name}Arn"]) for name, short in jobs.items() if f"{name}Arn" in result]
    return {name: {"arn": arn} for name, arn in found} or None


def _pipeline_arn(record: ExecutionRecord) -> str:
    return record.arn.partition("/execution/")[0]


def _given(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if value is not None}
