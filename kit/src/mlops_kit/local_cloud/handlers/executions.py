"""SageMaker's operations on pipeline executions."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from mlops_kit.local_cloud.api import Answer, ApiError, Handler, Request
from mlops_kit.runner.execution import Execution
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.pipeline_executor import Pipeline, PipelineExecutor
from mlops_kit.runner.record import StepRecord


class Executions:
    """Starts, stops and describes the executions of this cloud.

    Args:
        executor: runs them.
        sagemaker: boto3's client, for the pipelines that moto stores.
        kind_of: returns a pipeline's kind by its name.
    """

    def __init__(self, executor: PipelineExecutor, sagemaker: Any, kind_of: Callable[[str], str]) -> None:
        self._executor = executor
        self._sagemaker = sagemaker
        self._kind_of = kind_of
        self._started: dict[tuple[str, str], str] = {}  # ARN by pipeline and idempotency token
        self._starting = threading.Lock()

    def handler(self) -> Handler:
        """The operations on executions, instead of moto's."""
        return Handler(
            instead={
                "SageMaker.StartPipelineExecution": self.start,
                "SageMaker.DescribePipelineExecution": self.describe,
                "SageMaker.ListPipelineExecutions": self.list,
                "SageMaker.ListPipelineExecutionSteps": self.list_steps,
                "SageMaker.StopPipelineExecution": self.stop,
                "SageMaker.ListPipelineParametersForExecution": self.list_parameters,
                "SageMaker.DescribePipelineDefinitionForExecution": self.describe_definition,
            }
        )

    def start(self, request: Request) -> Answer:
        """StartPipelineExecution; a repeated request with the same token starts nothing."""
        described = self._pipeline(request)
        name = described["PipelineName"]
        pipeline = Pipeline(name, described["PipelineArn"], self._kind_of(name), described["PipelineDefinition"])
        parameters = {parameter["Name"]: parameter["Value"] for parameter in request.get("PipelineParameters") or []}
        token = (name, request.get("ClientRequestToken") or secrets.token_hex(16))
        with self._starting:
            try:
                if token not in self._started:
                    display_name = request.get("PipelineExecutionDisplayName", "")
                    self._started[token] = self._executor.start(pipeline, parameters, display_name)
            except ValueError as error:
                raise ApiError("ValidationException", str(error)) from error
            return {"PipelineExecutionArn": self._started[token]}

    def describe(self, request: Request) -> Answer:
        """DescribePipelineExecution."""
        execution = self._execution(request)
        record = execution.recorder.record
        answer = {
            "PipelineArn": execution.facts.pipeline_arn,
            "PipelineExecutionArn": record.arn,
            "PipelineExecutionDisplayName": execution.facts.display_name,
            "PipelineExecutionStatus": record.status,
            "CreationTime": _seconds(record.started),
            "LastModifiedTime": _seconds(record.ended or record.started),
        }
        return answer | ({"FailureReason": record.reason} if record.reason else {})

    def list(self, request: Request) -> Answer:
        """ListPipelineExecutions, the latest first by default."""
        pipeline = self._pipeline(request)["PipelineName"]
        summaries = [_summary(execution) for execution in self._executor.executions(pipeline)]
        return _page("PipelineExecutionSummaries", summaries, request)

    def list_steps(self, request: Request) -> Answer:
        """ListPipelineExecutionSteps: the steps that have started, the latest first by default."""
        execution = self._execution(request)
        steps = [
            _step(step, execution.metadata.get(step.name, {}))
            for step in execution.recorder.record.steps
            if step.started
        ]
        steps.sort(key=lambda step: float(step["StartTime"]), reverse=True)
        return _page("PipelineExecutionSteps", steps, request)

    def stop(self, request: Request) -> Answer:
        """StopPipelineExecution."""
        execution = self._execution(request)
        execution.stop()
        return {"PipelineExecutionArn": execution.facts.arn}

    def list_parameters(self, request: Request) -> Answer:
        """ListPipelineParametersForExecution."""
        parameters = self._execution(request).facts.parameters.items()
        texts = [{"Name": name, "Value": as_text(value)} for name, value in parameters]
        return _page("PipelineParameters", texts, request)

    def describe_definition(self, request: Request) -> Answer:
        """DescribePipelineDefinitionForExecution."""
        arn = self._execution(request).facts.arn
        return {"PipelineDefinition": self._executor.definition(arn)}

    def _pipeline(self, request: Request) -> dict[str, Any]:
        name = request["PipelineName"].rpartition("/")[2]
        described: dict[str, Any] = self._sagemaker.describe_pipeline(PipelineName=name)
        return described

    def _execution(self, request: Request) -> Execution:
        arn = request["PipelineExecutionArn"]
        try:
            return self._executor.find(arn)
        except KeyError:
            raise ApiError("ResourceNotFound", f"Pipeline execution with ARN {arn} does not exist.") from None


def _page(name: str, items: list[Answer], request: Request) -> Answer:
    """A page of a list; NextToken is the index where the next page starts."""
    ordered = items[::-1] if request.get("SortOrder") == "Ascending" else items
    begin = int(request.get("NextToken") or 0)
    end = begin + int(request.get("MaxResults") or len(items))
    return {name: ordered[begin:end]} | ({"NextToken": str(end)} if end < len(items) else {})


def _summary(execution: Execution) -> Answer:
    record = execution.recorder.record
    summary = {
        "PipelineExecutionArn": record.arn,
        "StartTime": _seconds(record.started),
        "PipelineExecutionStatus": record.status,
        "PipelineExecutionDisplayName": execution.facts.display_name,
    }
    return summary | ({"PipelineExecutionFailureReason": record.reason} if record.reason else {})


def _seconds(time: datetime | None) -> float | None:
    return time.timestamp() if time else None


def _step(step: StepRecord, metadata: dict[str, Any]) -> Answer:
    answer = {
        "StepName": step.name,
        "StartTime": _seconds(step.started),
        "StepStatus": step.status,
        "AttemptCount": step.attempts,
        "Metadata": metadata,
    }
    if step.ended:
        answer["EndTime"] = _seconds(step.ended)
    if step.status == "Failed":
        answer["FailureReason"] = step.reason
    if step.cache_hit:
        answer["CacheHitResult"] = {"SourcePipelineExecutionArn": step.cached_from}
    return answer
