"""The preflight finds everything in a definition that the local cloud cannot run, and nothing that it can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from example import Example
from mlops_kit.aws.environment import bind
from mlops_kit.checks.builtin_image import metric_definitions
from mlops_kit.definition.compile import compile_all
from mlops_kit.definition.lineage import Lineage
from mlops_kit.definition.model import Definition
from mlops_kit.local_cloud.account import local_environment
from mlops_kit.runner.preflight import EXECUTION_VARIABLES, find_unsupported
from pipeline_harness import Lab, Step, condition, equals, fail, open_lab, step_of

S3 = "s3://bucket/data"
FOLDER = "/opt/ml/processing/input/data"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
SCRIPT = {"sagemaker_program": "train.py", "sagemaker_submit_directory": S3}
OBJECTIVE = {"MetricName": "loss", "Type": "Minimize"}
TUNING = {
    "Strategy": "Random",
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
    "HyperParameterTuningJobObjective": OBJECTIVE,
}


def step(kind: str, arguments: Any = None, **fields: Any) -> Step:
    return {"Name": "Odd", "Type": kind, "Arguments": arguments or {}, **fields}


def processing(**changes: Any) -> Step:
    request = {
        "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python3"]},
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1}},
    }
    return step("Processing", request | changes)


def inputs(**source: Any) -> list[Step]:
    return [{"InputName": "data", "S3Input": {"S3Uri": S3, "LocalPath": FOLDER, **source}}]


def outputs(**target: Any) -> Step:
    s3_output = {"S3Uri": S3, "LocalPath": "/opt/ml/processing/output", **target}
    return {"Outputs": [{"OutputName": "out", "S3Output": s3_output}]}


def job(hyperparameters: str, **changes: Any) -> dict[str, Any]:
    request = {
        "AlgorithmSpecification": {"TrainingImage": "image"},
        hyperparameters: SCRIPT,
        "ResourceConfig": {"InstanceCount": 1},
        "OutputDataConfig": {"S3OutputPath": S3},
    }
    return request | changes


def training(**changes: Any) -> Step:
    return step("Training", job("HyperParameters", **changes))


def tuning(**changes: Any) -> Step:
    definition = job("StaticHyperParameters")
    return step("Tuning", {"HyperParameterTuningJobConfig": TUNING, "TrainingJobDefinition": definition, **changes})


def transform(source: Any = None, **changes: Any) -> Step:
    data = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": S3}}} | (source or {})
    resources = {"InstanceCount": 1}
    target = {"S3OutputPath": S3}
    request = {"ModelName": "m", "TransformInput": data, "TransformOutput": target, "TransformResources": resources}
    return step("Transform", request | changes)


def quality_check(kind: Any = "DATA_QUALITY", **changes: Any) -> Step:
    request = processing(ProcessingOutputConfig=outputs())["Arguments"] | changes
    return step("QualityCheck", request, CheckType=kind, SkipCheck=True)


def channel(**source: Any) -> list[Step]:
    return [{"ChannelName": "train", "DataSource": source}]


def value_of(expression: Any) -> Step:
    return fail("Odd", expression)


def json_get(path: str, **file: Any) -> Step:
    return value_of({"Std:JsonGet": {"Path": path, **file}})


def two_conditions(*conditions: Any) -> Step:
    return condition("Odd", *conditions)


# what the local cloud cannot run -> the step, the beginning of the finding
UNSUPPORTED: dict[str, tuple[Step, str]] = {
    # the graph
    "a type of step": (step("EMR"), "Odd: Type is EMR, which the local cloud cannot run; it runs Processing, "),
    "a dependency that does not exist": (
        step("Model", DependsOn=["Prepare"]),
        "Odd needs Prepare, which does not exist",
    ),
    "a dependency on another end": (
        step("Model", DependsOn=[{"Step": "Odd", "Trigger": "Failed"}]),
        "Odd: DependsOn starts when Odd ends as Failed; the local cloud starts a step only after the steps that",
    ),
    "a duration of a cache": (
        step("Training", CacheConfig={"Enabled": True, "ExpireAfter": "30 days"}),
        "Odd: CacheConfig.ExpireAfter is '30 days'; give a duration, for example P30D",
    ),
    # conditions
    "a type of condition": (
        two_conditions({"Type": "Not", "Condition": {"Type": "Resembles"}}),
        "Odd: Arguments.Conditions[0].Condition.Type is 'Resembles', which the local cloud cannot evaluate; it may be",
    ),
    "a condition without its right side": (
        two_conditions({"Type": "Or", "Conditions": [equals(1, 2), {"Type": "LessThan", "LeftValue": 1}]}),
        "Odd: Arguments.Conditions[0].Conditions[1] lacks RightValue; ",
    ),
    # expressions
    "a function": (
        value_of({"Std:Split": "a,b"}),
        "Odd: Arguments.ErrorMessage calls Std:Split, a function that does not exist; use Std:Join or Std:JsonGet",
    ),
    "a reference to no known root": (value_of({"Get": "Step.A"}), "Odd: Arguments.ErrorMessage refers to 'Step.A', "),
    "a parameter that is not declared": (
        value_of({"Get": "Parameters.Rows"}),
        "Odd: Arguments.ErrorMessage refers to the parameter 'Rows', which is not declared; ",
    ),
    "a variable that a local execution does not have": (
        value_of({"Get": "Execution.TrainingJobName"}),
        "Odd: Arguments.ErrorMessage refers to Execution.TrainingJobName, which a local execution does not have; ",
    ),
    "a path in a JSON file": (
        json_get("a..b", S3Uri="s3://bucket/a.json"),
        "Odd: Arguments.ErrorMessage has the path 'a..b', which cannot be read from '..b' on; ",
    ),
    "no JSON file": (json_get("a"), "Odd: Arguments.ErrorMessage reads no JSON file; "),
    "a message that is missing": (step("Fail"), "Odd: Arguments.ErrorMessage is missing; "),
    # processing jobs
    "a processing job with the image's entrypoint": (
        processing(AppSpecification={"ImageUri": "image"}),
        "Odd: Arguments.AppSpecification has no ContainerEntrypoint; give the command: ",
    ),
    "an input from a database": (
        processing(ProcessingInputs=[{"InputName": "data", "DatasetDefinition": {}}]),
        "Odd: Arguments.ProcessingInputs[0] is not from S3; ",
    ),
    "a manifest": (
        processing(ProcessingInputs=inputs(S3DataType="ManifestFile")),
        "Odd: Arguments.ProcessingInputs[0].S3Input.S3DataType is 'ManifestFile'; the local cloud reads an S3Prefix",
    ),
    "an output into a feature store": (
        processing(ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "FeatureStoreOutput": {}}]}),
        "Odd: Arguments.ProcessingOutputConfig.Outputs[0] does not go to S3; ",
    ),
    "a folder outside the container's": (
        processing(ProcessingOutputConfig=outputs(LocalPath="/opt/ml/../tmp")),
        "Odd: Arguments.ProcessingOutputConfig.Outputs[0].S3Output.LocalPath is '/opt/ml/../tmp'; give a folder below",
    ),
    # quality checks
    "a type of check": (quality_check("MODEL_QUALITY"), "Odd: CheckType is 'MODEL_QUALITY'; the local cloud checks "),
    "a check without an output": (
        quality_check(ProcessingOutputConfig={"Outputs": []}),
        "Odd: Arguments.ProcessingOutputConfig.Outputs are missing; ",
    ),
    # training and tuning jobs
    "the algorithm of an image": (
        training(HyperParameters={"sagemaker_submit_directory": S3}),
        "Odd: Arguments.HyperParameters lack sagemaker_program; add it: the local cloud trains with a script, ",
    ),
    "a script without its folder": (
        training(HyperParameters={"sagemaker_program": "train.py"}),
        "Odd: Arguments.HyperParameters lack sagemaker_submit_directory; ",
    ),
    "a channel from a file system": (
        training(InputDataConfig=channel(FileSystemDataSource={})),
        "Odd: Arguments.InputDataConfig[0].DataSource is not in S3; ",
    ),
    "a channel of augmented manifests": (
        training(InputDataConfig=channel(S3DataSource={"S3DataType": "AugmentedManifestFile", "S3Uri": S3})),
        "Odd: Arguments.InputDataConfig[0].DataSource.S3DataSource.S3DataType is 'AugmentedManifestFile'; ",
    ),
    "metric definitions for the built-in image": (
        training(AlgorithmSpecification={"TrainingImage": IMAGE, "MetricDefinitions": metric_definitions()[:1]}),
        "Odd: Arguments.AlgorithmSpecification.MetricDefinitions are set for SageMaker's XGBoost image, ",
    ),
    "a warm start": (
        tuning(WarmStartConfig={"WarmStartType": "TransferLearning"}),
        "Odd: Arguments.WarmStartConfig is not supported; the local cloud tunes one TrainingJobDefinition",
    ),
    "several training jobs in a tuning job": (
        step("Tuning", {"HyperParameterTuningJobConfig": TUNING, "TrainingJobDefinitions": [{}]}),
        "Odd: Arguments.TrainingJobDefinitions is not supported; ",
    ),
    "a tuning job of the algorithm of an image": (
        tuning(TrainingJobDefinition=job("StaticHyperParameters", StaticHyperParameters={})),
        "Odd: Arguments.TrainingJobDefinition.StaticHyperParameters lack sagemaker_program; ",
    ),
    "a tuning job without a training job": (
        step("Tuning", {"HyperParameterTuningJobConfig": TUNING}),
        "Odd: Arguments lacks TrainingJobDefinition; ",
    ),
    "a tuning job without an objective": (
        tuning(HyperParameterTuningJobConfig={key: TUNING[key] for key in ("Strategy", "ResourceLimits")}),
        "Odd: Arguments.HyperParameterTuningJobConfig lacks HyperParameterTuningJobObjective; ",
    ),
    # transform jobs
    "a filter of records": (
        transform(DataProcessing={"JoinSource": "Input"}),
        "Odd: Arguments.DataProcessing is not supported; ",
    ),
    "a capture of records": (
        transform(DataCaptureConfig={"DestinationS3Uri": S3}),
        "Odd: Arguments.DataCaptureConfig is not supported; ",
    ),
    "a transform of a manifest": (
        transform({"DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": S3}}}),
        "Odd: Arguments.TransformInput.DataSource.S3DataSource.S3DataType is 'ManifestFile'; ",
    ),
    # Lambda steps
    "a Lambda function that does not exist": (
        step("Lambda", FunctionArn="arn:aws:lambda:us-east-1:123456789012:function:count"),
        "Odd: FunctionArn is 'arn:aws:lambda:us-east-1:123456789012:function:count', a Lambda function that does not",
    ),
}

# The same, where the executor finds out only after other things that a test would have to prepare.
LATE: dict[str, tuple[Step, str]] = {
    "a format of records": (
        transform({"SplitType": "RecordIO"}),
        "Odd: Arguments.TransformInput.SplitType is 'RecordIO'; the local cloud splits by None or Line only",
    ),
    "a check of JSON files": (
        quality_check(Environment={"dataset_format": '{"json": {"lines": true}}'}),
        "Odd: Arguments.Environment.dataset_format is json; the local cloud checks CSV files only",
    ),
    "a type of output of a function": (
        step("Lambda", FunctionArn="count", OutputParameters=[{"OutputName": "n", "OutputType": "Object"}]),
        "Odd: OutputParameters[0].OutputType is 'Object'; it may be String, Integer, Float, Boolean",
    ),
}


def unsupported(*steps: Step, functions: tuple[str, ...] = (), **fields: Any) -> list[str]:
    return [str(finding) for finding in find_unsupported(Definition({"Steps": list(steps), **fields}), functions)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


@pytest.mark.parametrize("what", [*UNSUPPORTED, *LATE])
def test_what_the_local_cloud_cannot_run_is_named_with_its_step_and_place(what: str) -> None:
    odd, expected = (UNSUPPORTED | LATE)[what]
    findings = unsupported(odd)
    assert any(finding.startswith(expected) for finding in findings), findings


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_is_refused_would_fail(lab: Lab, what: str) -> None:
    odd, _ = UNSUPPORTED[what]
    assert lab.run(odd)["status"] == "Failed"


def test_a_type_of_parameter_that_does_not_exist_is_named() -> None:
    message = "Parameters.Rows has the type 'Long'; it may be String, Integer, Float, Boolean"
    assert unsupported(Parameters=[{"Name": "Rows", "Type": "Long", "DefaultValue": 1}]) == [message]


def test_a_lambda_function_that_exists_is_not_refused() -> None:
    assert unsupported(step("Lambda", FunctionArn="arn:count"), functions=("arn:count",)) == []


def test_a_training_job_of_the_sdks_model_trainer_is_not_refused() -> None:
    drivers = {"ChannelName": "sm_drivers", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": S3}}}
    job_of_model_trainer = training(HyperParameters={"depth": "3"}, InputDataConfig=[drivers])
    assert find_unsupported(Definition({"Steps": [job_of_model_trainer]}), []) == []


def test_a_value_that_is_known_only_at_run_time_is_not_refused() -> None:
    later = {"Get": "Parameters.Later"}
    steps = (
        processing(ProcessingInputs=inputs(S3DataType=later, LocalPath=later)),
        {**transform({"SplitType": later}), "Name": "Transform"},
        {**step("Lambda", FunctionArn=later), "Name": "Call"},
        {**quality_check(later), "Name": "Check"},
    )
    assert unsupported(*steps, Parameters=[{"Name": "Later", "Type": "String", "DefaultValue": "x"}]) == []


def test_every_variable_that_is_accepted_exists_in_an_execution(lab: Lab) -> None:
    values = [{"Get": f"Execution.{name}"} for name in EXECUTION_VARIABLES]
    message = {"Std:Join": {"On": " ", "Values": values}}
    assert unsupported(fail("End", message)) == []
    assert len(step_of(lab.run(fail("End", message)), "End")["reason"].split(" ")) == len(EXECUTION_VARIABLES)


@pytest.mark.parametrize("mode", ["processing", "transform"])
def test_the_projects_pipelines_are_supported(example: Example, mode: str) -> None:
    project = example(batch_inference=mode)
    environment = local_environment(project, url="")
    functions = [environment.function_arn(name) for name in ("resolve-inputs", "report-data-quality")]
    for text in compile_all(project).values():
        bound = bind(json.loads(text), environment, Lineage())
        assert [str(finding) for finding in find_unsupported(Definition(bound), functions)] == []
