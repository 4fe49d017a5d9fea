"""What the three pipelines share: S3 locations, the requests for jobs, and the first step.

Requests have the API's own form, for example
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html. Placeholders such as ${bucket}
are replaced with facts of an environment when the definition is deployed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_kit.checks.instance_types import volume_key
from mlops_kit.definition import triggers
from mlops_kit.definition.steps import LambdaFunctionStep, OfflineSession, Request
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import Parameter, ParameterString
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.retry import (
    RetryPolicy,
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig, Step

from pipelines.settings import InstanceSpec, Settings

BUCKET = "s3://${bucket}"
RESOLVED = (
    "DataVersion",
    "ModelPackageArn",
    "ModelDataUri",
    "BaselineStatisticsUri",
    "BaselineConstraintsUri",
    "ModelApproved",
    "LabelsAvailable",
    "LabelsUri",
    "LabelsVersion",
)

# What started an execution: parameters of every pipeline.
TRIGGER = ParameterString(triggers.KIND, default_value=triggers.MANUAL, enum_values=list(triggers.KINDS))
TRIGGER_KEY = ParameterString(triggers.KEY, default_value=triggers.NOTHING)
TRIGGER_VERSION = ParameterString(triggers.VERSION, default_value=triggers.NOTHING)


def incoming(name: str) -> str:
    """The folder of an input in a processing job's container."""
    return f"/opt/ml/processing/input/{name}"


def outgoing(name: str) -> str:
    """The folder of an output in a processing job's container."""
    return f"/opt/ml/processing/output/{name}"


def flags(**values: Any) -> list[Any]:
    """The arguments of a job: `model_dir=folder` becomes --model-dir folder; a value may be a pipeline variable."""
    return [part for name, value in values.items() for part in (f"--{name.replace('_', '-')}", value)]


@dataclass(frozen=True)
class Script:
    """One of the scripts in jobs/ as a processing job runs it.

    Attributes:
        file: its file in jobs/.
        arguments: its command line.
        inputs: S3 URIs by the name of the input.
        outputs: the names of the outputs.
        sharded: the inputs whose files are distributed over the instances; the others are copied to each instance.
        environment: environment variables, for example one that makes the cache notice changed data.
    """

    file: str
    arguments: Sequence[Any]
    inputs: Mapping[str, Any]
    outputs: Collection[str]
    sharded: Collection[str] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """The parts of one pipeline.

    Attributes:
        kind: the pipeline's name in pyproject.toml, for example training.
    """

    settings: Settings
    kind: str

    def pipeline(self, parameters: Sequence[Parameter], steps: Sequence[Step]) -> Pipeline:
        """The pipeline itself. Its name contains no environment: the deployed pipeline's name does."""
        return Pipeline(
            name=f"{self.settings.project}-{self.kind}",
            parameters=[*parameters, TRIGGER, TRIGGER_KEY, TRIGGER_VERSION],
            pipeline_experiment_config=None,
            steps=list(steps),
            sagemaker_session=OfflineSession(),
        )

    @property
    def empty_prefix(self) -> str:
        """A prefix with an empty object: an input has to exist, even if there are no labels and no approved model."""
        return f"{BUCKET}/{self.settings.code.empty_prefix}"

    @property
    def contract(self) -> str:
        """The folder of the data contract."""
        return f"{BUCKET}/{self.settings.code.contract}"

    def uri(self, step: str, output: str) -> Join:
        """The S3 URI of a step's output; each execution has its own, so none overwrites another's."""
        execution = (ExecutionVariables.PIPELINE_NAME, ExecutionVariables.PIPELINE_EXECUTION_ID)
        return Join(on="/", values=[f"{BUCKET}/executions", *execution, step, output])

    @property
    def cache(self) -> CacheConfig | None:
        """The cache of steps that have the same result for the same request; None if config/ switches it off."""
        days = self.settings.cache_days
        return CacheConfig(enable_caching=True, expire_after=f"P{days}D") if days else None

    @property
    def retries(self) -> list[RetryPolicy]:
        """The retry policies of steps that start a job."""
        faults = [SageMakerJobExceptionTypeEnum.CAPACITY_ERROR, SageMakerJobExceptionTypeEnum.INTERNAL_ERROR]
        limits = [SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT]
        job = SageMakerJobStepRetryPolicy(exception_types=limits, failure_reason_types=faults, **self._intervals)
        return [*self.request_retries, job]

    @property
    def request_retries(self) -> list[RetryPolicy]:
        """The retry policies of steps that only send a request."""
        faults = [StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING]
        return [StepRetryPolicy(exception_types=faults, **self._intervals)]

    @property
    def _intervals(self) -> dict[str, Any]:
        retries = self.settings.retries
        return {
            "max_attempts": retries.max_attempts,
            "interval_seconds": retries.first_wait_seconds,
            "backoff_rate": retries.backoff_rate,
        }

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags of each job, for the bill and for IAM policies."""
        own = {"project": "${project}", "environment": "${environment}", "pipeline": self.kind}
        return [{"Key": key, "Value": value} for key, value in (self.settings.tags | own).items()]

    @property
    def vpc(self) -> Request:
        """The project's private network."""
        return {"SecurityGroupIds": ["${security_groups}"], "Subnets": ["${subnets}"]}

    @property
    def network(self) -> Request:
        """A processing job's network: private, encrypted, and isolated from the internet."""
        return {
            "EnableInterContainerTrafficEncryption": True,
            "EnableNetworkIsolation": True,
            "VpcConfig": self.vpc,
        }

    def cluster(self, machine: InstanceSpec, instance_type: Any = None, instance_count: Any = None) -> Request:
        """The instances of a job, with encrypted volumes; the arguments override type and number."""
        kind = machine.instance_type if instance_type is None else instance_type
        return {
            "InstanceCount": machine.instance_count if instance_count is None else instance_count,
            "InstanceType": kind,
            "VolumeSizeInGB": machine.volume_gb,
            **volume_key(kind),
        }

    def processing_job(
        self, step: str, script: Script, machine: InstanceSpec, instance_type: Any, instance_count: Any = None
    ) -> Request:
        """The request for a processing job that runs a script.

        Args:
            step: the step's name, which is part of its outputs' URIs.
            script: what it runs.
            machine: the instances and the time limit.
            instance_type: a pipeline parameter, which overrides the machine's type.
            instance_count: a pipeline parameter, which overrides the machine's number of instances.
        """
        code = f"{BUCKET}/{self.settings.code.jobs}"
        request = {
            "ProcessingInputs": [
                _input(name, uri, sharded=name in script.sharded)
                for name, uri in {"code": code, **script.inputs}.items()
            ],
            "ProcessingOutputConfig": self.outputs(
                {name: (self.uri(step, name), outgoing(name)) for name in script.outputs}
            ),
            "ProcessingResources": {"ClusterConfig": self.cluster(machine, instance_type, instance_count)},
            "StoppingCondition": {"MaxRuntimeInSeconds": machine.max_minutes * 60},
            "AppSpecification": {
                "ImageUri": "${processing_image_uri}",
                "ContainerEntrypoint": ["python3", f"{incoming('code')}/{script.file}"],
                "ContainerArguments": list(script.arguments),
            },
            "NetworkConfig": self.network,
            "RoleArn": "${role_arn}",
            "Tags": self.tags,
        }
        return request | ({"Environment": dict(script.environment)} if script.environment else {})

    def outputs(self, places: Mapping[str, tuple[Any, str]]) -> Request:
        """The outputs of a processing job: the S3 URI and the folder of each, by name."""
        return {
            "Outputs": [
                {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": folder, "S3UploadMode": "EndOfJob"}}
                for name, (uri, folder) in places.items()
            ],
            "KmsKeyId": "${kms_key_arn}",
        }

    def quality_check(self, step: str, data: Any) -> Request:
        """The request for a job of SageMaker's model monitor over a folder of CSV files with a header."""
        machine = self.settings.machines.monitoring
        dataset = incoming("baseline_dataset_input")
        return {
            "ProcessingInputs": [_input("baseline_dataset_input", data)],
            "ProcessingOutputConfig": self.outputs(
                {"quality_check_output": (self.uri(step, "quality-check"), "/opt/ml/processing/output")}
            ),
            "ProcessingResources": {"ClusterConfig": self.cluster(machine)},
            "StoppingCondition": {"MaxRuntimeInSeconds": machine.max_minutes * 60},
            "AppSpecification": {"ImageUri": "${monitor_image_uri}"},
            "Environment": {
                "output_path": "/opt/ml/processing/output",
                "publish_cloudwatch_metrics": "Disabled",
                "dataset_format": json.dumps({"csv": {"header": True, "output_columns_position": "START"}}),
                "dataset_source": dataset,
            },
            "NetworkConfig": self.network,
            "RoleArn": "${role_arn}",
            "Tags": self.tags,
        }

    def served(self, model: Any) -> Request:
        """The container that serves a model artifact with the inference.py in it."""
        return {
            "Image": "${serving_image_uri}",
            "ModelDataUrl": model,
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                "SAGEMAKER_REGION": "${region}",
            },
        }

    def resolve_inputs(self, purpose: str, data: Any, labels: Any) -> LambdaFunctionStep:
        """The first step, which finds out which data, approved model and labels there are.

        Args:
            purpose: training or inference.
            data: the S3 URI of the folder of data.
            labels: the S3 URI of the folder of labels; empty if the pipeline needs none.
        """
        return LambdaFunctionStep(
            "ResolveInputs",
            "${resolve_inputs_arn}",
            inputs={
                "purpose": purpose,
                "data_uri": data,
                "labels_uri": labels,
                "model_package_group": "${model_package_group}",
                "nothing_uri": self.empty_prefix,
            },
            outputs=RESOLVED,
        )


def _input(name: str, uri: Any, *, sharded: bool = False) -> Request:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": incoming(name),
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "ShardedByS3Key" if sharded else "FullyReplicated",
        },
    }
