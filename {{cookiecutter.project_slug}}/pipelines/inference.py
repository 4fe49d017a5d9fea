"""The pipeline `inference`: predict with the approved model, check the data, and evaluate the model if labels exist."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mlops_kit.checks.instance_types import volume_key
from mlops_kit.definition.steps import (
    LambdaFunctionStep,
    ModelStep,
    ProcessingJobStep,
    QualityCheckJobStep,
    Request,
    TransformJobStep,
)
from sagemaker.core.workflow.conditions import ConditionEquals, ConditionIn
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import Step

from pipelines.parts import BUCKET, Parts, Script, flags, incoming, outgoing
from pipelines.settings import Settings

VIOLATION, NO_MATCH = "VIOLATION", "NO_MATCH"
UNJUDGED = ("NO_LABELS", "UNDEFINED")  # more labels may come
VERDICT = PropertyFile(name="Verdict", output_name="verdict", path="verdict.json")


@dataclass(frozen=True)
class Parameters:
    """The parameters of an execution."""

    data: ParameterString
    labels: ParameterString
    threshold: ParameterFloat
    instance_type: ParameterString
    instance_count: ParameterInteger

    @classmethod
    def of(cls, settings: Settings) -> Parameters:
        """The parameters, with the team's settings as their defaults."""
        machine = settings.machines.inference
        return cls(
            data=ParameterString("InputDataUri", default_value=f"{BUCKET}/data/inference/"),
            labels=ParameterString("LabelsUri", default_value=f"{BUCKET}/data/labels/"),
            threshold=ParameterFloat("MetricThreshold", default_value=settings.contract.threshold),
            instance_type=ParameterString("InstanceType", default_value=machine.instance_type),
            instance_count=ParameterInteger("InstanceCount", default_value=machine.instance_count),
        )

    def all(self) -> list[Any]:
        """The parameters in the order of the definition."""
        return [self.data, self.labels, self.threshold, self.instance_type, self.instance_count]


def build(settings: Settings) -> Pipeline:
    """The definition of the pipeline."""
    parts, parameters = Parts(settings, "inference"), Parameters.of(settings)
    resolve = parts.resolve_inputs("inference", parameters.data, parameters.labels)
    features = preprocess(parts, parameters, resolve)
    predict, predictions = batch_inference(parts, parameters, resolve, features)
    monitored = quality_input(parts, parameters, resolve, predictions)
    checked = data_quality_check(parts, resolve, monitored)
    reported = report_data_quality(parts, parameters, monitored, checked)
    evaluated = model_quality(parts, parameters, resolve, predictions)
    return parts.pipeline(
        parameters.all(),
        [
            resolve,
            model_approved(resolve, features),
            *predict,
            monitored,
            checked,
            reported,
            labels_available(resolve, reported, evaluated),
            quality_held(settings),
            labels_matched(),
        ],
    )


def model_approved(resolve: LambdaFunctionStep, features: ProcessingJobStep) -> ConditionStep:
    """Continue if there is an approved model; every other step needs Preprocess, so none runs without one."""
    message = (
        "There is no approved model in the model package group ${model_package_group}. Start the pipeline training, "
        "then approve its model: mlops approve --env ${environment} --comment ..."
    )
    return ConditionStep(
        name="ModelApproved",
        conditions=[ConditionEquals(left=resolve.output("ModelApproved"), right="true")],
        if_steps=[features],
        else_steps=[FailStep(name="NoApprovedModel", error_message=message)],
    )


def sharded_job(parts: Parts, parameters: Parameters, step: str, script: Script) -> ProcessingJobStep:
    """A job on several instances, each of which processes its share of the input files."""
    machine = parts.settings.machines.inference
    script = replace(script, arguments=[*script.arguments, "--sharded"])
    request = parts.processing_job(step, script, machine, parameters.instance_type, parameters.instance_count)
    return ProcessingJobStep(step, request, cache=parts.cache, retry_policies=parts.retries)


def preprocess(parts: Parts, parameters: Parameters, resolve: LambdaFunctionStep) -> ProcessingJobStep:
    """Compute the features of the rows with the approved model's preprocessor."""
    folders = flags(input_dir=incoming("data"), artifact_dir=incoming("model"), output_dir=outgoing("features"))
    form = flags(format="csv") if parts.settings.batch_inference == "transform" else []
    script = Script(
        "preprocess.py",
        ["apply", *folders, *form],
        inputs={"data": parameters.data, "model": resolve.output("ModelDataUri")},
        outputs=["features"],
        sharded=["data"],
        environment={"DATA_VERSION": resolve.output("DataVersion")},  # the cache must notice new data
    )
    return sharded_job(parts, parameters, "Preprocess", script)


def batch_inference(
    parts: Parts, parameters: Parameters, resolve: LambdaFunctionStep, features: ProcessingJobStep
) -> tuple[list[Step], Any]:
    """The steps that predict, and the URI of the predictions."""
    model = resolve.output("ModelDataUri")
    if parts.settings.batch_inference == "processing":
        job = predict(parts, parameters, model, features)
        return [job], job.output("predictions")
    created = create_model(parts, model, features)
    transform = transform_job(parts, parameters, created, features)
    return [created, transform], transform.properties.TransformOutput.S3OutputPath


def predict(parts: Parts, parameters: Parameters, model: Any, features: ProcessingJobStep) -> ProcessingJobStep:
    """Predict in a processing job."""
    folders = flags(input_dir=incoming("features"), model_dir=incoming("model"), output_dir=outgoing("predictions"))
    features_each = parts.settings.explanations
    script = Script(
        "predict.py",
        [*folders, *(flags(explain=str(features_each)) if features_each else [])],
        inputs={"features": features.output("features"), "model": model},
        outputs=["predictions"],
        sharded=["features"],
    )
    return sharded_job(parts, parameters, "BatchInference", script)


def create_model(parts: Parts, model: Any, features: ProcessingJobStep) -> ModelStep:
    """Create the model that batch transform needs; after Preprocess, which runs only if there is an approved model."""
    container, features_each = parts.served(model), parts.settings.explanations
    if features_each:
        container["Environment"]["EXPLAIN"] = str(features_each)  # as inference.py reads it
    request = {
        "PrimaryContainer": container,
        "ExecutionRoleArn": "${role_arn}",
        "VpcConfig": parts.vpc,
        "EnableNetworkIsolation": True,
        "Tags": parts.tags,
    }
    return ModelStep("CreateModel", request, depends_on=[features], retry_policies=parts.request_retries)


def transform_job(
    parts: Parts, parameters: Parameters, created: ModelStep, features: ProcessingJobStep
) -> TransformJobStep:
    """Predict in a batch transform job, from lines of features to lines of JSON.

    A cache would never hit: each execution creates a model with another name. The API has no time limit for the job,
    only one for each request to the model.
    """
    source = {"S3DataType": "S3Prefix", "S3Uri": features.output("features")}
    request: Request = {
        "ModelName": created.properties.ModelName,
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": 6,
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 1},
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": parts.uri("BatchInference", "predictions"),
            "Accept": "application/jsonlines",
            "AssembleWith": "Line",
            "KmsKeyId": "${kms_key_arn}",
        },
        "TransformResources": {
            "InstanceType": parameters.instance_type,
            "InstanceCount": parameters.instance_count,
            **volume_key(parameters.instance_type),
        },
        "Tags": parts.tags,
    }
    return TransformJobStep("BatchInference", request, retry_policies=parts.retries)


def quality_input(
    parts: Parts, parameters: Parameters, resolve: LambdaFunctionStep, predictions: Any
) -> ProcessingJobStep:
    """Write the rows that have predictions, what was counted in them, and the constraints to check them with.

    The constraints depend only on the model: every instance writes the same.
    """
    script = Script(
        "quality_input.py",
        [
            *flags(input_dir=incoming("data"), predictions_dir=incoming("predictions")),
            *flags(artifact_dir=incoming("model"), output_dir=outgoing("monitored")),
            *flags(counts_dir=outgoing("counts"), baseline_dir=incoming("baseline")),
            *flags(constraints_dir=outgoing("constraints")),
        ],
        inputs={
            "data": parameters.data,
            "predictions": predictions,
            "model": resolve.output("ModelDataUri"),
            "baseline": resolve.output("BaselineConstraintsUri"),
        },
        outputs=["monitored", "counts", "constraints"],
        sharded=["data"],
        environment={"DATA_VERSION": resolve.output("DataVersion")},
    )
    return sharded_job(parts, parameters, "QualityInput", script)


def data_quality_check(parts: Parts, resolve: LambdaFunctionStep, monitored: ProcessingJobStep) -> QualityCheckJobStep:
    """Compare the data with the baseline that was registered with the approved model."""
    return QualityCheckJobStep(
        "DataQualityCheck",
        parts.quality_check("DataQualityCheck", monitored.output("monitored")),
        skip_check=False,
        register_new_baseline=False,
        fail_on_violation=False,  # ReportDataQuality sends an event; predictions are not held back
        supplied_statistics=resolve.output("BaselineStatisticsUri"),
        supplied_constraints=Join(on="/", values=[monitored.output("constraints"), "constraints.json"]),
    )


def report_data_quality(
    parts: Parts, parameters: Parameters, monitored: ProcessingJobStep, checked: QualityCheckJobStep
) -> LambdaFunctionStep:
    """Judge what the check and the counts have found, and send an event if there are violations."""
    return LambdaFunctionStep(
        "ReportDataQuality",
        "${report_data_quality_arn}",
        inputs={
            "results_uri": parts.uri("DataQualityCheck", "quality-check"),
            "counts_uri": monitored.output("counts"),
            "data_uri": parameters.data,
            "project": "${project}",
            "environment": "${environment}",
            "pipeline_name": ExecutionVariables.PIPELINE_NAME,
            "execution_arn": ExecutionVariables.PIPELINE_EXECUTION_ARN,
        },
        outputs=["DataQuality", "Violations", "Counted"],
        depends_on=[checked],
    )


def model_quality(
    parts: Parts, parameters: Parameters, resolve: LambdaFunctionStep, predictions: Any
) -> ProcessingJobStep:
    """Compare the predictions with the labels."""
    machine = parts.settings.machines.processing
    script = Script(
        "model_quality.py",
        [
            *flags(predictions_dir=incoming("predictions"), labels_dir=incoming("labels")),
            *flags(contract=f"{incoming('contract')}/dataset.yaml", output_dir=outgoing("verdict")),
            *flags(threshold=parameters.threshold.to_string()),
        ],
        inputs={"predictions": predictions, "labels": resolve.output("LabelsUri"), "contract": parts.contract},
        outputs=["verdict"],
    )
    request = parts.processing_job("ModelQuality", script, machine, parameters.instance_type)
    return ProcessingJobStep("ModelQuality", request, property_files=[VERDICT], retry_policies=parts.retries)


def labels_available(
    resolve: LambdaFunctionStep, reported: LambdaFunctionStep, evaluated: ProcessingJobStep
) -> ConditionStep:
    """Evaluate the model only if labels exist; data quality has been reported before."""
    return ConditionStep(
        name="LabelsAvailable",
        conditions=[ConditionEquals(left=resolve.output("LabelsAvailable"), right="true")],
        if_steps=[evaluated],
        else_steps=[],
        depends_on=[reported],
    )


def quality_held(settings: Settings) -> ConditionStep:
    """Fail the execution if the model violates its threshold, which may start a retraining."""
    words: list[Any] = [
        f"Model quality violation: on the labels that came, {settings.contract.metric} is ",
        verdict("value"),
        f" and must be {settings.contract.main_metric.bound} ",
        verdict("threshold"),
        ". Read verdict.json of the step ModelQuality; train again on newer data, or with the pipeline training-hpo.",
    ]
    return ConditionStep(
        name="QualityHeld",
        conditions=[ConditionIn(value=verdict("verdict"), in_values=["PASS", *UNJUDGED, NO_MATCH])],
        if_steps=[],
        else_steps=[FailStep(name="ModelQualityViolation", error_message=Join(on="", values=words))],
    )


def labels_matched() -> ConditionStep:
    """Fail the execution if the labels that came match no prediction, or few: a fault for a person, not the model's."""
    words: list[Any] = [
        "The labels do not match the predictions, so the quality of the model is unknown: ",
        verdict("reason"),
        ". Correct the labels and upload them again.",
    ]
    return ConditionStep(
        name="LabelsMatched",
        conditions=[ConditionIn(value=verdict("verdict"), in_values=["PASS", VIOLATION, *UNJUDGED])],
        if_steps=[],
        else_steps=[FailStep(name="LabelsNotMatched", error_message=Join(on="", values=words))],
    )


def verdict(path: str) -> JsonGet:
    """A value of verdict.json."""
    return JsonGet(step_name="ModelQuality", property_file=VERDICT, json_path=path)
