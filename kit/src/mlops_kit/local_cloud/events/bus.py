"""Emit SageMaker's events: on the default event bus and in events.jsonl."""

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
MAX_ENTRIES = 10  # of one PutEvents request
FLUSH_TIMEOUT = 10.0  # seconds
BATCH_INTERVAL = 0.05  # seconds in which events are collected: one request with ten events costs as much as with one
WITHOUT_EVENT = ("Waiting", "Skipped")  # SageMaker emits no events for steps that do not run

Event = dict[str, Any]


class EventBus:
    """Sends events in order from its own thread, so that emitting one never waits.

    Args:
        client: boto3's client for EventBridge.
        work: the folder of events.jsonl.

    Attributes:
        emitted: the number of events so far.
    """

    def __init__(self, client: Any, work: Path, region: str, account_id: str) -> None:
        self._client = client
        self._path = work / FILE
        self._origin = {"region": region, "account": account_id}
        self._queue: SimpleQueue[Event | threading.Event | None] = SimpleQueue()  # None ends the thread
        self.emitted = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._send, name="events", daemon=True)
        self._thread.start()

    def status_changed(self, change: Change) -> None:
        """Emit the event for an execution's or a step's change of status."""
        record, step = change.record, change.step
        if step is None:
            self._emit(EXECUTION, execution_detail(change), [_pipeline_arn(record), record.arn])
        elif step.status not in WITHOUT_EVENT and step.started:
            self._emit(STEP, step_detail(record, step, change.previous), [_pipeline_arn(record), record.arn])

    def package_changed(self, package: Mapping[str, Any], fields: list[str]) -> None:
        """Emit the event for a model package.

        Args:
            package: the answer of DescribeModelPackage.
            fields: the updated fields; empty for a new package.
        """
        self._emit(PACKAGE, package_detail(package, fields), [package["ModelPackageArn"]])

    def flush(self) -> None:
        """Wait until all events so far are sent."""
        sent = threading.Event()
        self._queue.put(sent)
        sent.wait(FLUSH_TIMEOUT)

    def close(self) -> None:
        """Send the remaining events, and end the thread."""
        self._queue.put(None)
        self._thread.join(FLUSH_TIMEOUT)

    def _emit(self, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        with self._counting:  # executions and requests emit events in threads of their own
            self.emitted += 1
        envelope = {"version": "0", "id": str(uuid.uuid4()), "detail-type": detail_type, "source": SOURCE}
        self._queue.put({**envelope, **self._origin, "time": now(), "resources": resources, "detail": detail})

    def _send(self) -> None:
        last = False
        while not last:
            batch = [self._queue.get()]
            time.sleep(BATCH_INTERVAL)
            while len(batch) < MAX_ENTRIES and not self._queue.empty():
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
            # The local AWS is shutting down: the events are in the file, and the execution continues.
            self._write([{"undelivered": [event["id"] for event in events], "reason": str(error)}])

    def _write(self, lines: list[Event]) -> None:
        # the folder may have been removed, or the disk may be full: the bus still receives the events
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)


def execution_detail(change: Change) -> dict[str, Any]:
    """The detail of an execution's event."""
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
    return _without_none(detail)


def step_detail(record: ExecutionRecord, step: StepRecord, previous: str | None) -> dict[str, Any]:
    """The detail of a step's event."""
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
    return _without_none(detail)


def package_detail(package: Mapping[str, Any], fields: list[str]) -> dict[str, Any]:
    """The detail of a model package's event."""
    reported = (
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
    detail = {key: package[key] for key in reported if key in package}
    if fields:
        detail["UpdatedModelPackageFields"] = fields
    return plain(detail)


def _job(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """A step's job, for example {"processingJob": {"arn": ...}}."""
    keys = {
        "ProcessingJob": "processingJob",
        "TrainingJob": "trainingJob",
        "TransformJob": "transformJob",
        "HyperParameterTuningJob": "tuningJob",
    }
    return {key: {"arn": result[f"{name}Arn"]} for name, key in keys.items() if f"{name}Arn" in result} or None


def _pipeline_arn(record: ExecutionRecord) -> str:
    return record.arn.partition("/execution/")[0]


def _without_none(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if value is not None}
