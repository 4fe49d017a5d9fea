"""Facts that an event lacks and SageMaker has.

A failed request does not hold up the message: the answer is empty, and the log has the error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


@dataclass(frozen=True)
class FailedStep:
    """A step that failed.

    Attributes:
        metadata: the step's metadata in SageMaker, including the ARN of its job.
    """

    reason: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Lookup:
    """Sends requests to SageMaker when a message needs them.

    Attributes:
        client: returns the client of SageMaker; most messages do without it.
    """

    client: Callable[[], Any]

    def metadata(self, package: str) -> Mapping[str, str]:
        """What was registered with a model package: kind, metric, value, threshold, ..."""
        try:
            answer = self.client().describe_model_package(ModelPackageName=package)
        except (BotoCoreError, ClientError) as error:
            print(f"{package} could not be described: {error}")
            return {}
        metadata: Mapping[str, str] = answer.get("CustomerMetadataProperties", {})
        return metadata

    def failed_steps(self, execution: str) -> dict[str, FailedStep]:
        """The failed steps of an execution, by name."""
        try:
            paginator = self.client().get_paginator("list_pipeline_execution_steps")
            pages = paginator.paginate(PipelineExecutionArn=execution)
            steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
        except (BotoCoreError, ClientError) as error:
            print(f"the steps of {execution} could not be listed: {error}")
            return {}
        return {step["StepName"]: _failed_step(step) for step in steps if step["StepStatus"] == "Failed"}

    def failure(self, execution: str) -> str:
        """The reason why an execution failed."""
        try:
            answer = self.client().describe_pipeline_execution(PipelineExecutionArn=execution)
        except (BotoCoreError, ClientError) as error:
            print(f"{execution} could not be described: {error}")
            return ""
        return str(answer.get("FailureReason", ""))


def _failed_step(step: Mapping[str, Any]) -> FailedStep:
    metadata = step.get("Metadata", {})
    # A Fail step has its message in its metadata, all others in FailureReason.
    return FailedStep(str(step.get("FailureReason") or metadata.get("Fail", {}).get("ErrorMessage", "")), metadata)
