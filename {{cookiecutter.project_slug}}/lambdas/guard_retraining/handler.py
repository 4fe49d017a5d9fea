"""Lambda, called when the step ModelQuality of inference succeeds: decide whether to retrain the model.

A verdict is not a crash: a step that crashed never calls this function. Only the verdict VIOLATION can start
training-hpo, and only if enough of the latest verdicts are violations, no execution is running, and the last start is
longer ago than the cooldown.

Each decision is stored before it is carried out, so the same event always leads to the same decision, and under the
same token to the same execution. Of two concurrent calls, the second sees the decision of the first.

Needs the IAM actions s3:GetObject and s3:ListBucket on the bucket (without the latter, S3 reports a missing file as
access denied), kms:Decrypt on its key, dynamodb:GetItem and PutItem on the table, sagemaker:ListPipelineExecutions and
StartPipelineExecution on training-hpo, events:PutEvents on the default bus, and those of every function's log.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

STEP = "ModelQuality"
VIOLATION = "VIOLATION"
UNJUDGED = ("NO_LABELS", "NO_MATCH", "UNDEFINED")  # they say nothing about the model, so they do not count
DETAIL_TYPE = "Retraining Decision"
STARTED, HELD_BACK = "started", "held-back"
RUNNING = ("Executing", "Stopping")

PAGE_SIZE = 100  # executions among which a running one is searched: the maximum of one page
MIN_HISTORY = 200  # verdicts to keep: an event may be replayed from a dead-letter queue days later
SERVER_ERROR = 500  # from this HTTP status on, a failed request may have been carried out
WRITE_ATTEMPTS = 10  # while other calls write to the table
MIN_COOLDOWN = 0.25  # hours: longer than SageMaker takes to list what a call and its retries have started

_EXECUTION = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:pipeline/(?P<pipeline>[\w-]+)/execution/(?P<id>\w+)")


@dataclass(frozen=True)
class Settings:
    """The function's configuration, set by Terraform.

    Attributes:
        cooldown: hours after a start during which no other may follow; at least MIN_COOLDOWN.
        violations: how many it takes ...
        verdicts: ... among so many of the latest verdicts.
    """

    project: str
    environment: str
    bucket: str
    table: str
    cooldown: float
    violations: int
    verdicts: int

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Settings:
        """Read the function's environment variables; raises KeyError if one is missing."""
        return cls(
            variables["PROJECT"],
            variables["ENVIRONMENT"],
            variables["BUCKET"],
            variables["TABLE"],
            max(float(variables["COOLDOWN_HOURS"]), MIN_COOLDOWN),
            int(variables["VIOLATIONS"]),
            int(variables["VERDICTS"]),
        )

    def pipeline(self, kind: str) -> str:
        """The name of the pipeline of a kind."""
        return f"{self.project}-{self.environment}-{kind}"


@dataclass(frozen=True)
class Verdict:
    """The verdict on an execution of inference, and the decision about it.

    Attributes:
        execution: the ARN of the inference.
        judged: when the verdict was made, in seconds since 1970.
        verdict: PASS, VIOLATION, NO_LABELS, NO_MATCH or UNDEFINED.
        value: of the metric; None without labels.
        decision: started or held-back; empty for a PASS, which needs no decision.
        reason: a sentence that explains the decision.
        decided: when the decision was made, in seconds since 1970; 0 without a decision.
    """

    execution: str
    judged: float
    verdict: str
    metric: str
    value: float | None
    threshold: float
    decision: str = ""
    reason: str = ""
    decided: float = 0.0

    @property
    def violates(self) -> bool:
        """Whether the model was worse than its threshold."""
        return self.verdict == VIOLATION


@dataclass(frozen=True)
class Memory:
    """The stored verdicts, in the order in which their events arrived."""

    verdicts: tuple[Verdict, ...] = ()

    def find(self, execution: str) -> Verdict | None:
        """The verdict on an execution; None if it is not stored."""
        return next((verdict for verdict in self.verdicts if verdict.execution == execution), None)

    @property
    def last_start(self) -> Verdict | None:
        """The latest verdict that started a training."""
        starts = [verdict for verdict in self.verdicts if verdict.decision == STARTED]
        return max(starts, key=lambda verdict: verdict.decided, default=None)

    def latest(self, new: Verdict, count: int) -> list[Verdict]:
        """The latest verdicts including a new one, by the time of the verdict: events may arrive in another order."""
        return sorted((*self.verdicts, new), key=lambda verdict: verdict.judged)[-count:]

    def add(self, verdict: Verdict, keep: int) -> Memory:
        """Add a verdict and keep so many, plus the last start in any case: the cooldown counts from it."""
        verdicts = (*self.verdicts, verdict)
        last_start = tuple(old for old in verdicts[:-keep] if old == self.last_start)
        return Memory(last_start + verdicts[-keep:])

    def remove(self, execution: str) -> Memory:
        """Remove the verdict on an execution."""
        return Memory(tuple(verdict for verdict in self.verdicts if verdict.execution != execution))


@dataclass(frozen=True)
class Table:
    """The DynamoDB table with the item that stores the memory, under optimistic locking.

    Attributes:
        dynamodb: boto3's client.
    """

    dynamodb: Any
    name: str

    def update(self, change: Callable[[Memory], Memory]) -> Memory:
        """Change the memory, starting over if another call has written in between; returns the new memory.

        Raises:
            RuntimeError: other calls wrote in between each time.
        """
        for _ in range(WRITE_ATTEMPTS):
            memory, revision = self._read()
            changed = change(memory)
            if changed == memory or self._write(changed, revision):
                return changed
        raise RuntimeError(
            f"other calls wrote to the table {self.name} {WRITE_ATTEMPTS} times in between; try this call again"
        )

    def _read(self) -> tuple[Memory, int]:
        """The memory and its revision: how often it was written."""
        answer = self.dynamodb.get_item(TableName=self.name, Key={"id": {"S": "retraining"}}, ConsistentRead=True)
        if "Item" not in answer:
            return Memory(), 0
        verdicts = json.loads(answer["Item"]["verdicts"]["S"])
        return Memory(tuple(Verdict(**verdict) for verdict in verdicts)), int(answer["Item"]["revision"]["N"])

    def _write(self, memory: Memory, revision: int) -> bool:
        """Write the memory; False if another call has written since this revision was read."""
        verdicts = json.dumps([asdict(verdict) for verdict in memory.verdicts])
        try:
            self.dynamodb.put_item(
                TableName=self.name,
                Item={"id": {"S": "retraining"}, "revision": {"N": str(revision + 1)}, "verdicts": {"S": verdicts}},
                ConditionExpression="revision = :read" if revision else "attribute_not_exists(id)",
                **({"ExpressionAttributeValues": {":read": {"N": str(revision)}}} if revision else {}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


@dataclass(frozen=True)
class RetrainingPipeline:
    """The pipeline training-hpo.

    Attributes:
        sagemaker: boto3's client.
        name: of the pipeline.
        environment: where it is deployed.
    """

    sagemaker: Any
    name: str
    environment: str

    def running(self) -> str | None:
        """The ARN of an execution that has not ended, whoever started it; None if there is none.

        Raises:
            RuntimeError: the pipeline is not deployed.
        """
        try:
            answer = self.sagemaker.list_pipeline_executions(
                PipelineName=self.name, SortBy="CreationTime", SortOrder="Descending", MaxResults=PAGE_SIZE
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                raise RuntimeError(
                    f"the pipeline {self.name}, which retrains the model, is not deployed; deploy it: "
                    f"mlops deploy --env {self.environment}"
                ) from error
            raise
        executions = answer["PipelineExecutionSummaries"]
        running = (item["PipelineExecutionArn"] for item in executions if item["PipelineExecutionStatus"] in RUNNING)
        return next(running, None)

    def start(self, inference: str) -> str:
        """Start an execution because of an inference; returns its ARN, the same on each call."""
        parameters = {"Trigger": "quality-violation", "TriggerKey": inference, "TriggerVersion": "none"}
        answer = self.sagemaker.start_pipeline_execution(
            PipelineName=self.name,
            PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
            ClientRequestToken=hashlib.sha256(f"retraining {inference}".encode()).hexdigest(),
        )
        return str(answer["PipelineExecutionArn"])


@dataclass(frozen=True)
class Guard:
    """Reads the verdict, decides, stores the decision, and carries it out.

    Attributes:
        s3: boto3's client.
        events: boto3's client.
        clock: returns the time in seconds since 1970.
    """

    settings: Settings
    s3: Any
    events: Any
    table: Table
    pipeline: RetrainingPipeline
    clock: Callable[[], float] = time.time

    def judge(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Respond to the verdict on an inference.

        Args:
            event: the status change of the step, as delivered by EventBridge.

        Returns:
            execution and verdict; for a violation also the detail of the event that reports the decision.

        Raises:
            ValueError: the event is about something else, or the step left no verdict.
            RuntimeError: the pipeline training-hpo is not deployed, EventBridge did not accept the event, or other
                calls kept writing to the table.
        """
        verdict = self._verdict(event)
        answer = {"execution": verdict.execution, "verdict": verdict.verdict}
        if verdict.verdict in UNJUDGED:
            return answer
        verdict = self._store(verdict)
        if not verdict.violates:
            return answer
        detail = self._detail(verdict, self._start(verdict) if verdict.decision == STARTED else None)
        self._put(detail)
        return answer | detail

    def _verdict(self, event: Mapping[str, Any]) -> Verdict:
        """Read the verdict that an event announces."""
        detail = event.get("detail", {})
        arn = str(detail.get("pipelineExecutionArn"))
        execution = _EXECUTION.fullmatch(arn)
        actual = (execution and execution["pipeline"], detail.get("stepName"), detail.get("currentStepStatus"))
        expected = (self.settings.pipeline("inference"), STEP, "Succeeded")
        if execution is None or actual != expected:
            raise ValueError(f"{actual[1]} {actual[2]} of {arn} has no verdict; only {' '.join(expected)} has one")
        verdict = self._read(f"executions/{execution['pipeline']}/{execution['id']}/{STEP}/verdict/verdict.json")
        judged = datetime.fromisoformat(detail["stepEndTime"].replace("Z", "+00:00")).timestamp()
        return Verdict(arn, judged, verdict["verdict"], verdict["metric"], verdict["value"], verdict["threshold"])

    def _read(self, key: str) -> dict[str, Any]:
        try:
            body = self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise ValueError(
                    f"{STEP} left no s3://{self.settings.bucket}/{key}; read the log of its job, and check that "
                    "pipelines/inference.py still makes it write there"
                ) from error
            raise
        return json.load(body)

    def _store(self, verdict: Verdict) -> Verdict:
        """Decide about a verdict and store it; a verdict that is stored already stays as it is."""

        def change(memory: Memory) -> Memory:
            if memory.find(verdict.execution):
                return memory
            new = self._decide(verdict, memory) if verdict.violates else verdict
            return memory.add(new, keep=max(MIN_HISTORY, self.settings.verdicts))

        return self.table.update(change).find(verdict.execution) or verdict

    def _decide(self, violation: Verdict, memory: Memory) -> Verdict:
        """Add the decision and its reason to a violation."""
        now, cooldown = self.clock(), self.settings.cooldown
        latest = memory.latest(violation, self.settings.verdicts)
        violations, total = sum(verdict.violates for verdict in latest), len(latest)
        count = (
            f"{violations} of the last {total} verdicts are violations" if total > 1 else "The verdict is a violation"
        )
        last = memory.last_start
        decision = HELD_BACK
        if violations < self.settings.violations:
            reason = f"{count}; retraining takes {self.settings.violations} of {self.settings.verdicts}."
        elif running := self.pipeline.running():
            reason = f"{self.pipeline.name} is running already: {running}."
        elif last and now - last.decided < cooldown * 3600:
            elapsed = (now - last.decided) / 3600
            reason = f"The last retraining was started {_duration(elapsed)} ago; the cooldown is {_duration(cooldown)}."
        else:
            decision = STARTED
            reason = f"{count}, and no retraining was started within the cooldown of {_duration(cooldown)}."
        return replace(violation, decision=decision, reason=reason, decided=now)

    def _start(self, verdict: Verdict) -> str:
        try:
            return self.pipeline.start(verdict.execution)
        except ClientError as error:
            # AWS refused, so nothing was started: without the verdict, no cooldown counts and a retry decides again.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < SERVER_ERROR:
                self.table.update(lambda memory: memory.remove(verdict.execution))
            raise

    def _detail(self, verdict: Verdict, training: str | None) -> dict[str, Any]:
        """The detail of the event that reports a decision."""
        return {
            "project": self.settings.project,
            "environment": self.settings.environment,
            "decision": verdict.decision,
            "reason": verdict.reason,
            "metric": verdict.metric,
            "value": verdict.value,
            "threshold": verdict.threshold,
            "inferenceExecutionArn": verdict.execution,
            "trainingExecutionArn": training,
        }

    def _put(self, detail: Mapping[str, Any]) -> None:
        arns = [detail["inferenceExecutionArn"], detail["trainingExecutionArn"]]
        entry = {
            "Source": f"mlops.{self.settings.project}",
            "DetailType": DETAIL_TYPE,
            "Resources": [arn for arn in arns if arn],
            "Detail": json.dumps(detail),
        }
        answer = self.events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise RuntimeError(
                f"EventBridge did not accept the event {DETAIL_TYPE!r}: {failed['ErrorCode']}: {failed['ErrorMessage']}"
            )


def _duration(hours: float) -> str:
    """A duration in words."""
    count, unit = (round(hours, 1), "hour") if hours >= 1 else (round(hours * 60), "minute")
    return f"{count:g} {unit}{'' if count == 1 else 's'}"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point of AWS Lambda; see `Guard.judge`. Logs the answer."""
    settings = Settings.from_variables(os.environ)
    guard = Guard(
        settings,
        boto3.client("s3"),
        boto3.client("events"),
        Table(boto3.client("dynamodb"), settings.table),
        RetrainingPipeline(boto3.client("sagemaker"), settings.pipeline("training-hpo"), settings.environment),
    )
    answer = guard.judge(event)
    print(json.dumps(answer))
    return answer
