"""The pipeline `training-hpo`: as `training`, with a tuning job instead of one training job."""

from __future__ import annotations

from typing import Any

from mlops_jobs.metric_names import metric_definition, objective_name
from mlops_kit.definition.steps import ProcessingJobStep, Request, TuningJobStep
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterInteger
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
from pipelines.settings import Range, Settings


def build(settings: Settings) -> Pipeline:
    """The definition of the pipeline."""
    parts, parameters = Parts(settings, "training-hpo"), Parameters.of(settings)
    jobs = ParameterInteger("TuningJobs", default_value=settings.tuning.jobs)
    parallel = ParameterInteger("ParallelTuningJobs", default_value=settings.tuning.parallel_jobs)
    resolve = parts.resolve_inputs("training", parameters.data, labels="")
    fitted = preprocess(parts, parameters, resolve)
    baseline = data_quality_baseline(parts, fitted)
    tuned = tune(parts, parameters, fitted, {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel})
    model = best_model(tuned)
    evaluated = evaluate(parts, parameters, fitted, resolve, model)
    card = model_card(parts, resolve, fitted, evaluated, model, tuned.properties.BestTrainingJob.TrainingJobArn)
    register = register_model(parts, parameters, resolve, evaluated, baseline, model, card, winners(settings, tuned))
    check = check_metric(parts, parameters, register)
    return parts.pipeline([*parameters.all(), jobs, parallel], [resolve, fitted, baseline, tuned, evaluated, check])


def tune(parts: Parts, parameters: Parameters, fitted: ProcessingJobStep, limits: Request) -> TuningJobStep:
    """Search the hyperparameters whose model is best on the validation split."""
    tuning, contract = parts.settings.tuning, parts.settings.contract
    searched = {entry.name for entry in tuning.ranges}
    fixed = {name: str(value) for name, value in parts.settings.hyperparameters.items() if name not in searched}
    request = {
        "HyperParameterTuningJobConfig": {
            "Strategy": tuning.strategy,
            "HyperParameterTuningJobObjective": {
                "Type": "Minimize" if contract.main_metric.lower_is_better else "Maximize",
                "MetricName": objective(parts.settings),
            },
            "ResourceLimits": limits,
            "ParameterRanges": parameter_ranges(tuning.ranges),
            "TrainingJobEarlyStoppingType": tuning.early_stopping,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": SCRIPT_MODE | fixed,
            **training_job(parts, parameters, fitted, "Tune"),
        },
        "Tags": parts.tags,
    }
    return TuningJobStep("Tune", request, cache=parts.cache, retry_policies=parts.retries)


def objective(settings: Settings) -> str:
    """The name under which the training image reports the contract's metric."""
    if settings.training_image == "own":
        return metric_definition(settings.contract.metric)["Name"]
    return objective_name(settings.contract.problem_type, settings.contract.main_metric)


def parameter_ranges(ranges: tuple[Range, ...]) -> Request:
    """The ranges in the API's form: by type, and with every number as a string."""
    by_type: dict[str, list[Request]] = {}
    for searched in ranges:
        entry: Request = {"Name": searched.name}
        if searched.type == "categorical":
            entry["Values"] = list(searched.values)
        else:
            low, high = searched.values
            entry |= {"MinValue": low, "MaxValue": high, "ScalingType": searched.scaling}
        by_type.setdefault(f"{searched.type.capitalize()}ParameterRanges", []).append(entry)
    return dict(by_type)


def best_model(tuned: TuningJobStep) -> Join:
    """The artifact of the best training job; after a cache hit, its folder is that of an earlier execution."""
    job = tuned.properties
    folder = job.TrainingJobDefinition.OutputDataConfig.S3OutputPath
    return Join(on="/", values=[folder, job.BestTrainingJob.TrainingJobName, "output/model.tar.gz"])


def winners(settings: Settings, tuned: TuningJobStep) -> dict[str, Any]:
    """The hyperparameters of the best training job, which `mlops adopt` reads from the registry."""
    best = tuned.properties.BestTrainingJob.TunedHyperParameters
    return {f"hp_{searched.name}": best[searched.name] for searched in settings.tuning.ranges}
