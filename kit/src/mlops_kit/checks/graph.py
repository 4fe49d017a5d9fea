"""The graph: steps that can run, in an order that exists, within what SageMaker's pipelines allow."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from mlops_kit.checks.requests import kind_of
from mlops_kit.definition.model import Branch, Definition, Finding, PlacedStep, expressions

VERSION = "2020-12-01"
STEP_TYPES = (
    *("Condition", "Model", "Processing", "RegisterModel", "Training", "Transform", "Callback", "Tuning", "Lambda"),
    *("QualityCheck", "ClarifyCheck", "EMR", "EMRServerless", "Fail", "AutoML", "EndpointConfig", "Endpoint"),
    *("InferenceComponent", "Lineage", "Job", "Cleanup", "ForEach"),
)
ORDERED = ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")
COMPARED = ("Equals", *ORDERED)
CONDITIONS = (*COMPARED, "In", "Not", "Or")
SIDES: dict[str, tuple[str, ...]] = dict.fromkeys(COMPARED, ("LeftValue", "RightValue"))
SIDES |= {"In": ("QueryValue", "Values"), "Not": ("Condition",), "Or": ("Conditions",)}

# https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-quotas.html
MOST_STEPS, MOST_PARAMETERS, MOST_BRANCH, MOST_CONDITIONS = 50, 200, 20, 200
MOST_PROPERTY_FILES, MOST_JSON_GETS, MOST_BYTES = 10, 200, 1_048_576
STEP_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
PARAMETER_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
PARAMETER_TYPES: dict[str, tuple[type, ...]] = {"String": (str,), "Integer": (int,), "Float": (int, float)}
PARAMETER_TYPES |= {"Boolean": (bool,)}


def check(definition: Definition) -> Iterator[Finding]:
    """Look at the definition as a whole."""
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
        if not PARAMETER_NAME.fullmatch(name):
            yield Finding("", path, "has a name that SageMaker refuses", "use up to 64 letters, digits, _ and -")
        if kind not in PARAMETER_TYPES:
            yield Finding("", path, f"has the type {kind!r}", f"it may be {', '.join(PARAMETER_TYPES)}")
            continue
        default = parameter.get("DefaultValue")
        boolean = isinstance(default, bool) and kind != "Boolean"
        if default is not None and (boolean or not isinstance(default, PARAMETER_TYPES[kind])):
            yield Finding("", path, f"has the default {default!r}, which is no {kind}", "give one that is")


def _steps(definition: Definition) -> Iterator[Finding]:
    names = Counter(step.name for step in definition.steps)
    for name, count in names.items():
        if count > 1:
            yield Finding(name, "", f"is the name of {count} steps", "give each a name of its own")
        if not STEP_NAME.fullmatch(name):
            yield Finding(name, "", "has a name that SageMaker refuses", "use up to 64 letters, digits, _ and -")
    for step in definition.steps:
        if step.type not in STEP_TYPES:
            yield Finding(step.name, "Type", f"is {step.type!r}", f"it may be {', '.join(STEP_TYPES)}")
        for name in step.depends_on:
            if name not in names:
                yield Finding(step.name, "DependsOn", f"names {name!r}, which is no step", "correct the name")
            elif definition.by_name[name].type == "Condition":
                remedy = "SageMaker refuses that: depend on a step of its branches, or put this one into a branch"
                yield Finding(step.name, "DependsOn", f"names the condition {name}", remedy)


def _limits(definition: Definition) -> Iterator[Finding]:
    """The quotas of one pipeline; AWS raises none of them."""
    gets = sum(kind == "Std:JsonGet" for step in definition.steps for _, kind, _ in expressions(step.own, ""))
    files = sum(len(step.body.get("PropertyFiles", [])) for step in definition.steps)
    for what, count, most in (
        ("steps", len(definition.steps), MOST_STEPS),
        ("parameters", len(definition.parameters), MOST_PARAMETERS),
        ("property files", files, MOST_PROPERTY_FILES),
        ("JsonGet expressions", gets, MOST_JSON_GETS),
        ("bytes", len(json.dumps(definition.body, ensure_ascii=False, separators=(",", ":")).encode()), MOST_BYTES),
    ):
        if count > most:
            yield Finding("", "The definition", f"has {count} {what}", f"SageMaker takes {most}: split the pipeline")


def _same_output(definition: Definition) -> Iterator[Finding]:
    """Two outputs in one place overwrite each other; one whose name begins with another's is read with it."""
    owners: dict[str, str] = {}
    for step in definition.steps:
        for path, place in _outputs(step):
            text = json.dumps(place, sort_keys=True).rstrip(']}"')  # what stands behind it in S3 may go on from here
            for other, owner in owners.items():
                if text == other:
                    remedy = "give each output a place of its own"
                    yield Finding(step.name, path, f"is the same place as {owner}", remedy)
                elif text.startswith(other) or other.startswith(text):
                    remedy = "give it a name that does not begin like the other: S3 finds both by the shorter one"
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
    """Take away what can run until nothing is left, or nothing can."""
    waiting = {step.name: definition.needs(step) for step in definition.steps}
    while ready := [name for name, needs in waiting.items() if not needs & waiting.keys()]:
        for name in ready:
            del waiting[name]
    if waiting:
        chain = [min(waiting)]
        while len(chain) == len(set(chain)):
            chain.append(min(waiting[chain[-1]] & waiting.keys()))
        circle = " waits for ".join(chain[chain.index(chain[-1]) :])
        yield Finding("", "Steps", f"wait for one another: {circle}", "take a reference or a DependsOn away")


def _other_branch(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    """A step that runs only if a condition holds, and needs one that runs only if it does not, never runs."""
    taken = _taken(definition, step)
    for name in sorted(definition.needs(step)):
        for branch in sorted(_taken(definition, definition.by_name[name]), key=str):
            if Branch(branch.condition, not branch.taken) in taken:
                problem = f"needs {name}, which runs only where {branch.condition} goes the other way"
                yield Finding(step.name, "", problem, "move one of them, or refer to a step that runs in both cases")


def _taken(definition: Definition, step: PlacedStep) -> set[Branch]:
    """The branches that must be taken for a step to run: its own, and those of all that it needs."""
    needed = (definition.by_name[name] for name in definition.ancestors(step))
    return {branch for found in (step, *needed) for branch in found.branches}


def _condition_step(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    if step.branches:
        problem = f"stands inside the condition {step.branches[-1].condition}"
        yield Finding(step.name, "", problem, "put it beside: SageMaker takes no condition inside another")
    conditions = step.arguments.get("Conditions", [])
    if not 1 <= len(conditions) <= MOST_CONDITIONS:
        remedy = f"give 1 to {MOST_CONDITIONS}"
        yield Finding(step.name, "Arguments.Conditions", f"has {len(conditions)} conditions", remedy)
    for key in ("IfSteps", "ElseSteps"):
        if (count := len(step.arguments.get(key, []))) > MOST_BRANCH:
            remedy = f"SageMaker takes {MOST_BRANCH}: let further steps depend on these from outside"
            yield Finding(step.name, f"Arguments.{key}", f"has {count} steps", remedy)
    for index, condition in enumerate(conditions):
        for path, problem, remedy in _condition(definition, condition, f"Arguments.Conditions[{index}]"):
            yield Finding(step.name, path, problem, remedy)


def _condition(definition: Definition, condition: dict[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    """What is wrong with one condition."""
    kind = condition.get("Type")
    for key in SIDES.get(str(kind), ()):
        if key not in condition:
            yield path, f"lacks {key}", "say what is compared"
    if kind == "Not" and "Condition" in condition:
        yield from _condition(definition, condition["Condition"], f"{path}.Condition")
    elif kind == "Or":
        for index, inner in enumerate(condition.get("Conditions", [])):
            yield from _condition(definition, inner, f"{path}.Conditions[{index}]")
    elif kind == "In":
        for index, value in enumerate(condition.get("Values", [])):
            pair = (condition.get("QueryValue"), value)
            yield from _comparison(definition, pair, f"{path}.Values[{index}]")
    elif kind in COMPARED:
        left, right = condition.get("LeftValue"), condition.get("RightValue")
        yield from _comparison(definition, (left, right), path)
        if kind in ORDERED and "Boolean" in {_kind(definition, left), _kind(definition, right)}:
            yield path, "asks which of two truths is greater", "use Equals"
    elif kind not in CONDITIONS:
        yield f"{path}.Type", f"is {kind!r}", f"it may be {', '.join(CONDITIONS)}"


def _comparison(definition: Definition, pair: tuple[Any, Any], path: str) -> Iterator[tuple[str, str, str]]:
    left, right = (_kind(definition, value) for value in pair)
    numbers = {"Integer", "Float"}
    if left and right and left != right and not {left, right} <= numbers:
        yield path, f"compares {left} with {right}", "compare like with like: they would never be equal"


def _kind(definition: Definition, value: Any) -> str | None:
    if isinstance(value, dict):
        return kind_of(definition, value)
    kinds = {bool: "Boolean", int: "Integer", float: "Float", str: "String"}
    return kinds.get(type(value))
