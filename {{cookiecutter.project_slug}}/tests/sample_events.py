"""The events that the functions in lambdas/ receive from EventBridge.

AWS documents its own in https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html; those of mlops.<project> are this project's.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]

_ids = itertools.count()  # each event has another id, even if two are about the same change


@dataclass(frozen=True)
class SampleEvents:
    """Creates events of a project in an environment. `detail` adds or replaces fields of the event's detail."""

    project: str = "flats"
    environment: str = "dev"
    partition: str = "aws"
    region: str = "eu-west-1"
    account: str = "123456789012"

    @property
    def stem(self) -> str:
        """The prefix of all names."""
        return f"{self.project}-{self.environment}"

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return f"{self.stem}-{self.account}"

    def arn(self, resource: str, service: str = "sagemaker") -> str:
        """The ARN of a resource, for example of processing-job/abc."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def execution(self, kind: str, number: str = "abc123def456") -> str:
        """The ARN of an execution."""
        return self.arn(f"pipeline/{self.stem}-{kind}/execution/{number}")

    def event(self, source: str, detail_type: str, resources: list[str], detail: Event, time: str) -> Event:
        """The envelope."""
        return {
            "version": "0",
            "id": str(uuid.UUID(int=next(_ids))),
            "detail-type": detail_type,
            "source": source,
            "account": self.account,
            "time": time,
            "region": self.region,
            "resources": resources,
            "detail": detail,
        }

    def execution_changed(
        self, kind: str = "training", status: str = "Failed", number: str = "abc123def456", **detail: Any
    ) -> Event:
        """The status of an execution has changed. The event has no reason."""
        arn = self.execution(kind, number)
        fields = {
            "pipelineExecutionDisplayName": "execution-1763712000",
            "currentPipelineExecutionStatus": status,
            "previousPipelineExecutionStatus": "Executing",
            "executionStartTime": "2026-11-21T08:00:00Z",
            "executionEndTime": "2026-11-21T08:20:11Z",
            "pipelineArn": arn.partition("/execution/")[0],
            "pipelineExecutionArn": arn,
        }
        detail_type = "SageMaker Model Building Pipeline Execution Status Change"
        return self.event(
            "aws.sagemaker", detail_type, [fields["pipelineArn"], arn], fields | detail, time="2026-11-21T08:20:12Z"
        )

    def step_changed(
        self,
        kind: str = "training",
        step: str = "Train",
        status: str = "Failed",
        number: str = "abc123def456",
        **detail: Any,
    ) -> Event:
        """The status of a step has changed."""
        arn = self.execution(kind, number)
        fields = {
            "metadata": {"processingJob": {"arn": self.arn(f"processing-job/pipelines-{number}-{step}-tmgxry49ug")}},
            "stepStartTime": "2026-11-21T08:10:00Z",
            "stepEndTime": "2026-11-21T08:20:09Z",
            "stepName": step,
            "stepType": "Processing",
            "previousStepStatus": "Executing",
            "currentStepStatus": status,
            "pipelineArn": arn.partition("/execution/")[0],
            "pipelineExecutionArn": arn,
        }
        if status == "Failed":
            fields["failureReason"] = "AlgorithmError: rows.csv, row 7, column area: 'wide' is no number"
        detail_type = "SageMaker Model Building Pipeline Execution Step Status Change"
        return self.event(
            "aws.sagemaker", detail_type, [fields["pipelineArn"], arn], fields | detail, time="2026-11-21T08:20:10Z"
        )

    def package_changed(self, status: str = "PendingManualApproval", version: int = 3, **detail: Any) -> Event:
        """A version of the model was registered or, if there are UpdatedModelPackageFields, changed."""
        arn = self.arn(f"model-package/{self.stem}/{version}")
        evaluation = (
            f"s3://{self.bucket}/executions/{self.stem}-training/abc123def456/Evaluate/evaluation/evaluation.json"
        )
        fields = {
            "ModelPackageGroupName": self.stem,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn,
            "CreationTime": "2026-11-21T08:20:00Z",
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            "ModelApprovalStatus": status,
            "MetadataProperties": {"GeneratedBy": self.execution("training")},
            "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": evaluation}}},
            "LastModifiedTime": "2026-11-21T08:20:00Z",
        }
        if status != "PendingManualApproval":
            fields["ApprovalDescription"] = "Better on small ones."
            fields["UpdatedModelPackageFields"] = ["ModelApprovalStatus", "ApprovalDescription"]
        detail_type = "SageMaker Model Package State Change"
        return self.event("aws.sagemaker", detail_type, [arn], fields | detail, time="2026-11-21T08:20:01Z")

    def object_created(self, key: str, version: str | None = "v1", size: int = 1024, **detail: Any) -> Event:
        """An object was written, in one part or several."""
        item = {"key": key, "size": size, "etag": "b1946ac92492d2347c6235b4d261", "sequencer": "00617F08299329D1"}
        fields = {
            "version": "0",
            "bucket": {"name": self.bucket},
            "object": item | ({"version-id": version} if version else {}),
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": self.account,
            "reason": "PutObject",
        }
        arn = f"arn:{self.partition}:s3:::{self.bucket}"
        return self.event("aws.s3", "Object Created", [arn], fields | detail, time="2026-11-21T07:59:58Z")

    def data_quality_violation(self, count: int = 1, **detail: Any) -> Event:
        """The event of lambdas/report_data_quality."""
        arn = self.execution("inference")
        description = "Data type match requirement is not met."
        violation = {"feature": "area", "check": "data_type_check", "description": description}
        fields = {
            "project": self.project,
            "environment": self.environment,
            "pipeline": f"{self.stem}-inference",
            "executionArn": arn,
            "dataUri": f"s3://{self.bucket}/data/inference/",
            "resultsUri": f"s3://{self.bucket}/executions/{self.stem}-inference/abc123def456/DataQualityCheck/quality-check",
            "count": count,
            "violations": [violation] * count,
        }
        source = f"mlops.{self.project}"
        return self.event(source, "Data Quality Violation", [arn], fields | detail, time="2026-11-21T08:15:00Z")

    def retraining_decision(self, decision: str = "started", number: str = "abc123def456", **detail: Any) -> Event:
        """The event of lambdas/guard_retraining."""
        training = self.execution("training-hpo", "fed654cba321") if decision == "started" else None
        fields = {
            "project": self.project,
            "environment": self.environment,
            "decision": decision,
            "reason": "The verdict is a violation, and no retraining was started within the cooldown of 24 hours.",
            "metric": "rmse",
            "value": 26.591234,
            "threshold": 2.5,
            "inferenceExecutionArn": self.execution("inference", number),
            "trainingExecutionArn": training,
        }
        resources = [arn for arn in (fields["inferenceExecutionArn"], training) if arn]
        source = f"mlops.{self.project}"
        return self.event(source, "Retraining Decision", resources, fields | detail, time="2026-11-21T08:16:00Z")
