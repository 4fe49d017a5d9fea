"""The kit's steps have the API's request as their arguments, and the SDK's other steps can be used with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.callback_step import CallbackOutput, CallbackStep
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.emr_step import EMRStep, EMRStepConfig
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig

from mlops_kit.checks.check import check
from mlops_kit.definition.steps import (
    LambdaFunctionStep,
    ModelStep,
    OfflineSession,
    ProcessingJobStep,
    QualityCheckJobStep,
    RegisterModelStep,
    TrainingJobStep,
    TransformJobStep,
    TuningJobStep,
)

REQUEST = {"RoleArn": "arn:aws:iam::123456789012:role/jobs"}
THROTTLED = StepRetryPolicy([StepExceptionTypeEnum.THROTTLING], max_attempts=3)
FULL = SageMakerJobStepRetryPolicy([SageMakerJobExceptionTypeEnum.CAPACITY_ERROR], max_attempts=3)


def compiled(*steps: Any, parameters: Any = ()) -> dict[str, Any]:
    pipeline = Pipeline(
        name="mixed",
        parameters=list(parameters),
        steps=list(steps),
        pipeline_experiment_config=None,
        sagemaker_session=OfflineSession(),
    )
    return dict(json.loads(pipeline.definition()))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ProcessingJobStep, "Processing"),
        (TrainingJobStep, "Training"),
        (TuningJobStep, "Tuning"),
        (TransformJobStep, "Transform"),
        (ModelStep, "Model"),
        (RegisterModelStep, "RegisterModel"),
    ],
)
def test_a_step_is_its_request_and_its_fields(kind: Any, name: str) -> None:
    bare = compiled(kind("Step", REQUEST))["Steps"][0]
    assert bare == {"Name": "Step", "Type": name, "Arguments": REQUEST}
    full = kind(
        "Step",
        REQUEST,
        cache=CacheConfig(enable_caching=True, expire_after="P1D"),
        retry_policies=[THROTTLED],
        display_name="A step",
        description="It needs no comment.",
    )
    assert compiled(full)["Steps"][0] == bare | {
        "DisplayName": "A step",
        "Description": "It needs no comment.",
        "CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"},
        "RetryPolicies": [
            {"BackoffRate": 2.0, "IntervalSeconds": 1, "MaxAttempts": 3, "ExceptionType": ["Step.THROTTLING"]}
        ],
    }


def test_a_property_is_one_of_the_apis_response() -> None:
    trained = TrainingJobStep("Train", REQUEST)
    assert trained.properties.ModelArtifacts.S3ModelArtifacts.expr == {
        "Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"
    }
    with pytest.raises(AttributeError):
        _ = trained.properties.ModelArtifacts.S3Uri
    tuned = TuningJobStep("Tune", REQUEST)
    assert tuned.properties.BestTrainingJob.TunedHyperParameters["eta"].expr == {
        "Get": "Steps.Tune.BestTrainingJob.TunedHyperParameters['eta']"
    }
    assert tuned.properties.TrainingJobSummaries[0].TrainingJobName.expr == {
        "Get": "Steps.Tune.TrainingJobSummaries[0].TrainingJobName"
    }


def test_an_output_and_a_property_file_have_a_name() -> None:
    file = PropertyFile(name="Report", output_name="report", path="report.json")
    step = ProcessingJobStep("Look", REQUEST, property_files=[file])
    assert step.output("report").expr == {"Get": "Steps.Look.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri"}
    assert compiled(step)["Steps"][0]["PropertyFiles"] == [
        {"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}
    ]


@pytest.mark.parametrize("kind", [ModelStep, RegisterModelStep])
def test_a_step_that_starts_no_job_refuses_the_retry_policy_of_a_job(kind: Any) -> None:
    with pytest.raises(ValueError, match="Keep: starts no job, so it takes a StepRetryPolicy only"):
        kind("Keep", REQUEST, retry_policies=[THROTTLED, FULL])


def test_a_quality_check_has_its_baseline() -> None:
    step = QualityCheckJobStep(
        "Check",
        REQUEST,
        skip_check=False,
        register_new_baseline=False,
        fail_on_violation=True,
        supplied_statistics="s3://bucket/statistics.json",
        supplied_constraints="s3://bucket/constraints.json",
    )
    body = compiled(step)["Steps"][0]
    assert (body["CheckType"], body["SkipCheck"], body["FailOnViolation"]) == ("DATA_QUALITY", False, True)
    assert body["SuppliedBaselineStatistics"] == "s3://bucket/statistics.json"
    assert step.properties.CalculatedBaselineStatistics.expr == {"Get": "Steps.Check.CalculatedBaselineStatistics"}


def test_an_output_of_a_function_can_be_an_input() -> None:
    resolve = LambdaFunctionStep("Resolve", "${resolve_inputs_arn}", {"purpose": "training"}, ["DataVersion"])
    step = ProcessingJobStep("Look", REQUEST | {"Environment": {"DATA_VERSION": resolve.output("DataVersion")}})
    first, second = compiled(resolve, step)["Steps"]
    assert first == {
        "Name": "Resolve",
        "Type": "Lambda",
        "Arguments": {"purpose": "training"},
        "FunctionArn": "${resolve_inputs_arn}",
        "OutputParameters": [{"OutputName": "DataVersion", "OutputType": "String"}],
    }
    assert second["Arguments"]["Environment"] == {
        "DATA_VERSION": {"Get": "Steps.Resolve.OutputParameters['DataVersion']"}
    }


def test_a_step_waits_for_another_by_name() -> None:
    first = LambdaFunctionStep("First", "${resolve_inputs_arn}", {}, [])
    second = LambdaFunctionStep("Second", "${resolve_inputs_arn}", {}, [], depends_on=[first])
    third = ProcessingJobStep("Third", REQUEST, depends_on=["Second"])
    assert [step.get("DependsOn") for step in compiled(first, second, third)["Steps"]] == [None, ["First"], ["Second"]]


@pytest.mark.filterwarnings("ignore:Lambda function won't be updated")
def test_the_sdks_other_steps_can_be_used_with_the_kits() -> None:
    place = ParameterString("Place", default_value="s3://bucket/logs")
    ours = LambdaFunctionStep("Resolve", "${resolve_inputs_arn}", {"place": place}, ["DataVersion"])
    version = ours.output("DataVersion")
    function = "arn:aws:lambda:eu-west-1:123456789012:function:count"
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/questions"
    count = LambdaStep(
        "Count", Lambda(function_arn=function), inputs={"version": version}, outputs=[LambdaOutput("Rows")]
    )
    ask = CallbackStep("Ask", queue, {"version": version}, [CallbackOutput("Answer")])
    join = EMRStep("Join", "Join", "Join tables", "j-1", EMRStepConfig(jar="command-runner.jar", args=["spark-submit"]))
    decide = ConditionStep(
        "Decide",
        conditions=[ConditionEquals(ask.properties.Outputs["Answer"], "yes")],
        if_steps=[],
        else_steps=[FailStep("Refused", error_message="The answer was no.")],
    )
    definition = compiled(ours, count, ask, join, decide, parameters=[place])
    assert [step["Type"] for step in definition["Steps"]] == ["Lambda", "Lambda", "Callback", "EMR", "Condition"]
    assert [str(finding) for finding in check(definition)] == []
