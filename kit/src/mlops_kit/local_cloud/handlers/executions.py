"""SageMaker's operations on executions of pipelines."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

from mlops_kit.local_cloud.handlers.api import Addition, Answer, ApiError, Request
from mlops_kit.runner.execution import Execution
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.pipeline_executor import Pipeline, PipelineExecutor
from mlops_kit.runner.record import seconds_of


class Executions:
    """Answers from what became of the executions.

    Args:
        runner: knows them.
        sagemaker: boto3's client of moto, which knows the pipelines.
        kind_of: the kind of a pipeline, by its name.
    """

    def __init__(self, runner: PipelineExecutor, sagemaker: Any, kind_of: Callable[[str], str]) -> None:
        self._runner = runner
        self._sagemaker = sagemaker
        self._kind_of = kind_of
        self._started: dict[tuple[str, str], str] = {}  # ARN by pipeline and the token that a request is known by
        self._starting = threading.Lock()

    def addition(self) -> Addition:
        """The operations on them, in place of moto's."""
        return Addition(
            answers={
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
        """StartPipelineExecution; a request that is repeated under its token starts nothing more."""
        described = self._pipeline(request)
        name = described["PipelineName"]
        pipeline = Pipeline(name, described["PipelineArn"], self._kind_of(name), described["PipelineDefinition"])
        given = {parameter["Name"]: parameter["Value"] for parameter in request.get("PipelineParameters") or []}
        token = (name, request.get("ClientRequestToken") or secrets.token_hex(16))
        with self._starting:
            try:
                if token not in self._started:
                    shown = request.get("PipelineExecutionDisplayName", "")
                    self._started[token] = self._runner.start(pipeline, given, shown)
            except ValueError as error:
                raise ApiError("ValidationException", str(error)) from error
            return {"PipelineExecutionArn": self._started[token]}

    def describe(self, request: Request) -> Answer:
        """DescribePipelineExecution."""
        execution = self._execution(request)
        record = execution.recorder.as_dict()
        answer = {
            "PipelineArn": execution.facts.pipeline_arn,
            "PipelineExecutionArn": record["arn"],
            "PipelineExecutionDisplayName": execution.facts.display_name,
            "PipelineExecutionStatus": record["status"],
            "CreationTime": seconds_of(record["started"]),
            "LastModifiedTime": seconds_of(record["ended"] or record["started"]),
        }
        return answer | ({"FailureReason": record["reason"]} if record["reason"] else {})

    def list(self, request: Request) -> Answer:
        """ListPipelineExecutions, the latest first unless asked otherwise."""
        pipeline = self._pipeline(request)["PipelineName"]
        found = [_summary(execution) for execution in self._runner.executions(pipeline)]
        return _listed("PipelineExecutionSummaries", found, request)

    def list_steps(self, request: Request) -> Answer:
        """ListPipelineExecutionSteps: the steps that have started, the latest first unless asked otherwise."""
        execution = self._execution(request)
        steps = [
            _step(step, execution.metadata.get(step["name"], {}))
            for step in execution.recorder.as_dict()["steps"]
            if step["started"]
        ]
        steps.sort(key=lambda step: float(step["StartTime"]), reverse=True)
        return _listed("PipelineExecutionSteps", steps, request)

    def stop(self, request: Request) -> Answer:
        """StopPipelineExecution."""
        execution = self._execution(request)
        execution.stop()
        return {"PipelineExecutionArn": execution.facts.arn}

    def list_parameters(self, request: Request) -> Answer:
        """ListPipelineParametersForExecution."""
        parameters = self._execution(request).facts.parameters.items()
        listed = [{"Name": name, "Value": as_text(value)} for name, value in parameters]
        return _listed("PipelineParameters", listed, request)

    def describe_definition(self, request: Request) -> Answer:
        """DescribePipelineDefinitionForExecution."""
        arn = self._execution(request).facts.arn
        return {"PipelineDefinition": self._runner.definition(arn)}

    def _pipeline(self, request: Request) -> dict[str, Any]:
        name = request["PipelineName"].rpartition("/")[2]
        described: dict[str, Any] = self._sagemaker.describe_pipeline(PipelineName=name)
        return described

    def _execution(self, request: Request) -> Execution:
        arn = request["PipelineExecutionArn"]
        try:
            return self._runner.find(arn)
        except KeyError:
            raise ApiError("ResourceNotFound", f"Pipeline execution with ARN {arn} does not exist.") from None


def _listed(name: str, items: list[Answer], request: Request) -> Answer:
    """A page of a list; NextToken is where the next one begins."""
    ordered = items[::-1] if request.get("SortOrder") == "Ascending" else items
    begin = int(request.get("NextToken") or 0)
    end = begin + int(request.get("MaxResults") or len(items))
    return {name: ordered[begin:end]} | ({"NextToken": str(end)} if end < len(items) else {})


def _summary(execution: Execution) -> Answer:
    record = execution.recorder.as_dict()
    summary = {
        "PipelineExecutionArn": record["arn"],
        "StartTime": seconds_of(record["started"]),
        "PipelineExecutionStatus": record["status"],
        "PipelineExecutionDisplayName": execution.facts.display_name,
    }
    return summary | ({"PipelineExecutionFailureReason": record["reason"]} if record["reason"] else {})


def _step(step: dict[str, Any], metadata: dict[str, Any]) -> Answer:
    answer = {
        "StepName": step["name"],
        "StartTime": seconds_of(step["started"]),
        "StepStatus": step["status"],
        "AttemptCount": step["attempts"],
        "Metadata": metadata,
    }
    if step["ended"]:
        answer["EndTime"] = seconds_of(step["ended"])
    if step["status"] == "Failed":
        answer["FailureReason"] = step["reason"]
    if step["cache_hit"]:
        answer["CacheHitResult"] = {"SourcePipelineExecutionArn": step["cached_from"]}
    return answer
