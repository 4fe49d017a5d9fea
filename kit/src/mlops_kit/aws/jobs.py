"""The request of the job that a step started, from SageMaker.

Needs the IAM actions sagemaker:ListPipelineExecutionSteps on the execution, sagemaker:DescribeProcessingJob,
DescribeTrainingJob, DescribeHyperParameterTuningJob and ListTrainingJobsForHyperParameterTuningJob on its jobs.
"""

from __future__ import annotations

from typing import Any

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import Environment

# What a request has of the answer of the Describe operation, as far as a run on one machine needs it.
PROCESSING = ("ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources", "AppSpecification", "Environment")
TRAINING = ("AlgorithmSpecification", "HyperParameters", "InputDataConfig", "OutputDataConfig", "ResourceConfig")


def job_request(environment: Environment, arn: str, step: str) -> tuple[str, dict[str, Any]]:
    """The kind of a step's job, Processing or Training, and its request; of a tuning job, that of a failed training.

    Raises:
        UserError: the step has no job of these kinds.
    """
    sagemaker = environment.client("sagemaker")
    metadata = _metadata(sagemaker, arn, step)
    for key in ("ProcessingJob", "QualityCheck"):
        if job := metadata.get(key, {}).get("Arn") or metadata.get(key, {}).get("CheckJobArn"):
            answer = sagemaker.describe_processing_job(ProcessingJobName=_name(job))
            return "Processing", {name: answer[name] for name in PROCESSING if name in answer}
    training = metadata.get("TrainingJob", {}).get("Arn")
    if tuning := metadata.get("TuningJob", {}).get("Arn"):
        training = _training_of(sagemaker, _name(tuning))
    if not training:
        raise UserError(f"{arn}: {step} has no processing or training job that could be run again")
    answer = sagemaker.describe_training_job(TrainingJobName=_name(training))
    return "Training", {name: answer[name] for name in (*TRAINING, "Environment") if name in answer}


def _metadata(sagemaker: Any, arn: str, step: str) -> dict[str, Any]:
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn)
    for page in pages:
        for found in page["PipelineExecutionSteps"]:
            if found["StepName"] == step:
                return dict(found.get("Metadata", {}))
    return {}


def _training_of(sagemaker: Any, tuning: str) -> str | None:
    """A training job of a tuning job: one that failed, or else the best."""
    failed = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuning, StatusEquals="Failed", MaxResults=1
    )["TrainingJobSummaries"]
    if failed:
        return str(failed[0]["TrainingJobArn"])
    answer = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning)
    return answer.get("BestTrainingJob", {}).get("TrainingJobArn")


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
