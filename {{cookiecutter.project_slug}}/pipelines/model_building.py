"""What the pipelines `training` and `training-hpo` share: every step except the one that trains or tunes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops_jobs.contract import Contract
from mlops_jobs.metric_names import Metric, metric_definition
from mlops_kit.definition.json_text import JsonPart, json_text
from mlops_kit.definition.steps import (
    LambdaFunctionStep,
    ProcessingJobStep,
    QualityCheckJobStep,
    RegisterModelStep,
    Request,
)
from sagemaker.core.workflow.conditions import (
    ConditionComparison,
    ConditionEquals,
    ConditionGreaterThan,
    ConditionGreaterThanOrEqualTo,
    ConditionLessThanOrEqualTo,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.steps import Step

from pipelines.parts import BUCKET, TRIGGER, TRIGGER_VERSION, Parts, Script, flags, incoming, outgoing
from pipelines.settings import Settings

CHANNELS = ("train", "validation", "preprocessor")
EVALUATION = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
MODEL_CARD = PropertyFile(name="ModelCard", output_name="evaluation", path="model_card.json")

# The hyperparameters that name the script for SageMaker's framework images. Isolated jobs get their code in a channel.
SCRIPT_MODE = {
    "sagemaker_program": "train.py",
    "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
    "sagemaker_container_log_level": "20",
    "sagemaker_region": "${region}",
}


@dataclass(frozen=True)
class Parameters:
    """The parameters of an execution."""

    data: ParameterString
    threshold: ParameterFloat
    tolerance: ParameterFloat
    processing: ParameterString
    training: ParameterString

    @classmethod
    def of(cls, settings: Settings) -> Parameters:
        """The parameters, with the team's settings as their defaults."""
        machines = settings.machines
        return cls(
            data=ParameterString("InputDataUri", default_value=f"{BUCKET}/data/training/"),
            threshold=ParameterFloat("MetricThreshold", default_value=settings.contract.threshold),
            tolerance=ParameterFloat("ChampionTolerance", default_value=settings.champion_tolerance),
            processing=ParameterString("ProcessingInstanceType", default_value=machines.processing.instance_type),
            training=ParameterString("TrainingInstanceType", default_value=machines.training.instance_type),
        )

    def all(self) -> list[Any]:
        """The parameters in the order of the definition."""
        return [self.data, self.threshold, self.tolerance, self.processing, self.training]


def preprocess(parts: Parts, parameters: Parameters, resolve: LambdaFunctionStep) -> ProcessingJobStep:
    """Split the labelled rows and fit the preprocessor to the training split; on one instance, which reads all rows."""
    split, machine = parts.settings.split, parts.settings.machines.processing
    outputs = (*CHANNELS, "test", "baseline")
    script = Script(
        "preprocess.py",
        [
            "fit",
            *flags(input_dir=incoming("data"), contract=f"{incoming('contract')}/dataset.yaml"),
            *flags(**{f"{name}_dir": outgoing(name) for name in outputs}),
            *flags(seed=str(split.seed)),
            *flags(validation_share=str(split.validation_share), test_share=str(split.test_share)),
        ],
        inputs={"data": parameters.data, "contract": parts.contract},
        outputs=outputs,
        environment={"DATA_VERSION": resolve.output("DataVersion")},  # the cache must notice new data
    )
    request = parts.processing_job("Preprocess", script, machine, parameters.processing)
    return ProcessingJobStep("Preprocess", request, cache=parts.cache, retry_policies=parts.retries)


def data_quality_baseline(parts: Parts, fitted: ProcessingJobStep) -> QualityCheckJobStep:
    """Compute the statistics of the training split, with which later data are compared."""
    return QualityCheckJobStep(
        "DataQualityBaseline",
        parts.quality_check("DataQualityBaseline", fitted.output("baseline")),
        skip_check=True,
        register_new_baseline=True,
        fail_on_violation=False,
        cache=parts.cache,
    )


def training_job(parts: Parts, parameters: Parameters, fitted: ProcessingJobStep, step: str) -> Request:
    """The request for a training job, alone or as part of a tuning job."""
    machine = parts.settings.machines.training
    sources = {"code": f"{BUCKET}/{parts.settings.code.source}"} | {name: fitted.output(name) for name in CHANNELS}
    return {
        "AlgorithmSpecification": algorithm(parts.settings),
        "RoleArn": "${role_arn}",
        "InputDataConfig": [channel(name, uri) for name, uri in sources.items()],
        "OutputDataConfig": {"S3OutputPath": parts.uri(step, "model"), "KmsKeyId": "${kms_key_arn}"},
        "ResourceConfig": parts.cluster(machine, parameters.training),
        "VpcConfig": parts.vpc,
        "StoppingCondition": {"MaxRuntimeInSeconds": machine.max_minutes * 60},
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
    }


def algorithm(settings: Settings) -> Request:
    """The training image, and how SageMaker reads the metric from the log of train.py.

    SageMaker's XGBoost image has metric definitions of its own, and the API refuses others; it knows none of any other
    image.
    """
    if settings.training_image == "xgboost":
        return {"TrainingImage": "${training_image_uri}", "TrainingInputMode": "File"}
    return {
        "TrainingImage": "${own_training_image_uri}",
        "TrainingInputMode": "File",
        "MetricDefinitions": [metric_definition(settings.contract.metric)],
    }


def channel(name: str, uri: Any) -> Request:
    """An input of a training job, which is downloaded to /opt/ml/input/data/<name>."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def evaluate(
    parts: Parts, parameters: Parameters, fitted: ProcessingJobStep, resolve: LambdaFunctionStep, model: Any
) -> ProcessingJobStep:
    """Evaluate the model on the test split, and compare it with the approved model."""
    machine = parts.settings.machines.processing
    inputs = {"model": model, "test": fitted.output("test"), "champion": resolve.output("ModelDataUri")}
    script = Script(
        "evaluate.py",
        [
            *flags(**{f"{name}_dir": incoming(name) for name in inputs}, output_dir=outgoing("evaluation")),
            *flags(threshold=parameters.threshold.to_string()),
        ],
        inputs=inputs,
        outputs=["evaluation"],
    )
    request = parts.processing_job("Evaluate", script, machine, parameters.processing)
    files = [EVALUATION, MODEL_CARD]
    return ProcessingJobStep("Evaluate", request, property_files=files, cache=parts.cache, retry_policies=parts.retries)


def evaluated(path: str) -> JsonGet:
    """A value of evaluation.json."""
    return JsonGet(step_name="Evaluate", property_file=EVALUATION, json_path=path)


def check_metric(parts: Parts, parameters: Parameters, register: Step) -> ConditionStep:
    """Register a model that meets the threshold, beats guessing and is not worse than the approved one; else fail.

    Where the contract has gates, it must meet all of them, too.
    """
    contract = parts.settings.contract
    gates = [ConditionEquals(left=evaluated("gates.missed"), right=0)] if contract.gates else []
    return ConditionStep(
        name="CheckMetric",
        conditions=[
            meets(contract.main_metric, evaluated("value"), parameters.threshold),
            ConditionGreaterThan(left=evaluated("baseline_gain"), right=0.0),
            ConditionLessThanOrEqualTo(left=evaluated("champion.shortfall"), right=parameters.tolerance),
            *gates,
        ],
        if_steps=[register],
        else_steps=[metric_not_met(contract, parameters)],
    )


def meets(metric: Metric, value: Any, threshold: Any) -> ConditionComparison:
    """Whether a value is as good as the threshold: at most the threshold for an error, at least for a score."""
    compare = ConditionLessThanOrEqualTo if metric.lower_is_better else ConditionGreaterThanOrEqualTo
    return compare(left=value, right=threshold)


def metric_not_met(contract: Contract, parameters: Parameters) -> FailStep:
    """End the execution with the result and the remedy."""
    metric = contract.main_metric
    remedy = (
        " Read evaluation.json of the step Evaluate; give better data or hyperparameters, "
        "or start again with another MetricThreshold or ChampionTolerance. A model that is no better than a constant "
        "prediction is not registered, whatever these are."
    )
    words: list[Any] = [
        f"The model was not registered. Its {metric.name} is ",
        evaluated("value"),
        f" and must be {metric.bound} ",
        parameters.threshold,
        f", and {'below' if metric.lower_is_better else 'above'} ",
        evaluated("baseline"),
        ", which the best constant prediction reaches. On the same rows it may be worse than the approved "
        "model by up to ",
        parameters.tolerance,
        " and is worse by ",
        evaluated("champion.shortfall"),
        " (0.0 if it is not worse, or if there is no approved model to compare it with)",
        *([".", evaluated("gates.sentence"), remedy] if contract.gates else [f".{remedy}"]),
    ]
    return FailStep(name="MetricNotMet", error_message=Join(on="", values=words))


def register_model(
    parts: Parts,
    parameters: Parameters,
    resolve: LambdaFunctionStep,
    evaluation: ProcessingJobStep,
    baseline: QualityCheckJobStep,
    model: Any,
    card: Request,
    more: dict[str, Any] | None = None,
) -> RegisterModelStep:
    """Register the model with its card, for a person to approve or reject; `more` is additional metadata."""
    contract, computed = parts.settings.contract, baseline.properties
    report = Join(on="/", values=[evaluation.output("evaluation"), EVALUATION.path])
    request = {
        "ModelPackageGroupName": "${model_package_group}",
        "ModelPackageDescription": "A model of the pipeline ${project} ${environment} " + parts.kind,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": inference_specification(parts, model),
        "ModelCard": card,
        "ModelMetrics": {
            "ModelQuality": {"Statistics": json_file(report)},
            "ModelDataQuality": {
                "Statistics": json_file(computed.CalculatedBaselineStatistics),
                "Constraints": json_file(computed.CalculatedBaselineConstraints),
            },
        },
        "DriftCheckBaselines": {
            "ModelDataQuality": {
                "Statistics": json_file(computed.BaselineUsedForDriftCheckStatistics),
                "Constraints": json_file(computed.BaselineUsedForDriftCheckConstraints),
            }
        },
        "MetadataProperties": {
            "CommitId": "${git_commit}",
            "Repository": "${repository}",
            "GeneratedBy": ExecutionVariables.PIPELINE_EXECUTION_ARN,
            "ProjectId": "${project}",
        },
        "CustomerMetadataProperties": {
            "git_commit": "${git_commit}",
            "build_id": "${build_id}",
            "data_version": resolve.output("DataVersion"),
            "pipeline": ExecutionVariables.PIPELINE_NAME,
            "execution": ExecutionVariables.PIPELINE_EXECUTION_ID,
            "trigger": TRIGGER,
            "trigger_version": TRIGGER_VERSION,  # its key may be longer than the registry's 256 characters
            "kind": parts.kind,
            "metric": contract.metric,
            "value": evaluated("value").to_string(),
            "baseline": evaluated("baseline").to_string(),  # what the best constant prediction reaches
            "threshold": parameters.threshold.to_string(),
            **({"gates": evaluated("gates.summary").to_string()} if contract.gates else {}),
            **({"decision_threshold": evaluated("decision.threshold").to_string()} if contract.decision else {}),
            # the version in use, if any: AWS refuses an empty value
            "champion": Join(on=" ", values=["approved", resolve.output("ModelPackageArn")]),
            "champion_value": card_part("champion_value"),
            **(more or {}),
        },
    }
    return RegisterModelStep("RegisterModel", request, retry_policies=parts.request_retries)


def model_card(
    parts: Parts,
    resolve: LambdaFunctionStep,
    fitted: ProcessingJobStep,
    evaluation: ProcessingJobStep,
    model: Any,
    training_job: Any,
) -> Request:
    """The card of a version, in SageMaker's schema: the texts of config/, facts of the execution, and the results.

    `model` is the S3 URI of the artifact, and `training_job` the ARN of the job that trained it.
    """
    texts = parts.settings.model_card
    job = {
        "training_arn": training_job,
        "training_datasets": [fitted.output("train")],
        "training_environment": {"container_image": [algorithm(parts.settings)["TrainingImage"]]},
        "user_provided_training_metrics": JsonPart(card_part("training_metrics")),
        "user_provided_hyper_parameters": JsonPart(card_part("hyper_parameters")),
    }
    results = {
        "name": "evaluation on the test split",
        "evaluation_observation": JsonPart(card_part("observation")),
        "evaluation_job_arn": evaluation.properties.ProcessingJobArn,
        "datasets": [fitted.output("test")],
        "metric_groups": JsonPart(card_part("metric_groups")),
    }
    details = {
        "data_version": resolve.output("DataVersion"),
        "git_commit": "${git_commit}",
        "pipeline": ExecutionVariables.PIPELINE_NAME,
        "execution": ExecutionVariables.PIPELINE_EXECUTION_ID,
    }
    content = {
        **texts,
        "model_overview": {**texts["model_overview"], "model_artifact": [model]},
        "training_details": {**texts["training_details"], "training_job_details": job},
        "evaluation_details": [results],
        "additional_information": {**texts["additional_information"], "custom_details": details},
    }
    written = {part: value for part, value in content.items() if value}
    return {"ModelCardContent": json_text(written), "ModelCardStatus": "PendingReview"}


def card_part(name: str) -> JsonGet:
    """A part of the model card that the evaluation has written, as JSON text."""
    return JsonGet(step_name="Evaluate", property_file=MODEL_CARD, json_path=name)


def json_file(uri: Any) -> Request:
    """A JSON file in the form of the registry's API."""
    return {"ContentType": "application/json", "S3Uri": uri}


def inference_specification(parts: Parts, model: Any) -> Request:
    """How the model can be served."""
    instance_types = [parts.settings.machines.inference.instance_type]
    return {
        "Containers": [parts.served(model)],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["application/jsonlines"],
        "SupportedTransformInstanceTypes": instance_types,
        "SupportedRealtimeInferenceInstanceTypes": instance_types,
    }
