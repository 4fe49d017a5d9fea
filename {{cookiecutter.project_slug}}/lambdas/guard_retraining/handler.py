"""Lambda, called when the step ModelQuality of inference has succeeded: decide whether the model is trained again.

A verdict is not a crash: a step that broke never calls this. Of the verdicts only a VIOLATION may start training-hpo,
and only if there were enough of them lately, none is running, and the last one started here is long enough ago.

What is decided is remembered before it is done. Whatever comes between, the same event leads to the same decision, and
under the same token to the same execution. Of two calls at once the second sees what the first has decided.

Needs the IAM actions s3:GetObject and s3:ListBucket on the bucket (without the latter, S3 calls a missing file a
forbidden one), kms:Decrypt on its key, dynamodb:GetItem and PutItem on the table, sagemaker:ListPipelineExecutions and
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

DETAIL_TYPE = "Retraining Decision"
STARTED, HELD_BACK = "started", "held-back"
RUNNING = ("Executing", "Stopping")

LATEST = 100  # executions that are looked at for one that runs; the most that a page has
KEPT = 200  # verdicts that are remembered at least: an event may come again days later, out of a dead-letter queue
SERVER_ERROR = 500  # the first HTTP status after which a request may have been carried out all the same
ATTEMPTS = 10  # at remembering, while others do
LEAST_COOLDOWN = 0.25  # hours: longer than it takes until SageMaker lists what a call and its retries have started

_EXECUTION = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:pipeline/(?P<pipeline>[\w-]+)/execution/(?P<id>\w+)")


@dataclass(frozen=True)
class Settings:
    """What Terraform hands over.

    Attributes:
        cooldown: hours in which nothing is started after something was; LEAST_COOLDOWN at least.
        violations: how many it takes ...
        verdicts: ... among the last so many.
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
        """Read the function's environment variables; raises KeyError where one is missing."""
        return cls(
            variables["PROJECT"],
            variables["ENVIRONMENT"],
            variables["BUCKET"],
            variables["TABLE"],
            max(float(variables["COOLDOWN_HOURS"]), LEAST_COOLDOWN),
            int(variables["VIOLATIONS"]),
            int(variables["VERDICTS"]),
        )

    def pipeline(self, kind: str) -> str:
        """The name of the pipeline of a kind."""
        return f"{self.project}-{self.environment}-{kind}"


@dataclass(frozen=True)
class Verdict:
    """What ModelQuality found in an execution, and what was decided on it.

    Attributes:
        execution: the ARN of the inference.
        judged: when, in seconds since 1970.
        verdict: PASS, VIOLATION or NO_LABELS.
        value: of the metric; None without labels.
        decision: started or held-back; empty for a PASS, on which there is nothing to decide.
        reason: a sentence that says why.
        decided: when, in seconds since 1970; 0 where nothing was.
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
        return self.verdict == "VIOLATION"


@dataclass(frozen=True)
class Memory:
    """The verdicts that are remembered, in the order in which their events came."""

    verdicts: tuple[Verdict, ...] = ()

    def of(self, execution: str) -> Verdict | None:
        """The verdict on an execution; None where it is not known."""
        return next((verdict for verdict in self.verdicts if verdict.execution == execution), None)

    @property
    def last_start(self) -> Verdict | None:
        """The verdict that was answered by a training last."""
        starts = [verdict for verdict in self.verdicts if verdict.decision == STARTED]
        return max(starts, key=lambda verdict: verdict.decided, default=None)

    def latest(self, new: Verdict, count: int) -> list[Verdict]:
        """The last verdicts with a new one, in the order in which they were given: their events may come in another."""
        return sorted((*self.verdicts, new), key=lambda verdict: verdict.judged)[-count:]

    def with_(self, verdict: Verdict, keep: int) -> Memory:
        """These and one more, of which so many are kept, and always the last start: the cooldown counts from it."""
        verdicts = (*self.verdicts, verdict)
        last_start = tuple(old for old in verdicts[:-keep] if old == self.last_start)
        return Memory(last_start + verdicts[-keep:])

    def without(self, execution: str) -> Memory:
        """These but one."""
        return Memory(tuple(verdict for verdict in self.verdicts if verdict.execution != execution))


@dataclass(frozen=True)
class Table:
    """The item of the table in which the memory lies, written by one at a time.

    Attributes:
        dynamodb: boto3's client.
    """

    dynamodb: Any
    name: str

    def update(self, change: Callable[[Memory], Memory]) -> Memory:
        """Change the memory, starting over where another call wrote in between, and return it as it then is.

        Raises:
            RuntimeError: others wrote each time.
        """
        for _ in range(ATTEMPTS):
            memory, revision = self._read()
            changed = change(memory)
            if changed == memory or self._write(changed, revision):
                return changed
        raise RuntimeError(f"others wrote to the table {self.name} {ATTEMPTS} times in between; try this call again")

    def _read(self) -> tuple[Memory, int]:
        """The memory, and how often it was written."""
        answer = self.dynamodb.get_item(TableName=self.name, Key={"id": {"S": "retraining"}}, ConsistentRead=True)
        if "Item" not in answer:
            return Memory(), 0
        verdicts = json.loads(answer["Item"]["verdicts"]["S"])
        return Memory(tuple(Verdict(**verdict) for verdict in verdicts)), int(answer["Item"]["revision"]["N"])

    def _write(self, memory: Memory, revision: int) -> bool:
        """Write the memory, unless somebody has since it was read."""
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
class Tuning:
    """The pipeline training-hpo.

    Attributes:
        sagemaker: boto3's client.
        name: the pipeline's.
        environment: where it is deployed.
    """

    sagemaker: Any
    name: str
    environment: str

    def running(self) -> str | None:
        """The ARN of an execution that has not ended, whoever started it.

        Raises:
            RuntimeError: the pipeline is not deployed.
        """
        try:
            answer = self.sagemaker.list_pipeline_executions(
                PipelineName=self.name, SortBy="CreationTime", SortOrder="Descending", MaxResults=LATEST
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                raise RuntimeError(
                    f"there is no pipeline {self.name} that could train the model again; deploy it: "
                    f"python -m pipelines deploy --env {self.environment}"
                ) from error
            raise
        found = (
            execution["PipelineExecutionArn"]
            for execution in answer["PipelineExecutionSummaries"]
            if execution["PipelineExecutionStatus"] in RUNNING
        )
        return next(found, None)

    def start(self, inference: str) -> str:
        """Start it because of an inference, and return the execution's ARN, the same each time."""
        parameters = {"Trigger": "quality-violation", "TriggerKey": inference, "TriggerVersion": "none"}
        answer = self.sagemaker.start_pipeline_execution(
            PipelineName=self.name,
            PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
            ClientRequestToken=hashlib.sha256(f"retraining {inference}".encode()).hexdigest(),
        )
        return str(answer["PipelineExecutionArn"])


@dataclass(frozen=True)
class Guard:
    """Reads the verdict, decides, remembers, and does what was decided.

    Attributes:
        s3: boto3's client.
        events: boto3's client.
        clock: what time it is, in seconds since 1970.
    """

    settings: Settings
    s3: Any
    events: Any
    table: Table
    tuning: Tuning
    clock: Callable[[], float] = time.time

    def judge(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the verdict on an inference.

        Args:
            event: that of the step, as EventBridge hands it on.

        Returns:
            execution and verdict; of a violation also what the event of the decision tells.

        Raises:
            ValueError: the event is another, or the step left no verdict.
            RuntimeError: the pipeline training-hpo is not deployed, EventBridge did not take the event, or others wrote
                to the table all the time.
        """
        given = self._verdict(event)
        if given.verdict == "NO_LABELS":
            return {"execution": given.execution, "verdict": given.verdict}
        verdict = self._remembered(given)
        answer = {"execution": verdict.execution, "verdict": verdict.verdict}
        if not verdict.violates:
            return answer
        detail = self._detail(verdict, self._start(verdict) if verdict.decision == STARTED else None)
        self._put(detail)
        return answer | detail

    def _verdict(self, event: Mapping[str, Any]) -> Verdict:
        """Read the verdict that an event tells of."""
        detail = event.get("detail", {})
        arn = str(detail.get("pipelineExecutionArn"))
        execution = _EXECUTION.fullmatch(arn)
        told = (execution and execution["pipeline"], detail.get("stepName"), detail.get("currentStepStatus"))
        wanted = (self.settings.pipeline("inference"), "ModelQuality", "Succeeded")
        if execution is None or told != wanted:
            raise ValueError(f"{told[1]} {told[2]} of {arn} brings no verdict; {' '.join(wanted)} does")
        found = self._read(f"executions/{execution['pipeline']}/{execution['id']}/ModelQuality/verdict/verdict.json")
        judged = datetime.fromisoformat(detail["stepEndTime"].replace("Z", "+00:00")).timestamp()
        return Verdict(arn, judged, found["verdict"], found["metric"], found["value"], found["threshold"])

    def _read(self, key: str) -> dict[str, Any]:
        try:
            body = self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise ValueError(
                    f"ModelQuality left no s3://{self.settings.bucket}/{key}; read the log of its job, and whether "
                    "pipelines/inference.py still has it written there"
                ) from error
            raise
        return json.load(body)

    def _remembered(self, verdict: Verdict) -> Verdict:
        """The verdict as it was remembered before, or as it is from now on."""

        def add(memory: Memory) -> Memory:
            if memory.of(verdict.execution):
                return memory
            decided = self._decided(verdict, memory) if verdict.violates else verdict
            return memory.with_(decided, keep=max(KEPT, self.settings.verdicts))

        return self.table.update(add).of(verdict.execution) or verdict

    def _decided(self, violation: Verdict, memory: Memory) -> Verdict:
        """A violation with what is decided on it, and why."""
        now, cooldown = self.clock(), self.settings.cooldown
        latest = memory.latest(violation, self.settings.verdicts)
        found, of = sum(verdict.violates for verdict in latest), len(latest)
        counted = f"{found} of the last {of} verdicts are violations" if of > 1 else "The verdict is a violation"
        last = memory.last_start
        decision = HELD_BACK
        if found < self.settings.violations:
            reason = f"{counted}; retraining takes {self.settings.violations} of {self.settings.verdicts}."
        elif running := self.tuning.running():
            reason = f"{self.tuning.name} is running already: {running}."
        elif last and now - last.decided < cooldown * 3600:
            ago = (now - last.decided) / 3600
            reason = f"The last retraining was started {_span(ago)} ago, and the cooldown is {_span(cooldown)}."
        else:
            decision = STARTED
            reason = f"{counted}, and no retraining was started within the cooldown of {_span(cooldown)}."
        return replace(violation, decision=decision, reason=reason, decided=now)

    def _start(self, verdict: Verdict) -> str:
        try:
            return self.tuning.start(verdict.execution)
        except ClientError as error:
            # Refused, so nothing runs: forgotten, it holds nothing back, and the next call decides anew.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < SERVER_ERROR:
                self.table.update(lambda memory: memory.without(verdict.execution))
            raise

    def _detail(self, verdict: Verdict, training: str | None) -> dict[str, Any]:
        """What the event of a decision tells."""
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
                f"EventBridge did not take the event {DETAIL_TYPE!r}: {failed['ErrorCode']}: {failed['ErrorMessage']}"
            )


def _span(hours: float) -> str:
    """A span of time as people say it."""
    count, unit = (round(hours, 1), "hour") if hours >= 1 else (round(hours * 60), "minute")
    return f"{count:g} {unit}{'' if count == 1 else 's'}"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What AWS Lambda calls; `Guard.judge` says what comes in and goes out. Each answer is a line of the log."""
    settings = Settings.from_variables(os.environ)
    guard = Guard(
        settings,
        boto3.client("s3"),
        boto3.client("events"),
        Table(boto3.client("dynamodb"), settings.table),
        Tuning(boto3.client("sagemaker"), settings.pipeline("training-hpo"), settings.environment),
    )
    answer = guard.judge(event)
    print(json.dumps(answer))
    return answer
