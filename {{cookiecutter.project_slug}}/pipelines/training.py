"""The pipeline `training`: preprocess, train, evaluate, and register the model if it is good enough."""

from __future__ import annotations

from mlops_kit.definition.steps import ProcessingJobStep, TrainingJobStep
from sagemaker.mlops.workflow.pipeline import Pipeline

from pipelines.model_building import (
    SCRIPT_MODE,
    Parameters,
    check_metric,
    data_quality_baseline,
    evaluate,
    model_card,
    preprocess,
    register_model,
    training_job,
)
from pipelines.parts import Parts
from pipelines.settings import Settings


def build(settings: Settings) -> Pipeline:
    """The definition of the pipeline."""
    parts, parameters = Parts(settings, "training"), Parameters.of(settings)
    resolve = parts.resolve_inputs("training", parameters.data, labels="")
    fitted = preprocess(parts, parameters, resolve)
    baseline = data_quality_baseline(parts, fitted)
    trained = train(parts, parameters, fitted)
    model = trained.properties.ModelArtifacts.S3ModelArtifacts
    evaluated = evaluate(parts, parameters, fitted, resolve, model)
    card = model_card(parts, resolve, fitted, evaluated, model, trained.properties.TrainingJobArn)
    register = register_model(parts, parameters, resolve, evaluated, baseline, model, card)
    check = check_metric(parts, parameters, register)
    return parts.pipeline(parameters.all(), [resolve, fitted, baseline, trained, evaluated, check])


def train(parts: Parts, parameters: Parameters, fitted: ProcessingJobStep) -> TrainingJobStep:
    """Train with the hyperparameters of config/hyperparameters.yaml."""
    values = {name: str(value) for name, value in parts.settings.hyperparameters.items()}
    request = training_job(parts, parameters, fitted, "Train")
    request |= {"HyperParameters": SCRIPT_MODE | values, "Tags": parts.tags}
    return TrainingJobStep("Train", request, cache=parts.cache, retry_policies=parts.retries)
