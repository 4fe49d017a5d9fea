"""What the definitions have in common: where things lie, and how a job is asked for.

Requests are the API's own: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html and
its kin. ${names} are facts of an environment, filled in when the definition is deployed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

from pipelines.settings import Machine, Settings

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

# What has started an execution, which every pipeline is told.
TRIGGER = ParameterString(triggers.KIND, default_value=triggers.MANUAL, enum_values=list(triggers.KINDS))
TRIGGER_KEY = ParameterString(triggers.KEY, default_value=triggers.NOTHING)
TRIGGER_VERSION = ParameterString(triggers.VERSION, default_value=triggers.NOTHING)


def incoming(name: str) -> str:
    """Where a processing job finds one of its inputs."""
    return f"/opt/ml/processing/input/{name}"


def outgoing(name: str) -> str:
    """Where a processing job leaves one of its outputs."""
    return f"/opt/ml/processing/output/{name}"


def flags(**values: Any) -> list[Any]:
    """The arguments of a job: `model_dir=folder` becomes --model-dir folder. Every value is a text, or will be one."""
    return [part for name, value in values.items() for part in (f"--{name.replace('_', '-')}", value)]


@dataclass(frozen=True)
class Parts:
    """The parts of one pipeline.

    Attributes:
        kind: training, training-hpo or inference.
    """

    settings: Settings
    kind: str

    def pipeline(self, parameters: Sequence[Parameter], steps: Sequence[Step]) -> Pipeline:
        """The pipeline itself. Its name is that of no environment: it gets one when it is deployed."""
        return Pipeline(
            name=f"{self.settings.project}-{self.kind}",
            parameters=[*parameters, TRIGGER, TRIGGER_KEY, TRIGGER_VERSION],
            pipeline_experiment_config=None,
            steps=list(steps),
            sagemaker_session=OfflineSession(),
        )

    @property
    def nothing(self) -> str:
        """A folder that holds nothing: an input has to exist, even where there is no champion or label."""
        return f"{BUCKET}/{self.settings.code.empty_prefix}"

    @property
    def contract(self) -> str:
        """The folder of the data contract."""
        return f"{BUCKET}/{self.settings.code.contract}"

    def uri(self, step: str, output: str) -> Join:
        """Where a step's output lies: each execution has its own place, so none overwrites another's."""
        execution = (ExecutionVariables.PIPELINE_NAME, ExecutionVariables.PIPELINE_EXECUTION_ID)
        return Join(on="/", values=[f"{BUCKET}/executions", *execution, step, output])

    @property
    def cache(self) -> CacheConfig | None:
        """Take an earlier result of the same request: for steps that always give the same result for it."""
        days = self.settings.cache_days
        return CacheConfig(enable_caching=True, expire_after=f"P{days}D") if days else None

    @property
    def retries(self) -> list[RetryPolicy]:
        """When to try a request again, or a job."""
        faults = [SageMakerJobExceptionTypeEnum.CAPACITY_ERROR, SageMakerJobExceptionTypeEnum.INTERNAL_ERROR]
        limits = [SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT]
        job = SageMakerJobStepRetryPolicy(exception_types=limits, failure_reason_types=faults, **self._pauses)
        return [*self.request_retries, job]

    @property
    def request_retries(self) -> list[RetryPolicy]:
        """When to try a request again: where no job is started, there is nothing else."""
        faults = [StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING]
        return [StepRetryPolicy(exception_types=faults, **self._pauses)]

    @property
    def _pauses(self) -> dict[str, Any]:
        retries = self.settings.retries
        return {
            "max_attempts": retries.max_attempts,
            "interval_seconds": retries.first_wait_seconds,
            "backoff_rate": retries.backoff_rate,
        }

    @property
    def tags(self) -> list[dict[str, str]]:
        """What each job is known by in the bill, and in policies."""
        own = {"project": "${project}", "environment": "${environment}", "pipeline": self.kind}
        return [{"Key": key, "Value": value} for key, value in (self.settings.tags | own).items()]

    @property
    def vpc(self) -> Request:
        """The project's private network."""
        return {"SecurityGroupIds": ["${security_groups}"], "Subnets": ["${subnets}"]}

    @property
    def network(self) -> Request:
        """A processing job's network: the private one, no way out of the container, and encrypted within."""
        return {
            "EnableInterContainerTrafficEncryption": True,
            "EnableNetworkIsolation": True,
            "VpcConfig": self.vpc,
        }

    def cluster(self, machine: Machine, instance_type: Any = None, instance_count: Any = None) -> Request:
        """The machines of a job, with encrypted volumes."""
        return {
            "InstanceCount": machine.instance_count if instance_count is None else instance_count,
            "InstanceType": machine.instance_type if instance_type is None else instance_type,
            "VolumeSizeInGB": machine.volume_gb,
            "VolumeKmsKeyId": "${kms_key_arn}",
        }

    def script(
        self,
        step: str,
        script: str,
        arguments: Sequence[Any],
        *,
        cluster: Request,
        inputs: Mapping[str, Any],
        outputs: Collection[str],
        machine: Machine,
        sharded: Collection[str] = (),
        environment: Mapping[str, Any] | None = None,
    ) -> Request:
        """The request for a processing job that runs one of the scripts in jobs/.

        Args:
            step: the step's name, below which the outputs lie.
            script: the file in jobs/.
            arguments: what follows on its command line.
            cluster: the machines.
            inputs: S3 URIs by the name of the input.
            outputs: the names of the outputs.
            machine: how long it may run.
            sharded: the inputs of which each instance gets its part of the files.
            environment: variables, for example what tells a cache that data have changed.
        """
        code = f"{BUCKET}/{self.settings.code.jobs}"
        request = {
            "ProcessingInputs": [
                _input(name, uri, sharded=name in sharded) for name, uri in {"code": code, **inputs}.items()
            ],
            "ProcessingOutputConfig": self.outputs({name: (self.uri(step, name), outgoing(name)) for name in outputs}),
            "ProcessingResources": {"ClusterConfig": cluster},
            "StoppingCondition": {"MaxRuntimeInSeconds": machine.max_minutes * 60},
            "AppSpecification": {
                "ImageUri": "${image_uri}",
                "ContainerEntrypoint": ["python3", f"{incoming('code')}/{script}"],
                "ContainerArguments": list(arguments),
            },
            "NetworkConfig": self.network,
            "RoleArn": "${role_arn}",
            "Tags": self.tags,
        }
        return request | ({"Environment": dict(environment)} if environment else {})

    def outputs(self, places: Mapping[str, tuple[Any, str]]) -> Request:
        """The outputs of a processing job: its encrypted place in S3 and its folder, by name."""
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
        """The container that serves a model artifact with the inference.py inside it."""
        return {
            "Image": "${image_uri}",
            "ModelDataUrl": model,
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                "SAGEMAKER_REGION": "${region}",
            },
        }

    def resolve_inputs(self, purpose: str, data: Any, labels: Any) -> LambdaFunctionStep:
        """The first step: which data there are, which model is approved, whether labels have come.

        Args:
            purpose: training or inference.
            data: the S3 URI of the folder of data.
            labels: the S3 URI of the folder of labels; empty where none are wanted.
        """
        return LambdaFunctionStep(
            "ResolveInputs",
            "${resolve_inputs_arn}",
            inputs={
                "purpose": purpose,
                "data_uri": data,
                "labels_uri": labels,
                "model_package_group": "${model_package_group}",
                "nothing_uri": self.nothing,
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
