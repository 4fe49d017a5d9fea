"""What steps have beside a request to the API: the fields that only SageMaker's pipelines know."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_kit.definition.model import Definition, Finding, PlacedStep, is_expression

MOST_NAME, MOST_OUTPUTS = 256, 10
OUTPUT_TYPES = ("String", "Integer", "Boolean", "Float")
CHECK_TYPES = {
    "QualityCheck": ("DATA_QUALITY", "MODEL_QUALITY"),
    "ClarifyCheck": ("DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY"),
}
BASELINES = ("SuppliedBaselineConstraints", "ModelPackageGroupName")


def check(definition: Definition) -> Iterator[Finding]:
    """Look at each step beside its request."""
    for step in definition.steps:
        if len(str(step.body.get("DisplayName", ""))) > MOST_NAME:
            problem = f"has {len(step.body['DisplayName'])} characters"
            yield Finding(step.name, "DisplayName", problem, f"SageMaker takes {MOST_NAME}: say it in Description")
        if step.type == "Lambda":
            yield from _function(step)
        elif step.type in CHECK_TYPES:
            yield from _monitor(step)
        elif step.type == "Fail" and not step.arguments.get("ErrorMessage"):
            yield Finding(step.name, "Arguments.ErrorMessage", "is missing", "say why the execution ends, and a remedy")


def _function(step: PlacedStep) -> Iterator[Finding]:
    if not step.body.get("FunctionArn"):
        yield Finding(step.name, "FunctionArn", "is missing", "name the function, for example ${resolve_inputs_arn}")
    outputs = step.body.get("OutputParameters", [])
    if len(outputs) > MOST_OUTPUTS:
        remedy = f"SageMaker takes {MOST_OUTPUTS}: put the rest into a file in S3, and hand on its URI"
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
