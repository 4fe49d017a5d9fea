"""The kit's steps built with the SageMaker SDK's classes, from the values of the kit's requests.

The SDK uploads files and calls AWS while it builds a step, so this runs in moto's in-process AWS. The SDK does not
validate roles here (SAGEMAKER_VALIDATE_ROLE), since moto does not implement iam:SimulatePrincipalPolicy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagemaker.core.drift_check_baselines import DriftCheckBaselines
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.metadata_properties import MetadataProperties
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.model_monitor import DatasetFormat
from sagemaker.core.network import NetworkConfig
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import (
    ModelPackageModelCard,
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    StoppingCondition,
    Tag,
)
from sagemaker.core.training.configs import Compute, InputData, Networking, SourceCode
from sagemaker.core.transformer import Transformer
from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig, QualityCheckStep
from sagemaker.mlops.workflow.steps import ProcessingStep, Step, TrainingStep, TransformStep, TuningStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

Request = dict[str, Any]


@dataclass(frozen=True)
class Sdk:
    """The SDK's session, and the folder of the code that it uploads."""

    session: Any
    jobs: Path

    def build(self, step: Any, request: Request) -> Step:
        """A step of the kit, built by the SDK's class from the values of the request."""
        return BUILDERS[step.step_type.value](self, step, request)


def processing(sdk: Sdk, step: Any, request: Request) -> Step:
    program, script = request["AppSpecification"]["ContainerEntrypoint"]
    processor = ScriptProcessor(
        image_uri=request["AppSpecification"]["ImageUri"],
        command=[program],
        env=request.get("Environment"),
        **_job(request),
        sagemaker_session=sdk.session,
    )
    arguments = processor.run(
        code=str(sdk.jobs / Path(script).name),
        inputs=[_input(entry) for entry in request["ProcessingInputs"] if entry["InputName"] != "code"],
        outputs=[_output(entry) for entry in request["ProcessingOutputConfig"]["Outputs"]],
        arguments=request["AppSpecification"]["ContainerArguments"],
    )
    return ProcessingStep(
        step.name,
        arguments,
        property_files=step.property_files,
        cache_config=step.cache,
        retry_policies=step.retry_policies,
    )


def quality_check(sdk: Sdk, step: Any, request: Request) -> Step:
    body = step.to_request()
    config = DataQualityCheckConfig(
        baseline_dataset=request["ProcessingInputs"][0]["S3Input"]["S3Uri"],
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"],
    )
    return QualityCheckStep(
        step.name,
        config,
        CheckJobConfig(**_job(request), sagemaker_session=sdk.session),
        skip_check=body["SkipCheck"],
        fail_on_violation=body["FailOnViolation"],
        register_new_baseline=body["RegisterNewBaseline"],
        supplied_baseline_statistics=body["SuppliedBaselineStatistics"],
        supplied_baseline_constraints=body["SuppliedBaselineConstraints"],
        cache_config=step.cache,
    )


def training(sdk: Sdk, step: Any, request: Request) -> Step:
    trainer = _trainer(sdk, request, request["HyperParameters"], request["Tags"])
    arguments = trainer.train(input_data_config=_channels(request))
    return TrainingStep(step.name, arguments, cache_config=step.cache, retry_policies=step.retry_policies)


def tuning(sdk: Sdk, step: Any, request: Request) -> Step:
    config, job = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    ranges = {
        entry["Name"]: _range(kind, entry) for kind, entries in config["ParameterRanges"].items() for entry in entries
    }
    tuner = HyperparameterTuner(
        model_trainer=_trainer(sdk, job, job["StaticHyperParameters"], None),
        objective_metric_name=config["HyperParameterTuningJobObjective"]["MetricName"],
        objective_type=config["HyperParameterTuningJobObjective"]["Type"],
        strategy=config["Strategy"],
        max_jobs=20,  # it takes no pipeline variable
        max_parallel_jobs=4,
        hyperparameter_ranges=ranges,
        early_stopping_type=config["TrainingJobEarlyStoppingType"],
        tags=request["Tags"],
    )
    arguments = tuner.tune(inputs=_channels(job))
    return TuningStep(step.name, arguments, cache_config=step.cache, retry_policies=step.retry_policies)


def transform(sdk: Sdk, step: Any, request: Request) -> Step:
    source, target = request["TransformInput"], request["TransformOutput"]
    transformer = Transformer(
        model_name=request["ModelName"],
        instance_count=1,  # it takes no pipeline variable
        instance_type=request["TransformResources"]["InstanceType"],
        volume_kms_key=request["TransformResources"]["VolumeKmsKeyId"],
        output_path=target["S3OutputPath"],
        output_kms_key=target["KmsKeyId"],
        accept=target["Accept"],
        assemble_with=target["AssembleWith"],
        strategy=request["BatchStrategy"],
        max_payload=request["MaxPayloadInMB"],
        tags=request["Tags"],
        sagemaker_session=sdk.session,
    )
    arguments = transformer.transform(
        data=source["DataSource"]["S3DataSource"]["S3Uri"],
        content_type=source["ContentType"],
        split_type=source["SplitType"],
        model_client_config=request["ModelClientConfig"],
    )
    return TransformStep(step.name, arguments, cache_config=step.cache, retry_policies=step.retry_policies)


def model(sdk: Sdk, step: Any, request: Request) -> Step:
    builder = _builder(sdk, request["PrimaryContainer"], request["ExecutionRoleArn"])
    builder.network = Networking(
        security_group_ids=request["VpcConfig"]["SecurityGroupIds"],
        subnets=request["VpcConfig"]["Subnets"],
        enable_network_isolation=request["EnableNetworkIsolation"],
    )
    arguments = builder.build(tags=request["Tags"])
    return ModelStep(step.name, arguments, depends_on=step.depends_on, retry_policies=step.retry_policies)


def register_model(sdk: Sdk, step: Any, request: Request) -> Step:
    specification, metadata = request["InferenceSpecification"], request["MetadataProperties"]
    metrics, baselines = request["ModelMetrics"], request["DriftCheckBaselines"]["ModelDataQuality"]
    card = request["ModelCard"]
    builder = _builder(sdk, specification["Containers"][0], "arn:aws:iam::123456789012:role/builder")
    arguments = builder.register(
        model_package_group_name=request["ModelPackageGroupName"],
        description=request["ModelPackageDescription"],
        approval_status=request["ModelApprovalStatus"],
        content_types=specification["SupportedContentTypes"],
        response_types=specification["SupportedResponseMIMETypes"],
        inference_instances=specification["SupportedRealtimeInferenceInstanceTypes"],
        transform_instances=specification["SupportedTransformInstanceTypes"],
        model_metrics=ModelMetrics(
            model_statistics=_metrics(metrics["ModelQuality"]["Statistics"]),
            model_data_statistics=_metrics(metrics["ModelDataQuality"]["Statistics"]),
            model_data_constraints=_metrics(metrics["ModelDataQuality"]["Constraints"]),
        ),
        drift_check_baselines=DriftCheckBaselines(
            model_data_statistics=_metrics(baselines["Statistics"]),
            model_data_constraints=_metrics(baselines["Constraints"]),
        ),
        metadata_properties=MetadataProperties(
            commit_id=metadata["CommitId"],
            repository=metadata["Repository"],
            generated_by=metadata["GeneratedBy"],
            project_id=metadata["ProjectId"],
        ),
        customer_metadata_properties=request["CustomerMetadataProperties"],
        model_card=ModelPackageModelCard(
            model_card_content=card["ModelCardContent"], model_card_status=card["ModelCardStatus"]
        ),
    )
    return ModelStep(step.name, arguments, retry_policies=step.retry_policies)


def lambda_function(sdk: Sdk, step: Any, request: Request) -> Step:
    body = step.to_request()
    return LambdaStep(
        step.name,
        Lambda(function_arn=body["FunctionArn"], session=sdk.session),
        inputs=request,
        outputs=[LambdaOutput(output["OutputName"]) for output in body["OutputParameters"]],
        depends_on=step.depends_on,
    )


BUILDERS: dict[str, Callable[[Sdk, Any, Request], Step]] = {
    "Processing": processing,
    "QualityCheck": quality_check,
    "Training": training,
    "Tuning": tuning,
    "Transform": transform,
    "Model": model,
    "RegisterModel": register_model,
    "Lambda": lambda_function,
}


def _job(request: Request) -> Request:
    """What processing jobs and quality checks have in common."""
    cluster, network = request["ProcessingResources"]["ClusterConfig"], request["NetworkConfig"]
    return {
        "role": request["RoleArn"],
        "instance_count": cluster["InstanceCount"],
        "instance_type": cluster["InstanceType"],
        "volume_size_in_gb": cluster["VolumeSizeInGB"],
        "volume_kms_key": cluster["VolumeKmsKeyId"],
        "output_kms_key": request["ProcessingOutputConfig"]["KmsKeyId"],
        "max_runtime_in_seconds": request["StoppingCondition"]["MaxRuntimeInSeconds"],
        "tags": request["Tags"],
        "network_config": NetworkConfig(
            enable_network_isolation=network["EnableNetworkIsolation"],
            encrypt_inter_container_traffic=network["EnableInterContainerTrafficEncryption"],
            security_group_ids=network["VpcConfig"]["SecurityGroupIds"],
            subnets=network["VpcConfig"]["Subnets"],
        ),
    }


def _input(entry: Request) -> ProcessingInput:
    source = entry["S3Input"]
    return ProcessingInput(
        input_name=entry["InputName"],
        s3_input=ProcessingS3Input(
            s3_uri=source["S3Uri"],
            local_path=source["LocalPath"],
            s3_data_type=source["S3DataType"],
            s3_input_mode=source["S3InputMode"],
            s3_data_distribution_type=source["S3DataDistributionType"],
        ),
    )


def _output(entry: Request) -> ProcessingOutput:
    target = entry["S3Output"]
    return ProcessingOutput(
        output_name=entry["OutputName"],
        s3_output=ProcessingS3Output(
            s3_uri=target["S3Uri"], local_path=target["LocalPath"], s3_upload_mode=target["S3UploadMode"]
        ),
    )


def _trainer(sdk: Sdk, job: Request, hyperparameters: dict[str, str], tags: list[Request] | None) -> ModelTrainer:
    resources = job["ResourceConfig"]
    return ModelTrainer(
        sagemaker_session=sdk.session,
        role=job["RoleArn"],
        training_image=job["AlgorithmSpecification"]["TrainingImage"],
        source_code=SourceCode(source_dir=str(sdk.jobs), entry_script="train.py"),
        compute=Compute(
            instance_type=resources["InstanceType"],
            instance_count=resources["InstanceCount"],
            volume_size_in_gb=resources["VolumeSizeInGB"],
            volume_kms_key_id=resources["VolumeKmsKeyId"],
        ),
        networking=Networking(
            security_group_ids=job["VpcConfig"]["SecurityGroupIds"],
            subnets=job["VpcConfig"]["Subnets"],
            enable_network_isolation=job["EnableNetworkIsolation"],
            enable_inter_container_traffic_encryption=job["EnableInterContainerTrafficEncryption"],
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"]),
        output_data_config=OutputDataConfig(
            s3_output_path=job["OutputDataConfig"]["S3OutputPath"], kms_key_id=job["OutputDataConfig"]["KmsKeyId"]
        ),
        hyperparameters={name: value for name, value in hyperparameters.items() if not name.startswith("sagemaker_")},
        tags=tags and [Tag(key=tag["Key"], value=tag["Value"]) for tag in tags],
    )


def _channels(job: Request) -> list[InputData]:
    return [
        InputData(channel_name=channel["ChannelName"], data_source=channel["DataSource"]["S3DataSource"]["S3Uri"])
        for channel in job["InputDataConfig"]
        if channel["ChannelName"] != "code"
    ]


def _range(kind: str, entry: Request) -> Any:
    if kind.startswith("Categorical"):
        return CategoricalParameter(entry["Values"])
    make, number = (IntegerParameter, int) if kind.startswith("Integer") else (ContinuousParameter, float)
    return make(number(entry["MinValue"]), number(entry["MaxValue"]), entry["ScalingType"])


def _builder(sdk: Sdk, container: Request, role: str) -> ModelBuilder:
    return ModelBuilder(
        s3_model_data_url=container["ModelDataUrl"],
        image_uri=container["Image"],
        env_vars=dict(container["Environment"]),
        role_arn=role,
        sagemaker_session=sdk.session,
    )


def _metrics(source: Request) -> MetricsSource:
    return MetricsSource(content_type=source["ContentType"], s3_uri=source["S3Uri"])
