"""References: every name that an expression uses is there, and every placeholder is one that is filled."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from mlops_kit.aws.environment import FACTS, PLACEHOLDER
from mlops_kit.checks import api_shapes
from mlops_kit.definition import triggers
from mlops_kit.definition.model import Definition, Finding, PlacedStep, Reference, expressions, parse_reference, texts

EXECUTION = (
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "StartDateTime",
    "CurrentDateTime",
    "TrainingJobName",
    "ProcessingJobName",
)
CHECKED = (
    "CalculatedBaselineConstraints",
    "CalculatedBaselineStatistics",
    "BaselineUsedForDriftCheckConstraints",
    "BaselineUsedForDriftCheckStatistics",
)
# The properties of steps that the API does not describe.
OWN_PROPERTIES = {"Condition": ("Outcome",), "QualityCheck": CHECKED, "ClarifyCheck": CHECKED, "Fail": ()}


def check(definition: Definition) -> Iterator[Finding]:
    """Look up what each step refers to."""
    for step in definition.steps:
        yield from _property_files(step)
        for path, kind, content in expressions(step.own, ""):
            if kind == "Get":
                yield from _get(definition, step, path, content)
            elif kind == "Std:JsonGet":
                yield from _json_get(step, path, content if isinstance(content, dict) else {})
        for path, text in texts(step.own, ""):
            for name in PLACEHOLDER.findall(text):
                if name not in FACTS:
                    yield Finding(step.name, path, f"has a placeholder {name!r}", _may_be(name, FACTS))
    yield from _unused(definition)


def _get(definition: Definition, step: PlacedStep, path: str, text: Any) -> Iterator[Finding]:
    reference = parse_reference(text)
    if reference is None:
        remedy = "write Parameters.<name>, Execution.<name> or Steps.<step>.<property>"
        yield Finding(step.name, path, f"refers to {text!r}, which has no form that SageMaker knows", remedy)
    elif reference.root == "Parameters":
        if reference.name not in definition.parameters:
            problem = f"refers to the parameter {reference.name!r}, which is not declared"
            yield Finding(step.name, path, problem, _may_be(reference.name, definition.parameters))
    elif reference.root == "Execution":
        if reference.name not in EXECUTION:
            problem = f"refers to Execution.{reference.name}, which no execution has"
            yield Finding(step.name, path, problem, _may_be(reference.name, EXECUTION))
    elif reference.name not in definition.by_name:
        problem = f"refers to the step {reference.name!r}, which is not there"
        yield Finding(step.name, path, problem, _may_be(reference.name, definition.by_name))
    else:
        for problem, remedy in _property(definition.by_name[reference.name], reference):
            yield Finding(step.name, path, problem, remedy)


def _json_get(step: PlacedStep, path: str, content: dict[str, Any]) -> Iterator[Finding]:
    if not content.get("Path"):
        yield Finding(step.name, path, "reads a JSON file without a Path", "say which value it reads")
    if not (content.get("PropertyFile") or content.get("S3Uri")):
        yield Finding(step.name, path, "reads no JSON file", "say which: give a PropertyFile or an S3Uri")


def _property(target: PlacedStep, reference: Reference) -> Iterator[tuple[str, str]]:
    """What is wrong with a property of a step that is there."""
    first = reference.keys[0][1] if reference.keys else ""
    shown = f"{target.name}.{reference.path}"
    if first == "PropertyFiles":
        declared = [str(file.get("PropertyFileName")) for file in target.body.get("PropertyFiles", [])]
        if reference.keys[1:] not in [(("member", name),) for name in declared]:
            yield f"reads {shown}, a property file that is not declared", _may_be("", declared)
    elif first == "OutputParameters":
        declared = [str(output.get("OutputName")) for output in target.body.get("OutputParameters", [])]
        if reference.keys[1:] not in [(("item", name),) for name in declared]:
            yield f"refers to {shown}, an output that the step does not declare", _may_be("", declared)
    elif target.type in OWN_PROPERTIES:
        known = OWN_PROPERTIES[target.type]
        if reference.path not in known:
            yield f"refers to {shown}, which a {target.type} step does not have", _may_be(reference.path, known)
    elif target.type in api_shapes.OPERATIONS:
        yield from _answer(target, reference, shown)


def _answer(target: PlacedStep, reference: Reference, shown: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a property that the API describes."""
    shapes = api_shapes.answer_shapes(target.type)
    if not reference.keys or not any(api_shapes.follow(shape, reference.keys) for shape in shapes):
        yield f"refers to {shown}, which {shapes[0].name} does not have", "look the property up in the API reference"
        return
    names = [key for kind, key in reference.keys if kind == "item"]
    if reference.path.startswith("ProcessingOutputConfig.Outputs[") and names and names[0] not in target.output_names:
        problem = f"refers to the output {names[0]!r} of {target.name}, which it does not have"
        yield problem, _may_be(names[0], target.output_names)
    if ".TunedHyperParameters[" in reference.path and names[-1] not in tuned(target):
        problem = f"refers to the tuned hyperparameter {names[-1]!r} of {target.name}, which it does not search"
        yield problem, _may_be(names[-1], tuned(target))


def tuned(step: PlacedStep) -> list[str]:
    """The hyperparameters that a Tuning step searches."""
    ranges = step.arguments.get("HyperParameterTuningJobConfig", {}).get("ParameterRanges", {})
    return [str(entry.get("Name")) for entries in ranges.values() for entry in entries if isinstance(entry, dict)]


def _property_files(step: PlacedStep) -> Iterator[Finding]:
    for index, file in enumerate(step.body.get("PropertyFiles", [])):
        path = f"PropertyFiles[{index}]"
        if step.type != "Processing":
            yield Finding(step.name, path, f"stands on a {step.type} step", "only Processing steps have property files")
        elif file.get("OutputName") not in step.output_names:
            problem = f"lies in the output {file.get('OutputName')!r}, which the step does not have"
            yield Finding(step.name, path, problem, _may_be(str(file.get("OutputName")), step.output_names))


def _unused(definition: Definition) -> Iterator[Finding]:
    """Parameters that change nothing; those of the trigger are for whoever looks at an execution."""
    used = {ref.name for step in definition.steps for _, ref in definition.references(step) if ref.root == "Parameters"}
    for name in definition.parameters:
        if name not in used and name not in triggers.PARAMETERS:
            yield Finding("", f"Parameters.{name}", "is declared and read by no step", "use it, or remove it")


def _may_be(name: str, known: Any) -> str:
    """What to write instead."""
    near = get_close_matches(name, list(known), n=1)
    if near:
        return f"write {near[0]}"
    return f"it may be {', '.join(known)}" if known else "there is none"
