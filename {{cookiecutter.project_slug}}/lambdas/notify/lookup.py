"""What an event does not tell, asked of SageMaker.

A question that is not answered does not hold a message back: the answer is empty, and the log says why.
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
        metadata: what SageMaker says of it, the ARN of its job included.
    """

    reason: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Lookup:
    """Asks, when there is something to ask.

    Attributes:
        client: makes boto3's client of SageMaker, which most messages do without.
    """

    client: Callable[[], Any]

    def metadata(self, package: str) -> Mapping[str, str]:
        """What was registered with a model package: kind, metric, value, threshold, ..."""
        try:
            found = self.client().describe_model_package(ModelPackageName=package)
        except (BotoCoreError, ClientError) as error:
            print(f"{package} could not be described: {error}")
            return {}
        metadata: Mapping[str, str] = found.get("CustomerMetadataProperties", {})
        return metadata

    def failed_steps(self, execution: str) -> dict[str, FailedStep]:
        """The steps of an execution that failed, by their names."""
        try:
            pages = self.client().get_paginator("list_pipeline_execution_steps")
            answers = pages.paginate(PipelineExecutionArn=execution)
            steps = [step for page in answers for step in page["PipelineExecutionSteps"]]
        except (BotoCoreError, ClientError) as error:
            print(f"the steps of {execution} could not be listed: {error}")
            return {}
        return {step["StepName"]: _failed(step) for step in steps if step["StepStatus"] == "Failed"}

    def failure(self, execution: str) -> str:
        """Why an execution failed."""
        try:
            found = self.client().describe_pipeline_execution(PipelineExecutionArn=execution)
        except (BotoCoreError, ClientError) as error:
            print(f"{execution} could not be described: {error}")
            return ""
        return str(found.get("FailureReason", ""))


def _failed(step: Mapping[str, Any]) -> FailedStep:
    metadata = step.get("Metadata", {})
    # A Fail step has its message elsewhere than the others.
    return FailedStep(str(step.get("FailureReason") or metadata.get("Fail", {}).get("ErrorMessage", "")), metadata)
