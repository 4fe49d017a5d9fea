"""The project's definitions have no fault; every fault planted in them is reported, with its place and a remedy."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops_kit.aws.environment import bind, load_environment
from mlops_kit.checks.check import check
from mlops_kit.checks.graph import STEP_TYPES
from mlops_kit.checks.instance_types import has_local_storage
from mlops_kit.definition.compile import compile_all
from mlops_kit.definition.lineage import Lineage

KINDS = ("training", "training-hpo", "inference")
REMOVED = object()
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

Get = dict[str, str]


def get(path: str) -> Get:
    return {"Get": path}


def json_get(step: str, file: str, path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": get(f"Steps.{step}.PropertyFiles.{file}"), "Path": path}}


@pytest.fixture(scope="module")
def definitions(project: Path) -> dict[str, dict[str, Any]]:
    return {kind: json.loads(text) for kind, text in compile_all(project).items()}


def all_steps(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    inner = [s for step in steps for key in ("IfSteps", "ElseSteps") for s in step["Arguments"].get(key, [])]
    return [*steps, *(all_steps(inner) if inner else [])]


def changed(definition: dict[str, Any], step: str, path: str, value: Any) -> dict[str, Any]:
    """A copy of a definition with another value at a path, or without the value there."""
    copy = deepcopy(definition)
    place: Any = next(s for s in all_steps(copy["Steps"]) if s["Name"] == step) if step else copy
    *keys, last = [int(key) if key.isdigit() else key for key in re.findall(r"[^.\[\]]+", path)]
    for key in keys:
        place = place[key]
    if value is REMOVED:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return copy


# kind, step, path, the planted value, the finding
FAULTS: dict[str, tuple[str, str, str, Any, str]] = {
    # the request
    "a misspelt key": (
        *("training", "Train", "Arguments.EnableNetworkIsolatoin", True),
        "Train: Arguments.EnableNetworkIsolatoin is not a key of the API's request; write EnableNetworkIsolation",
    ),
    "a required key left out": (
        *("training", "Preprocess", "Arguments.ProcessingInputs[1].S3Input.S3DataType", REMOVED),
        "Preprocess: Arguments.ProcessingInputs[1].S3Input lacks S3DataType; add it: the API requires it",
    ),
    "a number instead of a text": (
        *("training", "Train", "Arguments.HyperParameters.eta", 0.1),
        "Train: Arguments.HyperParameters.eta is 0.1; the API expects a text",
    ),
    "a text instead of a number": (
        *("training", "Train", "Arguments.ResourceConfig.VolumeSizeInGB", "30"),
        "Train: Arguments.ResourceConfig.VolumeSizeInGB is '30'; the API expects an integer",
    ),
    "a Boolean instead of a number": (
        *("training", "Train", "Arguments.StoppingCondition.MaxRuntimeInSeconds", True),
        "Train: Arguments.StoppingCondition.MaxRuntimeInSeconds is True; the API expects an integer",
    ),
    "a bare float parameter instead of a text": (
        *("training", "Train", "Arguments.HyperParameters.eta", get("Parameters.MetricThreshold")),
        "Train: Arguments.HyperParameters.eta refers to a Float where the API expects a text; "
        "convert it to a text: .to_string()",
    ),
    "a text parameter instead of a number": (
        *("training", "Train", "Arguments.ResourceConfig.InstanceCount", get("Parameters.InputDataUri")),
        "Train: Arguments.ResourceConfig.InstanceCount refers to a String where the API expects an integer; "
        "refer to an integer",
    ),
    "an object instead of a text": (
        *("training", "Evaluate", "Arguments.ProcessingInputs[1].S3Input.S3Uri", get("Steps.Train.ModelArtifacts")),
        "Evaluate: Arguments.ProcessingInputs[1].S3Input.S3Uri refers to an object; "
        "the API expects a text: refer to one of its members",
    ),
    "a word that the API does not have": (
        *("training", "Preprocess", "Arguments.ProcessingInputs[0].S3Input.S3InputMode", "Files"),
        "Preprocess: Arguments.ProcessingInputs[0].S3Input.S3InputMode is 'Files'; it may be Pipe, File",
    ),
    "a default that is not an instance type": (
        *("training", "", "Parameters[4].DefaultValue", "ml.m5.lrge"),
        "Train: Parameters.TrainingInstanceType has a default that is 'ml.m5.lrge' "
        "(used in Arguments.ResourceConfig.InstanceType); it may be ml.m5.large, ",
    ),
    "a URI without its scheme": (
        *("training", "Preprocess", "Arguments.ProcessingInputs[0].S3Input.S3Uri", "bucket/code"),
        "Preprocess: Arguments.ProcessingInputs[0].S3Input.S3Uri is 'bucket/code'; it must match (https|s3)://",
    ),
    "a URI joined without its scheme": (
        *("training", "Preprocess", "Arguments.ProcessingInputs[0].S3Input.S3Uri"),
        {"Std:Join": {"On": "/", "Values": ["bucket", get("Execution.PipelineExecutionId")]}},
        "Preprocess: Arguments.ProcessingInputs[0].S3Input.S3Uri joins to a text like 'bucket/x'; it must match",
    ),
    "a text that is too long": (
        *("training", "Evaluate", "Arguments.AppSpecification.ContainerArguments[1]", "x" * 300),
        "Evaluate: Arguments.AppSpecification.ContainerArguments[1] has 300 characters; "
        "their number must be between 0 and 256",
    ),
    "a number out of range": (
        *("training", "Train", "Arguments.StoppingCondition.MaxRuntimeInSeconds", 0),
        "Train: Arguments.StoppingCondition.MaxRuntimeInSeconds is 0; it must be at least 1",
    ),
    "a list that is too long": (
        *("training", "Train", "Arguments.VpcConfig.SecurityGroupIds", [f"sg-{number}" for number in range(6)]),
        "Train: Arguments.VpcConfig.SecurityGroupIds has 6 elements; their number must be between 1 and 5",
    ),
    "an invalid name of a variable": (
        *("training", "Preprocess", "Arguments.Environment.DATA-VERSION", "1"),
        "Preprocess: Arguments.Environment.DATA-VERSION has a key that is 'DATA-VERSION'; "
        "it must match [a-zA-Z_][a-zA-Z0-9_]*",
    ),
    "an empty value among the metadata": (
        *("training", "RegisterModel", "Arguments.CustomerMetadataProperties.kind", ""),
        "RegisterModel: Arguments.CustomerMetadataProperties.kind has 0 characters; "
        "their number must be between 1 and 256",
    ),
    "a name that can be used only once": (
        *("training", "Train", "Arguments.TrainingJobName", "train"),
        "Train: Arguments.TrainingJobName fixes a name that SageMaker generates; "
        "remove it: a name can be used only once, so the second execution would fail",
    ),
    "tags on a version of a group": (
        *("training", "RegisterModel", "Arguments.Tags", [{"Key": "project", "Value": "x"}]),
        "RegisterModel: Arguments.Tags are set on a version of a model package group; "
        "remove them: a version has the tags of its group, and the API refuses others",
    ),
    # references
    "a parameter that is not declared": (
        *("training", "Preprocess", "Arguments.ProcessingInputs[1].S3Input.S3Uri", get("Parameters.InputDataUrl")),
        "Preprocess: Arguments.ProcessingInputs[1].S3Input.S3Uri refers to the parameter 'InputDataUrl', "
        "which is not declared; write InputDataUri",
    ),
    "a step that does not exist": (
        *("training", "Evaluate", "Arguments.ProcessingInputs[1].S3Input.S3Uri"),
        get("Steps.Trian.ModelArtifacts.S3ModelArtifacts"),
        "Evaluate: Arguments.ProcessingInputs[1].S3Input.S3Uri refers to the step 'Trian', which does not exist; "
        "write Train",
    ),
    "a property that the step does not have": (
        *("training", "Evaluate", "Arguments.ProcessingInputs[1].S3Input.S3Uri"),
        get("Steps.Train.ModelArtifacts.S3Uri"),
        "Evaluate: Arguments.ProcessingInputs[1].S3Input.S3Uri refers to Train.ModelArtifacts.S3Uri, which "
        "DescribeTrainingJobResponse does not have; look the property up in the API reference",
    ),
    "an output that the step does not have": (
        *("training", "Evaluate", "Arguments.ProcessingInputs[2].S3Input.S3Uri"),
        get("Steps.Preprocess.ProcessingOutputConfig.Outputs['tests'].S3Output.S3Uri"),
        "Evaluate: Arguments.ProcessingInputs[2].S3Input.S3Uri refers to the output 'tests' of Preprocess, "
        "which it does not have; write test",
    ),
    "an output that the function does not have": (
        *("training", "Preprocess", "Arguments.Environment.DATA_VERSION"),
        get("Steps.ResolveInputs.OutputParameters['Version']"),
        "Preprocess: Arguments.Environment.DATA_VERSION refers to ResolveInputs.OutputParameters['Version'], "
        "an output that the step does not declare; it may be DataVersion, ",
    ),
    "a hyperparameter that is not tuned": (
        *("training-hpo", "RegisterModel", "Arguments.CustomerMetadataProperties.hp_eta"),
        get("Steps.Tune.BestTrainingJob.TunedHyperParameters['gamma']"),
        "RegisterModel: Arguments.CustomerMetadataProperties.hp_eta refers to the tuned hyperparameter 'gamma' "
        "of Tune, which it does not tune; ",
    ),
    "a property that a quality check does not have": (
        *("training", "RegisterModel", "Arguments.ModelMetrics.ModelDataQuality.Statistics.S3Uri"),
        get("Steps.DataQualityBaseline.CalculatedStatistics"),
        "RegisterModel: Arguments.ModelMetrics.ModelDataQuality.Statistics.S3Uri refers to "
        "DataQualityBaseline.CalculatedStatistics, which a QualityCheck step does not have; "
        "write CalculatedBaselineStatistics",
    ),
    "a variable that no execution has": (
        *("training", "Train", "Arguments.OutputDataConfig.S3OutputPath.Std:Join.Values[1]"),
        get("Execution.PipelineExecution"),
        "Train: Arguments.OutputDataConfig.S3OutputPath.Std:Join.Values[1] refers to Execution.PipelineExecution, "
        "which no execution has; write PipelineExecutionId",
    ),
    "a reference to no known root": (
        *("training", "Preprocess", "Arguments.ProcessingInputs[1].S3Input.S3Uri", get("Parameter.InputDataUri")),
        "Preprocess: Arguments.ProcessingInputs[1].S3Input.S3Uri refers to 'Parameter.InputDataUri', which is not",
    ),
    "a placeholder that no environment fills in": (
        *("training", "Train", "Arguments.RoleArn", "${role}"),
        "Train: Arguments.RoleArn has a placeholder 'role'; write role_arn",
    ),
    "a property file in no output": (
        *("training", "Evaluate", "PropertyFiles[0].OutputName", "evaluations"),
        "Evaluate: PropertyFiles[0] is in the output 'evaluations', which the step does not have; write evaluation",
    ),
    "a property file that is not declared": (
        *("training", "CheckMetric", "Arguments.Conditions[0].LeftValue", json_get("Evaluate", "Evaluations", "value")),
        "CheckMetric: Arguments.Conditions[0].LeftValue.Std:JsonGet.PropertyFile reads "
        "Evaluate.PropertyFiles.Evaluations, a property file that is not declared; it may be Evaluation",
    ),
    "a property file of a step that cannot have one": (
        *("training", "Train", "PropertyFiles"),
        [{"PropertyFileName": "Training", "OutputName": "model", "FilePath": "training.json"}],
        "Train: PropertyFiles[0] belongs to a Training step; only Processing steps have property files",
    ),
    "a value of a JSON file without a path": (
        *("training", "CheckMetric", "Arguments.Conditions[0].LeftValue", json_get("Evaluate", "Evaluation", "")),
        "CheckMetric: Arguments.Conditions[0].LeftValue reads a JSON file without a Path; give the path of the value",
    ),
    "a value of no JSON file": (
        *("training", "CheckMetric", "Arguments.Conditions[0].LeftValue", {"Std:JsonGet": {"Path": "value"}}),
        "CheckMetric: Arguments.Conditions[0].LeftValue reads no JSON file; give a PropertyFile or an S3Uri",
    ),
    "a parameter that no step reads": (
        *("training", "", "Parameters[8]", {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3}),
        "Parameters.Epochs is declared, and no step reads it; use it, or remove it",
    ),
    "a path of a JSON file that cannot be read": (
        *("training", "CheckMetric", "Arguments.Conditions[0].LeftValue", json_get("Evaluate", "Evaluation", "a..b")),
        "CheckMetric: Arguments.Conditions[0].LeftValue has the path 'a..b', which cannot be read from '..b' on; ",
    ),
    "a property file named without its step": (
        *("training", "CheckMetric", "Arguments.Conditions[0].LeftValue"),
        {"Std:JsonGet": {"PropertyFile": "Evaluation", "Path": "value"}},
        "CheckMetric: Arguments.Conditions[0].LeftValue names no property file of a step: 'Evaluation'; ",
    ),
    "a join of no list": (
        *("training", "Train", "Arguments.OutputDataConfig.S3OutputPath", {"Std:Join": {"On": "/"}}),
        "Train: Arguments.OutputDataConfig.S3OutputPath joins no list of values; give Std:Join a text On and a list",
    ),
    "a function that does not exist": (
        *("training", "Train", "Arguments.OutputDataConfig.S3OutputPath", {"Std:Concat": ["a", "b"]}),
        "Train: Arguments.OutputDataConfig.S3OutputPath calls Std:Concat, a function that does not exist; use ",
    ),
    # the graph
    "two steps with one name": (
        *("training", "Evaluate", "Name", "Train"),
        "Train is the name of 2 steps; give each step its own name",
    ),
    "a name that SageMaker refuses": (
        *("training", "CheckMetric", "Name", "Check Metric"),
        "Check Metric has a name that SageMaker refuses; use up to 64 letters, digits, _ and -",
    ),
    "a type that does not exist": (
        *("training", "Preprocess", "Type", "Process"),
        "Preprocess: Type is 'Process'; it may be Condition, ",
    ),
    "a wait for a step that does not exist": (
        *("training", "Train", "DependsOn", ["Preprocessing"]),
        "Train: DependsOn names the step 'Preprocessing', which does not exist; correct the name",
    ),
    "a wait for a condition": (
        *("inference", "QualityInput", "DependsOn", ["ModelApproved"]),
        "QualityInput: DependsOn names the condition ModelApproved; SageMaker refuses that: ",
    ),
    "steps that wait for one another": (
        *("training", "Preprocess", "DependsOn", ["Evaluate"]),
        "Steps wait for one another: Evaluate waits for Preprocess waits for Evaluate; "
        "remove a reference or a DependsOn",
    ),
    "a step that needs one of the other branch": (
        *("training", "MetricNotMet", "DependsOn", ["RegisterModel"]),
        "MetricNotMet needs RegisterModel, which runs only for the other outcome of CheckMetric; ",
    ),
    "a step that needs one of the other branch through a third": (
        *("inference", "NoApprovedModel", "Arguments.ErrorMessage"),
        get("Steps.BatchInference.ProcessingJobArn"),
        "NoApprovedModel needs BatchInference, which runs only for the other outcome of ModelApproved; ",
    ),
    "a condition inside a condition": (
        *("inference", "ModelApproved", "Arguments.IfSteps[1]"),
        {"Name": "Inner", "Type": "Condition", "Arguments": {"Conditions": [], "IfSteps": [], "ElseSteps": []}},
        "Inner is inside the condition ModelApproved; move it out: SageMaker takes no condition inside another",
    ),
    "a text compared with a Boolean": (
        *("inference", "ModelApproved", "Arguments.Conditions[0].RightValue", True),
        "ModelApproved: Arguments.Conditions[0] compares String with Boolean; "
        "compare values of one type: these would never be equal",
    ),
    "a comparison that does not exist": (
        *("training", "CheckMetric", "Arguments.Conditions[0].Type", "AtMost"),
        "CheckMetric: Arguments.Conditions[0].Type is 'AtMost'; it may be Equals, ",
    ),
    "a comparison without its right side": (
        *("training", "CheckMetric", "Arguments.Conditions[0].RightValue", REMOVED),
        "CheckMetric: Arguments.Conditions[0] lacks RightValue; add it: without it there is nothing to compare",
    ),
    "an In without values": (
        *("inference", "QualityHeld", "Arguments.Conditions[0].Values", REMOVED),
        "QualityHeld: Arguments.Conditions[0] lacks Values; add it: without it there is nothing to compare",
    ),
    "a Not without a condition": (
        *("training", "CheckMetric", "Arguments.Conditions[0]", {"Type": "Not"}),
        "CheckMetric: Arguments.Conditions[0] lacks Condition; add it: without it there is nothing to compare",
    ),
    "a fault inside an Or": (
        *("training", "CheckMetric", "Arguments.Conditions[0]"),
        {"Type": "Or", "Conditions": [{"Type": "Not", "Condition": {"Type": "AtMost"}}]},
        "CheckMetric: Arguments.Conditions[0].Conditions[0].Condition.Type is 'AtMost'; it may be Equals, ",
    ),
    "Booleans in an order": (
        *("training", "CheckMetric", "Arguments.Conditions[0]"),
        {"Type": "GreaterThan", "LeftValue": True, "RightValue": False},
        "CheckMetric: Arguments.Conditions[0] orders Booleans; use Equals",
    ),
    "a condition without conditions": (
        *("training", "CheckMetric", "Arguments.Conditions", []),
        "CheckMetric: Arguments.Conditions has 0 conditions; give 1 to 200",
    ),
    "a branch with too many steps": (
        *("training", "CheckMetric", "Arguments.ElseSteps"),
        [{"Name": f"Fail{n}", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}} for n in range(21)],
        "CheckMetric: Arguments.ElseSteps has 21 steps; SageMaker takes 20: ",
    ),
    "a default of another type": (
        *("training", "", "Parameters[1].DefaultValue", "low"),
        "Parameters.MetricThreshold has the default 'low', which is not of type Float; give one that is",
    ),
    "a parameter declared twice": (
        *("training", "", "Parameters[4].Name", "InputDataUri"),
        "Parameters.InputDataUri is declared 2 times; declare it once",
    ),
    "a parameter whose name SageMaker refuses": (
        *("training", "", "Parameters[4].Name", "Instance Type"),
        "Parameters.Instance Type has a name that SageMaker refuses; use up to 64 letters, digits, _ and -",
    ),
    "a parameter of a type that does not exist": (
        *("training", "", "Parameters[1].Type", "Double"),
        "Parameters.MetricThreshold has the type 'Double'; it may be String, Integer, Float, Boolean",
    ),
    "a version that does not exist": (
        *("training", "", "Version", "2021-01-01"),
        "Version is '2021-01-01'; write 2020-12-01",
    ),
    # the fields of steps beside their requests
    "a Lambda step without its function": (
        *("training", "ResolveInputs", "FunctionArn", REMOVED),
        "ResolveInputs: FunctionArn is missing; name the function, for example ${resolve_inputs_arn}",
    ),
    "a Lambda step with too many outputs": (
        *("training", "ResolveInputs", "OutputParameters"),
        [{"OutputName": f"Answer{number}", "OutputType": "String"} for number in range(11)],
        "ResolveInputs: OutputParameters has 11 outputs; SageMaker takes 10: ",
    ),
    "an output of a type that does not exist": (
        *("training", "ResolveInputs", "OutputParameters[0].OutputType", "Text"),
        "ResolveInputs: OutputParameters[0].OutputType is 'Text'; it may be String, Integer, Boolean, Float",
    ),
    "a type of check that does not exist": (
        *("inference", "DataQualityCheck", "CheckType", "DATA-QUALITY"),
        "DataQualityCheck: CheckType is 'DATA-QUALITY'; it may be DATA_QUALITY, MODEL_QUALITY",
    ),
    "a check without a baseline": (
        *("inference", "DataQualityCheck", "SuppliedBaselineConstraints", REMOVED),
        "DataQualityCheck: SkipCheck is not true, and there is no baseline to check against; "
        "give SuppliedBaselineConstraints or ModelPackageGroupName, or set it to true",
    ),
    "a Fail step without a message": (
        *("training", "MetricNotMet", "Arguments.ErrorMessage", REMOVED),
        "MetricNotMet: Arguments.ErrorMessage is missing; give the reason and a remedy",
    ),
    "a display name that is too long": (
        *("training", "Train", "DisplayName", "x" * 257),
        "Train: DisplayName has 257 characters; SageMaker takes 256: use Description",
    ),
    # inside the container
    "code that an isolated training job would have to download": (
        *("training", "Train", "Arguments.HyperParameters.sagemaker_submit_directory", "s3://${bucket}/code.tar.gz"),
        "Train: Arguments.HyperParameters.sagemaker_submit_directory is in S3, which an isolated container cannot "
        "reach; put it into a channel or the model's artifact, and give its path in the container",
    ),
    "code that an isolated tuning job would have to download": (
        *(
            "training-hpo",
            "Tune",
            "Arguments.TrainingJobDefinition.StaticHyperParameters.sagemaker_submit_directory",
            {"Std:Join": {"On": "/", "Values": ["s3://${bucket}/code", "code.tar.gz"]}},
        ),
        "Tune: Arguments.TrainingJobDefinition.StaticHyperParameters.sagemaker_submit_directory.Std:Join.Values[0] "
        "is in S3, ",
    ),
    "a folder of no input": (
        *("training", "Evaluate", "Arguments.AppSpecification.ContainerArguments[1]", "/opt/ml/processing/input/modle"),
        "Evaluate: Arguments.AppSpecification.ContainerArguments[1] names /opt/ml/processing/input/modle, "
        "which is in the folder of no input or output; the folders are /opt/ml/processing/input/code, ",
    ),
    "a channel that does not exist": (
        *("training", "Train", "Arguments.InputDataConfig[0].ChannelName", "source"),
        "Train: Arguments.HyperParameters.sagemaker_submit_directory names "
        "/opt/ml/input/data/code/sourcedir.tar.gz, and there is no channel 'code'; the channels are source, train, ",
    ),
    "an objective that no training job reports": (
        *(
            "training-hpo",
            "Tune",
            "Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName",
        ),
        "rmse",
        "Tune: Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName is 'rmse', "
        "which SageMaker's XGBoost image does not report; it may be validation:",
    ),
    "an objective named like our metric, not like the image's": (
        *(
            "training-hpo",
            "Tune",
            "Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName",
        ),
        "validation:log_loss",
        "Tune: Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName is "
        "'validation:log_loss', which SageMaker's XGBoost image does not report; it may be validation:logloss, ",
    ),
    "an objective in the wrong direction": (
        *("training-hpo", "Tune", "Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.Type"),
        "Maximize",
        "Tune: Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.Type is 'Maximize', "
        "the wrong direction for validation:rmse; write Minimize",
    ),
    "an objective of another image without metric definitions": (
        *("training-hpo", "Tune", "Arguments.TrainingJobDefinition.AlgorithmSpecification.TrainingImage"),
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ours:1",
        "Tune: Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName is "
        "'validation:rmse', which no metric definition reads from the log; "
        "give the AlgorithmSpecification MetricDefinitions",
    ),
    "an objective of another image that its metric definitions lack": (
        *("training-hpo", "Tune", "Arguments.TrainingJobDefinition.AlgorithmSpecification"),
        {
            "TrainingImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ours:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.+)"}],
        },
        "Tune: Arguments.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName is "
        "'validation:rmse', which no metric definition reads from the log; it may be loss",
    ),
    "metric definitions for the built-in image": (
        *("training", "Train", "Arguments.AlgorithmSpecification.MetricDefinitions"),
        [{"Name": "validation:rmse", "Regex": "rmse=(.+)"}],
        "Train: Arguments.AlgorithmSpecification.MetricDefinitions are set for SageMaker's XGBoost image, "
        "which the API refuses; remove them: ",
    ),
    "metric definitions for the built-in image in a tuning job, by its URI": (
        *("training-hpo", "Tune", "Arguments.TrainingJobDefinition.AlgorithmSpecification"),
        {
            "TrainingImage": "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:rmse", "Regex": "rmse=(.+)"}],
        },
        "Tune: Arguments.TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions are set for SageMaker's "
        "XGBoost image, which the API refuses; remove them: ",
    ),
    "a hyperparameter that is not tunable in the built-in image": (
        *(
            "training-hpo",
            "Tune",
            "Arguments.HyperParameterTuningJobConfig.ParameterRanges.IntegerParameterRanges[0].Name",
        ),
        "seed",
        "Tune: Arguments.HyperParameterTuningJobConfig.ParameterRanges.IntegerParameterRanges[0] tunes seed, "
        "which is not tunable in SageMaker's XGBoost image; it may be max_delta_step, ",
    ),
    "a range of the wrong type for the built-in image": (
        *("training-hpo", "Tune", "Arguments.HyperParameterTuningJobConfig.ParameterRanges.CategoricalParameterRanges"),
        [{"Name": "eta", "Values": ["0.1", "0.2"]}],
        "Tune: Arguments.HyperParameterTuningJobConfig.ParameterRanges.CategoricalParameterRanges[0] tunes eta "
        "in a range of the wrong type; move it to ContinuousParameterRanges",
    ),
    "a hyperparameter that is both static and tuned": (
        *("training-hpo", "Tune", "Arguments.TrainingJobDefinition.StaticHyperParameters.eta", "0.1"),
        "Tune: Arguments.TrainingJobDefinition.StaticHyperParameters.eta is both static and tuned, ",
    ),
    # the policy
    "a volume without a key": (
        *("training", "Preprocess", "Arguments.ProcessingResources.ClusterConfig.VolumeKmsKeyId", REMOVED),
        "Preprocess: Arguments.ProcessingResources.ClusterConfig.VolumeKmsKeyId is missing; name the project's key: ",
    ),
    "an output without a key": (
        *("training", "Train", "Arguments.OutputDataConfig.KmsKeyId", ""),
        "Train: Arguments.OutputDataConfig.KmsKeyId is missing; name the project's key: ${kms_key_arn}",
    ),
    "a key other than the environment's": (
        *("training", "Train", "Arguments.ResourceConfig.VolumeKmsKeyId", KEY),
        f"Train: Arguments.ResourceConfig.VolumeKmsKeyId is '{KEY}'; name the project's key: ",
    ),
    "a key that an execution chooses": (
        *("training", "Train", "Arguments.OutputDataConfig.KmsKeyId", get("Parameters.InputDataUri")),
        "Train: Arguments.OutputDataConfig.KmsKeyId.Get lets an execution choose the key; name the project's key: ",
    ),
    "an instance type whose disks the key cannot encrypt": (
        *("inference", "DataQualityCheck"),
        *("Arguments.ProcessingResources.ClusterConfig.InstanceType", "ml.r5d.large"),
        "DataQualityCheck: Arguments.ProcessingResources.ClusterConfig.InstanceType is 'ml.r5d.large'; "
        "remove its VolumeKmsKeyId: the hardware encrypts local storage, and AWS refuses a key; or use an ",
    ),
    "a default instance type whose disks the key cannot encrypt": (
        *("training-hpo", "", "Parameters[4].DefaultValue", "ml.g5.xlarge"),
        "Tune: Parameters.TrainingInstanceType has the default 'ml.g5.xlarge' "
        "(used in Arguments.TrainingJobDefinition.ResourceConfig.InstanceType); remove its VolumeKmsKeyId: ",
    ),
    "a job outside the private network": (
        *("training-hpo", "Tune", "Arguments.TrainingJobDefinition.VpcConfig", REMOVED),
        "Tune: Arguments.TrainingJobDefinition.VpcConfig.Subnets is missing; give the project's private network: ",
    ),
    "a container with network access": (
        *("inference", "DataQualityCheck", "Arguments.NetworkConfig.EnableNetworkIsolation", False),
        "DataQualityCheck: Arguments.NetworkConfig.EnableNetworkIsolation is not true; set it to true: ",
    ),
    "isolation that a parameter can turn off": (
        *("training", "Train", "Arguments.EnableNetworkIsolation", get("Parameters.Isolated")),
        "Train: Arguments.EnableNetworkIsolation can be turned off by a parameter; set it to true: ",
    ),
    "unencrypted traffic between instances": (
        *("inference", "BatchInference", "Arguments.NetworkConfig.EnableInterContainerTrafficEncryption", REMOVED),
        "BatchInference: Arguments.NetworkConfig.EnableInterContainerTrafficEncryption is missing; set it to true: ",
    ),
    "a job without tags": (
        *("inference", "QualityInput", "Arguments.Tags", []),
        "QualityInput: Arguments.Tags is missing; give tags: they allocate the costs",
    ),
    "a job without a role": (
        *("training", "Evaluate", "Arguments.RoleArn", REMOVED),
        "Evaluate: Arguments.RoleArn is missing; give the pipeline's role: ${role_arn}",
    ),
    "a job without a time limit": (
        *("training", "Evaluate", "Arguments.StoppingCondition", REMOVED),
        "Evaluate: Arguments.StoppingCondition.MaxRuntimeInSeconds is missing; set a limit: ",
    ),
    "a job that is not retried": (
        *("training", "Train", "RetryPolicies", REMOVED),
        "Train: RetryPolicies do not retry SageMaker.CAPACITY_ERROR; add a retry policy for it",
    ),
    "a retry that SageMaker refuses": (
        *("training", "RegisterModel", "RetryPolicies[0].ExceptionType[2]", "SageMaker.CAPACITY_ERROR"),
        "RegisterModel: RetryPolicies retry SageMaker.CAPACITY_ERROR, which SageMaker refuses here; "
        "it may be Step.SERVICE_FAULT, Step.THROTTLING",
    ),
    "a retry with two limits": (
        *("training", "Train", "RetryPolicies[0].ExpireAfterMin", 5),
        "Train: RetryPolicies[0] has two limits, or none; give one of MaxAttempts and ExpireAfterMin",
    ),
    "a cache without a duration": (
        *("training", "Train", "CacheConfig.ExpireAfter", "30 days"),
        "Train: CacheConfig.ExpireAfter is '30 days'; give a duration, for example P30D",
    ),
    "a cache that does not notice new data": (
        *("training", "Preprocess", "Arguments.Environment", REMOVED),
        "Preprocess: Arguments.ProcessingInputs[1].S3Input.S3Uri is the parameter InputDataUri, and the cache would "
        "not notice new data there; give Environment.DATA_VERSION the DataVersion of ResolveInputs, "
        "or turn the cache off",
    ),
    "a cache that notices only another model": (
        *("inference", "Preprocess", "Arguments.Environment", REMOVED),
        "Preprocess: Arguments.ProcessingInputs[1].S3Input.S3Uri is the parameter InputDataUri, and the cache would ",
    ),
    "a parameter without a default": (
        *("training", "", "Parameters[0].DefaultValue", REMOVED),
        "Parameters.InputDataUri has no default; give one: ",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_compiled_definitions_have_no_fault(definitions: dict[str, dict[str, Any]], kind: str) -> None:
    assert [str(finding) for finding in check(definitions[kind])] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_definitions_have_no_fault(project: Path, definitions: dict[str, dict[str, Any]], kind: str) -> None:
    environment = replace(
        load_environment("dev", project),
        subnets=("subnet-1", "subnet-2"),
        security_groups=("sg-1",),
        kms_key_arn=KEY,
    )
    bound = bind(definitions[kind], environment, Lineage())
    assert "${" not in json.dumps(bound)
    assert [str(finding) for finding in check(bound)] == []


@pytest.mark.parametrize("key", ["alias/rings", "arn:aws:kms:eu-west-1:123456789012:alias/rings"])
def test_a_bound_definition_must_name_a_key_and_not_an_alias(definitions: dict[str, dict[str, Any]], key: str) -> None:
    text = json.dumps(definitions["training"]).replace("${kms_key_arn}", key).replace("${", "")
    findings = [str(finding) for finding in check(json.loads(text)) if "KmsKeyId" in finding.path]
    remedy = "give the id or the ARN of a key: SageMaker takes no alias for a volume"
    assert f"Train: Arguments.ResourceConfig.VolumeKmsKeyId is '{key}'; {remedy}" in findings


def test_a_name_may_have_an_underscore(definitions: dict[str, dict[str, Any]]) -> None:
    assert check(changed(definitions["training"], "CheckMetric", "Name", "Check_Metric")) == []


def test_a_data_version_in_a_parameter_lets_the_cache_notice_new_data(definitions: dict[str, dict[str, Any]]) -> None:
    path = "Arguments.Environment.DATA_VERSION"
    versioned = changed(definitions["training"], "Preprocess", path, get("Parameters.Data"))
    versioned["Parameters"].append({"Name": "Data", "Type": "String", "DefaultValue": "1"})
    assert check(versioned) == []


def test_a_definition_of_too_many_bytes_is_reported(definitions: dict[str, dict[str, Any]]) -> None:
    large = changed(definitions["training"], "MetricNotMet", "Arguments.ErrorMessage", "ß" * 524_288)
    assert re.search(r"The definition has \d+ bytes; SageMaker takes 1048576: split", str(check(large)[0]))


LOCAL: tuple[str, ...] = (
    "g4dn",
    "g4ad",
    "g5",
    "g6",
    "g6e",
    "gr6",
    "g7e",
    "p3dn",
    "p4d",
    "p4de",
    "p5",
    "p5en",
    "p6-b200",
    "p6e-gb200",
)
LOCAL += ("trn1", "trn1n", "trn2", "m5d", "c5d", "r5d", "m6gd", "r6idn", "i4i", "dl1")
PLAIN = ("c4", "c5", "c5n", "c7i-flex", "inf2", "m4", "m5", "m6i", "m7i-flex", "p2", "p3", "r5", "r8i-flex", "t3")


def test_a_volume_that_the_hardware_encrypts_needs_no_key(definitions: dict[str, dict[str, Any]]) -> None:
    training = changed(definitions["training"], "Train", "Arguments.ResourceConfig.VolumeKmsKeyId", REMOVED)
    assert "VolumeKmsKeyId is missing" in str(check(training)[0])
    for parameter in training["Parameters"]:
        if parameter["Name"] == "TrainingInstanceType":
            parameter["DefaultValue"] = "ml.g5.xlarge"
    assert check(training) == []


def test_the_name_of_an_instance_type_shows_whether_it_has_local_storage() -> None:
    assert [family for family in LOCAL if not has_local_storage(f"ml.{family}.xlarge")] == []
    assert [family for family in PLAIN if has_local_storage(f"ml.{family}.xlarge")] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_reported(definitions: dict[str, dict[str, Any]], fault: str) -> None:
    kind, step, path, value, expected = FAULTS[fault]
    findings = [str(finding) for finding in check(changed(definitions[kind], step, path, value))]
    assert any(sentence.startswith(expected) for sentence in findings), "\n".join(["findings:", *findings])


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://${bucket}/train", "is the same URI as {}; give each output its own URI"),
        ("s3://${bucket}/training", "begins like {}; give it a URI that does not begin with the other: "),
        ("s3://${bucket}/tr", "begins like {}; give it a URI that does not begin with the other: "),
    ],
)
def test_two_outputs_under_one_uri_are_reported(definitions: dict[str, dict[str, Any]], uri: str, message: str) -> None:
    paths = [f"Arguments.ProcessingOutputConfig.Outputs[{index}].S3Output.S3Uri" for index in range(2)]
    once = changed(definitions["training"], "Preprocess", paths[0], "s3://${bucket}/train")
    twice = changed(once, "Preprocess", paths[1], uri)
    assert check(once) == []
    (finding,) = check(twice)
    assert str(finding).startswith(f"Preprocess: {paths[1]} {message.format(f'Preprocess: {paths[0]}')}")


@pytest.mark.parametrize(
    ("what", "key", "value", "maximum"),
    [
        ("steps", "Steps", {"Name": "End{}", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}, 50),
        ("parameters", "Parameters", {"Name": "Choice{}", "Type": "Integer", "DefaultValue": 1}, 200),
    ],
)
def test_a_pipeline_that_is_too_large_is_reported(
    definitions: dict[str, dict[str, Any]], what: str, key: str, value: dict[str, Any], maximum: int
) -> None:
    large = deepcopy(definitions["training"])
    large[key] += [value | {"Name": value["Name"].format(number)} for number in range(maximum)]
    sentences = [str(finding) for finding in check(large)]
    count = maximum + len(
        all_steps(definitions["training"]["Steps"]) if key == "Steps" else definitions["training"][key]
    )
    assert f"The definition has {count} {what}; SageMaker takes {maximum}: split the pipeline" in sentences


def test_an_empty_definition_is_checked_without_a_crash() -> None:
    assert [finding.path for finding in check({})] == ["Version"]


def test_the_step_types_are_those_of_the_sdk() -> None:
    from sagemaker.mlops.workflow.steps import StepTypeEnum

    assert sorted(STEP_TYPES) == sorted(kind.value for kind in StepTypeEnum)
