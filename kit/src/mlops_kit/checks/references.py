"""References: what an expression refers to exists, and an environment fills in every placeholder."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from mlops_kit.aws.environment import FACTS, PLACEHOLDER
from mlops_kit.checks import api_shapes
from mlops_kit.definition import triggers
from mlops_kit.definition.model import Definition, Finding, PlacedStep
from mlops_kit.definition.references import (
    PROPERTY_FILES,
    ExpressionError,
    Reference,
    expressions,
    parse_expression,
    texts,
)

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
BASELINES = (
    "CalculatedBaselineConstraints",
    "CalculatedBaselineStatistics",
    "BaselineUsedForDriftCheckConstraints",
    "BaselineUsedForDriftCheckStatistics",
)
# The properties of steps that the API does not describe.
OWN_PROPERTIES = {"Condition": ("Outcome",), "QualityCheck": BASELINES, "ClarifyCheck": BASELINES, "Fail": ()}


def check(definition: Definition) -> Iterator[Finding]:
    """Check what each step refers to."""
    for step in definition.steps:
        yield from _property_files(step)
        for path, expression in expressions(step.own):
            try:
                parsed = parse_expression(expression)
            except ExpressionError as error:
                yield Finding(step.name, path, error.problem, error.remedy)
                continue
            if isinstance(parsed, Reference):
                for problem, remedy in reference_faults(definition, parsed):
                    yield Finding(step.name, path, problem, remedy)
        for path, text in texts(step.own):
            for name in PLACEHOLDER.findall(text):
                if name not in FACTS:
                    yield Finding(step.name, path, f"has a placeholder {name!r}", _may_be(name, FACTS))
    yield from _unused(definition)


def reference_faults(definition: Definition, reference: Reference) -> Iterator[tuple[str, str]]:
    """What is wrong with a reference: problems and remedies."""
    name = reference.name
    if reference.root == "Parameters":
        if name not in definition.parameters:
            yield f"refers to the parameter {name!r}, which is not declared", _may_be(name, definition.parameters)
    elif reference.root == "Execution":
        if name not in EXECUTION:
            yield f"refers to Execution.{name}, which no execution has", _may_be(name, EXECUTION)
    elif name not in definition.by_name:
        yield f"refers to the step {name!r}, which does not exist", _may_be(name, definition.by_name)
    else:
        yield from _property(definition, definition.by_name[name], reference)


def _property(definition: Definition, target: PlacedStep, reference: Reference) -> Iterator[tuple[str, str]]:
    """What is wrong with the property of a step that exists."""
    first = reference.keys[0][1] if reference.keys else ""
    shown = f"{target.name}.{reference.path}"
    if first == PROPERTY_FILES:
        if definition.property_file(reference) is None:
            declared = [str(file.get("PropertyFileName")) for file in target.body.get("PropertyFiles", [])]
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
        yield from _response(target, reference, shown)


def _response(target: PlacedStep, reference: Reference, shown: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a property that the API describes."""
    shapes = api_shapes.response_shapes(target.type)
    if not reference.keys or not any(api_shapes.follow(shape, reference.keys) for shape in shapes):
        yield f"refers to {shown}, which {shapes[0].name} does not have", "look the property up in the API reference"
        return
    names = [key for kind, key in reference.keys if kind == "item"]
    if reference.path.startswith("ProcessingOutputConfig.Outputs[") and names and names[0] not in target.output_names:
        problem = f"refers to the output {names[0]!r} of {target.name}, which it does not have"
        yield problem, _may_be(names[0], target.output_names)
    if ".TunedHyperParameters[" in reference.path and names[-1] not in tuned(target):
        problem = f"refers to the tuned hyperparameter {names[-1]!r} of {target.name}, which it does not tune"
        yield problem, _may_be(names[-1], tuned(target))


def tuned(step: PlacedStep) -> list[str]:
    """The hyperparameters that a Tuning step tunes."""
    ranges = step.arguments.get("HyperParameterTuningJobConfig", {}).get("ParameterRanges", {})
    return [str(entry.get("Name")) for entries in ranges.values() for entry in entries if isinstance(entry, dict)]


def _property_files(step: PlacedStep) -> Iterator[Finding]:
    for index, file in enumerate(step.body.get("PropertyFiles", [])):
        path = f"PropertyFiles[{index}]"
        if step.type != "Processing":
            yield Finding(
                step.name, path, f"belongs to a {step.type} step", "only Processing steps have property files"
            )
        elif file.get("OutputName") not in step.output_names:
            problem = f"is in the output {file.get('OutputName')!r}, which the step does not have"
            yield Finding(step.name, path, problem, _may_be(str(file.get("OutputName")), step.output_names))


def _unused(definition: Definition) -> Iterator[Finding]:
    """Parameters that change nothing; those of the trigger are for people who look at an execution."""
    used = {ref.name for step in definition.steps for _, ref in definition.references(step) if ref.root == "Parameters"}
    for name in definition.parameters:
        if name not in used and name not in triggers.PARAMETERS:
            yield Finding("", f"Parameters.{name}", "is declared, and no step reads it", "use it, or remove it")


def _may_be(name: str, known: Any) -> str:
    """What to write instead."""
    near = get_close_matches(name, list(known), n=1)
    if near:
        return f"write {near[0]}"
    return f"it may be {', '.join(known)}" if known else "there are none"
