"""Find everything in a definition that the local cloud cannot run, before anything runs.

The step executors refuse the same things when they reach a step. Only literal values can be checked here: the value of
an expression is known when the step starts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from mlops_kit.checks.builtin_image import is_builtin
from mlops_kit.checks.references import reference_faults
from mlops_kit.definition.conditions import CONDITION_TYPES, conditions, missing_operands
from mlops_kit.definition.model import PARAMETER_TYPES, Definition, Finding, PlacedStep
from mlops_kit.definition.model_trainer import is_model_trainers
from mlops_kit.definition.references import (
    ExpressionError,
    Reference,
    expressions,
    is_expression,
    parse_expression,
)
from mlops_kit.runner.graph import graph_faults

Place = tuple[str, str, str]  # a path, the problem there, the remedy
Request = Mapping[str, Any]

EXECUTION_VARIABLES = (
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "PipelineName",
    "PipelineArn",
    "StartDateTime",
    "CurrentDateTime",
)
ML = PurePosixPath("/opt/ml")


def find_unsupported(definition: Definition, functions: Collection[str]) -> list[Finding]:
    """Everything that the local cloud cannot run.

    Args:
        definition: the definition.
        functions: the ARNs of the Lambda functions in the local cloud.
    """
    findings = [*graph_faults(definition), *_parameters(definition)]
    for step in definition.steps:
        places = [*_expressions(definition, step), *_fields(step)]
        if step.type == "Lambda":
            places += _function(step, functions)
        findings += [Finding(step.name, *place) for place in places]
    return findings


def _parameters(definition: Definition) -> Iterator[Finding]:
    for name, parameter in definition.parameters.items():
        if parameter.get("Type") not in PARAMETER_TYPES:
            remedy = f"it may be {', '.join(PARAMETER_TYPES)}"
            yield Finding("", f"Parameters.{name}", f"has the type {parameter.get('Type')!r}", remedy)


def _expressions(definition: Definition, step: PlacedStep) -> Iterator[Place]:
    for path, expression in expressions(step.own):
        try:
            parsed = parse_expression(expression)
        except ExpressionError as error:
            yield path, error.problem, error.remedy
            continue
        if isinstance(parsed, Reference):
            if parsed.root == "Execution" and parsed.name not in EXECUTION_VARIABLES:
                problem = f"refers to {parsed}, which a local execution does not have"
                yield path, problem, f"it may be {', '.join(EXECUTION_VARIABLES)}"
            elif parsed.root != "Steps" or parsed.name in definition.by_name:  # the graph reports a missing step
                yield from ((path, *fault) for fault in reference_faults(definition, parsed))


def _fields(step: PlacedStep) -> Iterator[Place]:
    if step.type in _FIELDS:
        yield from _FIELDS[step.type](step)


def _processing(step: PlacedStep) -> Iterator[Place]:
    request = step.arguments
    if not request.get("AppSpecification", {}).get("ContainerEntrypoint"):
        remedy = "give the command: the local cloud does not have the image, and so not the image's entrypoint"
        yield "Arguments.AppSpecification", "has no ContainerEntrypoint", remedy
    yield from _processing_folders(request)


def _quality_check(step: PlacedStep) -> Iterator[Place]:
    kind, request = step.body.get("CheckType"), step.arguments
    if kind != "DATA_QUALITY" and not is_expression(kind):
        yield "CheckType", f"is {kind!r}", "the local cloud checks DATA_QUALITY only"
    path = "Arguments.Environment.dataset_format"
    for name in _format_names(request.get("Environment", {}).get("dataset_format")):
        if name != "csv":
            yield path, f"is {name}", "the local cloud checks CSV files only"
    if not request.get("ProcessingOutputConfig", {}).get("Outputs"):
        yield "Arguments.ProcessingOutputConfig.Outputs", "are missing", "give the output for the baseline"
    yield from _processing_folders(request)


def _format_names(text: Any) -> list[str]:
    """The formats in a dataset_format, which is JSON as text like {"csv": {"header": true}}."""
    try:
        content = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return [repr(text)]
    return list(content) if isinstance(content, dict) else [repr(text)]


def _processing_folders(request: Request) -> Iterator[Place]:
    for index, entry in enumerate(request.get("ProcessingInputs", [])):
        path = f"Arguments.ProcessingInputs[{index}]"
        if "S3Input" in entry:
            yield from _s3_source(entry["S3Input"], f"{path}.S3Input")
            yield from _local_path(entry["S3Input"], f"{path}.S3Input")
        else:
            yield path, "is not from S3", "give an S3Input: the local cloud has no other source"
    for index, entry in enumerate(request.get("ProcessingOutputConfig", {}).get("Outputs", [])):
        path = f"Arguments.ProcessingOutputConfig.Outputs[{index}]"
        if "S3Output" in entry:
            yield from _local_path(entry["S3Output"], f"{path}.S3Output")
        else:
            yield path, "does not go to S3", "give an S3Output: the local cloud has no other target"


def _local_path(entry: Mapping[str, Any], path: str) -> Iterator[Place]:
    local = entry.get("LocalPath")
    if is_expression(local):
        return
    place = PurePosixPath(str(local))
    if not place.is_relative_to(ML) or ".." in place.parts:
        yield f"{path}.LocalPath", f"is {local!r}", f"give a folder below {ML}"


def _s3_source(source: Mapping[str, Any], path: str) -> Iterator[Place]:
    kind = source.get("S3DataType", "S3Prefix")
    if kind != "S3Prefix" and not is_expression(kind):
        yield f"{path}.S3DataType", f"is {kind!r}", "the local cloud reads an S3Prefix only"


def _training(step: PlacedStep) -> Iterator[Place]:
    yield from _training_job(step.arguments, "Arguments", "HyperParameters")


def _training_job(job: Request, path: str, hyperparameters: str) -> Iterator[Place]:
    values = job.get(hyperparameters, {})
    for name in ("sagemaker_program", "sagemaker_submit_directory"):
        if not values.get(name) and ("sagemaker_program" in values or not is_model_trainers(job)):
            remedy = "add it: the local cloud trains with a script, not with the algorithm or entrypoint of an image"
            yield f"{path}.{hyperparameters}", f"lack {name}", remedy
    specification = job.get("AlgorithmSpecification", {})
    image = specification.get("TrainingImage")
    if specification.get("MetricDefinitions") and isinstance(image, str) and is_builtin(image):
        problem = "are set for SageMaker's XGBoost image, which the API refuses"
        yield f"{path}.AlgorithmSpecification.MetricDefinitions", problem, "remove them: the image has its own"
    for index, channel in enumerate(job.get("InputDataConfig", [])):
        yield from _data_source(channel.get("DataSource", {}), f"{path}.InputDataConfig[{index}].DataSource")


def _data_source(source: Mapping[str, Any], path: str) -> Iterator[Place]:
    if "S3DataSource" in source:
        yield from _s3_source(source["S3DataSource"], f"{path}.S3DataSource")
    else:
        yield path, "is not in S3", "give an S3DataSource: the local cloud has no other source"


def _tuning(step: PlacedStep) -> Iterator[Place]:
    request = step.arguments
    for key in ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"):
        if request.get(key):
            yield f"Arguments.{key}", "is not supported", "the local cloud tunes one TrainingJobDefinition from scratch"
    if "TrainingJobDefinition" in request:
        path = "Arguments.TrainingJobDefinition"
        yield from _training_job(request["TrainingJobDefinition"], path, "StaticHyperParameters")
    elif not request.get("TrainingJobDefinitions"):
        yield "Arguments", "lacks TrainingJobDefinition", "add it: it is the job that the local cloud tunes"
    if not request.get("HyperParameterTuningJobConfig", {}).get("HyperParameterTuningJobObjective"):
        path = "Arguments.HyperParameterTuningJobConfig"
        yield path, "lacks HyperParameterTuningJobObjective", "add it: the local cloud ranks the training jobs by it"


def _transform(step: PlacedStep) -> Iterator[Place]:
    request = step.arguments
    for key in ("DataProcessing", "DataCaptureConfig"):
        if request.get(key):
            yield f"Arguments.{key}", "is not supported", "remove it: the local cloud sends and stores whole records"
    source = request.get("TransformInput", {})
    split = source.get("SplitType", "None")
    if split not in ("None", "Line") and not is_expression(split):
        yield "Arguments.TransformInput.SplitType", f"is {split!r}", "the local cloud splits by None or Line only"
    yield from _data_source(source.get("DataSource", {}), "Arguments.TransformInput.DataSource")


def _function(step: PlacedStep, functions: Collection[str]) -> Iterator[Place]:
    arn = step.body.get("FunctionArn")
    if not is_expression(arn) and arn not in functions:
        remedy = f"the local cloud has {', '.join(sorted(functions)) or 'none'}"
        yield "FunctionArn", f"is {arn!r}, a Lambda function that does not exist there", remedy
    for index, output in enumerate(step.body.get("OutputParameters", [])):
        if output.get("OutputType") not in PARAMETER_TYPES:
            problem = f"is {output.get('OutputType')!r}"
            yield f"OutputParameters[{index}].OutputType", problem, f"it may be {', '.join(PARAMETER_TYPES)}"


def _condition(step: PlacedStep) -> Iterator[Place]:
    top: Sequence[Mapping[str, Any]] = step.arguments.get("Conditions", [])
    for index, condition in enumerate(top):
        for path, inner in conditions(condition, f"Arguments.Conditions[{index}]"):
            if inner.get("Type") not in CONDITION_TYPES:
                problem = f"is {inner.get('Type')!r}, which the local cloud cannot evaluate"
                yield f"{path}.Type", problem, f"it may be {', '.join(CONDITION_TYPES)}"
            for key in missing_operands(inner):
                yield path, f"lacks {key}", "add it: without it there is nothing to compare"


def _fail(step: PlacedStep) -> Iterator[Place]:
    if "ErrorMessage" not in step.arguments:
        yield "Arguments.ErrorMessage", "is missing", "give the reason and a remedy"


_FIELDS: dict[str, Callable[[PlacedStep], Iterator[Place]]] = {
    "Processing": _processing,
    "QualityCheck": _quality_check,
    "Training": _training,
    "Tuning": _tuning,
    "Transform": _transform,
    "Condition": _condition,
    "Fail": _fail,
}
