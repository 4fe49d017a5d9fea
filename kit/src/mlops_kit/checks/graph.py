"""The graph: names, types, dependencies and conditions of the steps, and the quotas of SageMaker's pipelines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from mlops_kit.checks.requests import kind_of
from mlops_kit.definition.conditions import (
    COMPARISONS,
    CONDITION_TYPES,
    ORDERINGS,
    Condition,
    conditions,
    missing_operands,
)
from mlops_kit.definition.model import (
    BRANCHES,
    NAME,
    PARAMETER_TYPES,
    Branch,
    Definition,
    Finding,
    PlacedStep,
)
from mlops_kit.definition.references import expressions

VERSION = "2020-12-01"
STEP_TYPES = (
    *("Condition", "Model", "Processing", "RegisterModel", "Training", "Transform", "Callback", "Tuning", "Lambda"),
    *("QualityCheck", "ClarifyCheck", "EMR", "EMRServerless", "Fail", "AutoML", "EndpointConfig", "Endpoint"),
    *("InferenceComponent", "Lineage", "Job", "Cleanup", "ForEach"),
)

# https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-quotas.html
MAX_STEPS, MAX_PARAMETERS, MAX_BRANCH_STEPS, MAX_CONDITIONS = 50, 200, 20, 200
MAX_PROPERTY_FILES, MAX_JSON_GETS, MAX_BYTES = 10, 200, 1_048_576


def check(definition: Definition) -> Iterator[Finding]:
    """Check the definition as a whole, and each step in it."""
    if definition.body.get("Version") != VERSION:
        yield Finding("", "Version", f"is {definition.body.get('Version')!r}", f"write {VERSION}")
    yield from _parameters(definition)
    yield from _steps(definition)
    yield from _limits(definition)
    yield from _same_output(definition)
    yield from _cycle(definition)
    for step in definition.steps:
        yield from _other_branch(definition, step)
        if step.type == "Condition":
            yield from _condition_step(definition, step)


def _parameters(definition: Definition) -> Iterator[Finding]:
    names = Counter(parameter.get("Name") for parameter in definition.body.get("Parameters", []))
    for parameter in definition.body.get("Parameters", []):
        name, kind = str(parameter.get("Name")), parameter.get("Type")
        path = f"Parameters.{name}"
        if names[name] > 1:
            yield Finding("", path, f"is declared {names[name]} times", "declare it once")
        if not NAME.fullmatch(name):
            yield Finding("", path, "has a name that SageMaker refuses", "use up to 64 letters, digits, _ and -")
        if kind not in PARAMETER_TYPES:
            yield Finding("", path, f"has the type {kind!r}", f"it may be {', '.join(PARAMETER_TYPES)}")
            continue
        default = parameter.get("DefaultValue")
        boolean = isinstance(default, bool) and kind != "Boolean"
        if default is not None and (boolean or not isinstance(default, PARAMETER_TYPES[kind])):
            yield Finding("", path, f"has the default {default!r}, which is not of type {kind}", "give one that is")


def _steps(definition: Definition) -> Iterator[Finding]:
    names = Counter(step.name for step in definition.steps)
    for name, count in names.items():
        if count > 1:
            yield Finding(name, "", f"is the name of {count} steps", "give each step its own name")
        if not NAME.fullmatch(name):
            yield Finding(name, "", "has a name that SageMaker refuses", "use up to 64 letters, digits, _ and -")
    for step in definition.steps:
        if step.type not in STEP_TYPES:
            yield Finding(step.name, "Type", f"is {step.type!r}", f"it may be {', '.join(STEP_TYPES)}")
        for dependency in step.depends_on:
            if dependency.step not in names:
                problem = f"names the step {dependency.step!r}, which does not exist"
                yield Finding(step.name, "DependsOn", problem, "correct the name")
            elif definition.by_name[dependency.step].type == "Condition":
                remedy = "SageMaker refuses that: depend on a step of its branches, or put this one into a branch"
                yield Finding(step.name, "DependsOn", f"names the condition {dependency.step}", remedy)


def _limits(definition: Definition) -> Iterator[Finding]:
    """The quotas of one pipeline, none of which AWS raises on request."""
    gets = sum("Std:JsonGet" in inner for step in definition.steps for _, inner in expressions(step.own))
    files = sum(len(step.body.get("PropertyFiles", [])) for step in definition.steps)
    for what, count, maximum in (
        ("steps", len(definition.steps), MAX_STEPS),
        ("parameters", len(definition.parameters), MAX_PARAMETERS),
        ("property files", files, MAX_PROPERTY_FILES),
        ("JsonGet expressions", gets, MAX_JSON_GETS),
        ("bytes", len(json.dumps(definition.body, ensure_ascii=False, separators=(",", ":")).encode()), MAX_BYTES),
    ):
        if count > maximum:
            yield Finding("", "The definition", f"has {count} {what}", f"SageMaker takes {maximum}: split the pipeline")


def _same_output(definition: Definition) -> Iterator[Finding]:
    """Two outputs under one URI overwrite each other; one whose URI begins with another's is read with it."""
    owners: dict[str, str] = {}
    for step in definition.steps:
        for path, place in _outputs(step):
            text = json.dumps(place, sort_keys=True).rstrip(']}"')  # an open end: keys in S3 continue from here
            for other, owner in owners.items():
                if text == other:
                    remedy = "give each output its own URI"
                    yield Finding(step.name, path, f"is the same URI as {owner}", remedy)
                elif text.startswith(other) or other.startswith(text):
                    remedy = (
                        "give it a URI that does not begin with the other: a job reads all keys that begin with its URI"
                    )
                    yield Finding(step.name, path, f"begins like {owner}", remedy)
            owners.setdefault(text, f"{step.name}: {path}")


def _outputs(step: PlacedStep) -> Iterator[tuple[str, Any]]:
    for index, output in enumerate(step.arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])):
        if "S3Uri" in output.get("S3Output", {}):
            path = f"Arguments.ProcessingOutputConfig.Outputs[{index}].S3Output.S3Uri"
            yield path, output["S3Output"]["S3Uri"]
    for path in ("OutputDataConfig.S3OutputPath", "TransformOutput.S3OutputPath"):
        section, key = path.split(".")
        if key in step.arguments.get(section, {}):
            yield f"Arguments.{path}", step.arguments[section][key]


def _cycle(definition: Definition) -> Iterator[Finding]:
    if cycle := definition.cycle():
        chain = " waits for ".join([*cycle, cycle[0]])
        yield Finding("", "Steps", f"wait for one another: {chain}", "remove a reference or a DependsOn")


def _other_branch(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    """A step of one branch that needs a step of the other branch never runs."""
    taken = _taken(definition, step)
    for name in sorted(definition.needs(step)):
        for branch in sorted(_taken(definition, definition.by_name[name]), key=str):
            if Branch(branch.condition, not branch.when) in taken:
                problem = f"needs {name}, which runs only for the other outcome of {branch.condition}"
                yield Finding(step.name, "", problem, "move one of them, or refer to a step that runs in both cases")


def _taken(definition: Definition, step: PlacedStep) -> set[Branch]:
    """The branches that must be taken for a step to run: its own, and those of all that it needs."""
    needs = (definition.by_name[name] for name in definition.ancestors(step))
    return {branch for each in (step, *needs) for branch in each.branches}


def _condition_step(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    if step.branches:
        problem = f"is inside the condition {step.branches[-1].condition}"
        yield Finding(step.name, "", problem, "move it out: SageMaker takes no condition inside another")
    top = step.arguments.get("Conditions", [])
    if not 1 <= len(top) <= MAX_CONDITIONS:
        remedy = f"give 1 to {MAX_CONDITIONS}"
        yield Finding(step.name, "Arguments.Conditions", f"has {len(top)} conditions", remedy)
    for key in BRANCHES:
        if (count := len(step.arguments.get(key, []))) > MAX_BRANCH_STEPS:
            remedy = f"SageMaker takes {MAX_BRANCH_STEPS}: let further steps depend on these from outside"
            yield Finding(step.name, f"Arguments.{key}", f"has {count} steps", remedy)
    for index, condition in enumerate(top):
        for place, inner in conditions(condition, f"Arguments.Conditions[{index}]"):
            for path, problem, remedy in _condition(definition, inner, place):
                yield Finding(step.name, path, problem, remedy)


def _condition(definition: Definition, condition: Condition, path: str) -> Iterator[tuple[str, str, str]]:
    """What is wrong with one condition, but for the conditions inside it."""
    kind = condition.get("Type")
    for key in missing_operands(condition):
        yield path, f"lacks {key}", "add it: without it there is nothing to compare"
    if kind == "In":
        for index, value in enumerate(condition.get("Values", [])):
            pair = (condition.get("QueryValue"), value)
            yield from _comparison(definition, pair, f"{path}.Values[{index}]")
    elif kind in COMPARISONS:
        left, right = condition.get("LeftValue"), condition.get("RightValue")
        yield from _comparison(definition, (left, right), path)
        if kind in ORDERINGS and "Boolean" in {_kind(definition, left), _kind(definition, right)}:
            yield path, "orders Booleans", "use Equals"
    elif kind not in CONDITION_TYPES:
        yield f"{path}.Type", f"is {kind!r}", f"it may be {', '.join(CONDITION_TYPES)}"


def _comparison(definition: Definition, pair: tuple[Any, Any], path: str) -> Iterator[tuple[str, str, str]]:
    left, right = (_kind(definition, value) for value in pair)
    numbers = {"Integer", "Float"}
    if left and right and left != right and not {left, right} <= numbers:
        yield path, f"compares {left} with {right}", "compare values of one type: these would never be equal"


def _kind(definition: Definition, value: Any) -> str | None:
    if isinstance(value, dict):
        return kind_of(definition, value)
    kinds = {bool: "Boolean", int: "Integer", float: "Float", str: "String"}
    return kinds.get(type(value))
