"""The fields of a step beside its request: they belong to the pipeline definition, not to the API."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_kit.definition.model import Definition, Finding, PlacedStep
from mlops_kit.definition.references import is_expression

MAX_DISPLAY_NAME, MAX_OUTPUTS = 256, 10
OUTPUT_TYPES = ("String", "Integer", "Boolean", "Float")
CHECK_TYPES = {
    "QualityCheck": ("DATA_QUALITY", "MODEL_QUALITY"),
    "ClarifyCheck": ("DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY"),
}
BASELINES = ("SuppliedBaselineConstraints", "ModelPackageGroupName")


def check(definition: Definition) -> Iterator[Finding]:
    """Check the fields of each step beside its request."""
    for step in definition.steps:
        if len(str(step.body.get("DisplayName", ""))) > MAX_DISPLAY_NAME:
            problem = f"has {len(step.body['DisplayName'])} characters"
            yield Finding(step.name, "DisplayName", problem, f"SageMaker takes {MAX_DISPLAY_NAME}: use Description")
        if step.type == "Lambda":
            yield from _function(step)
        elif step.type in CHECK_TYPES:
            yield from _monitor(step)
        elif step.type == "Fail" and not step.arguments.get("ErrorMessage"):
            yield Finding(step.name, "Arguments.ErrorMessage", "is missing", "give the reason and a remedy")


def _function(step: PlacedStep) -> Iterator[Finding]:
    if not step.body.get("FunctionArn"):
        yield Finding(step.name, "FunctionArn", "is missing", "name the function, for example ${resolve_inputs_arn}")
    outputs = step.body.get("OutputParameters", [])
    if len(outputs) > MAX_OUTPUTS:
        remedy = f"SageMaker takes {MAX_OUTPUTS}: write the rest to a file in S3, and return its URI"
        yield Finding(step.name, "OutputParameters", f"has {len(outputs)} outputs", remedy)
    for index, output in enumerate(outputs):
        if output.get("OutputType") not in OUTPUT_TYPES:
            path = f"OutputParameters[{index}].OutputType"
            yield Finding(step.name, path, f"is {output.get('OutputType')!r}", f"it may be {', '.join(OUTPUT_TYPES)}")


def _monitor(step: PlacedStep) -> Iterator[Finding]:
    kind, known = step.body.get("CheckType"), CHECK_TYPES[step.type]
    if kind not in known and not is_expression(kind):
        yield Finding(step.name, "CheckType", f"is {kind!r}", f"it may be {', '.join(known)}")
    if step.body.get("SkipCheck") is not True and not any(step.body.get(key) for key in BASELINES):
        problem = "is not true, and there is no baseline to check against"
        yield Finding(step.name, "SkipCheck", problem, f"give {' or '.join(BASELINES)}, or set it to true")
