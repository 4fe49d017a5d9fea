"""QualityCheck steps: create a baseline, or check data against one, with a substitute for SageMaker's Model Monitor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_jobs.monitor_names import unescaped
from mlops_kit import images
from mlops_kit.runner.failures import client_error
from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps.processing import process
from mlops_kit.runner.steps.task import Task

PROGRAM = images.FOLDER / "monitor.py"
BASELINE = "/opt/ml/processing/baseline"
STATISTICS, CONSTRAINTS, VIOLATIONS = "statistics.json", "constraints.json", "constraint_violations.json"
NONE = "the comparison of distributions found no violations; what was counted in the batch is judged apart"
MAX_SHOWN = 5  # violations in a note


def run_quality_check(task: Task) -> StepResult:
    """Run the monitor on the request's dataset, and return the baseline for later steps.

    Raises:
        StepFailedError: the check failed, or it has violations and FailOnViolation is set.
    """
    if task.options.get("CheckType") != "DATA_QUALITY":
        raise client_error(f"local mode supports the check DATA_QUALITY, not {task.options.get('CheckType')}")
    skip = bool(task.options.get("SkipCheck"))
    new = bool(task.options.get("RegisterNewBaseline"))
    supplied = _supplied_baseline(task)
    if not skip and not all(supplied.values()):
        raise client_error(
            "there is no baseline to check against: the step supplies none, and no approved model has one"
        )
    result, container = process(task, _as_script(task, {} if skip else supplied))
    place, uri = _output(task)
    made = {"Statistics": f"{uri}/{STATISTICS}", "Constraints": f"{uri}/{CONSTRAINTS}"}
    used = made if new else {what: location for what, location in supplied.items() if location}
    violations = [] if skip else _violations(container.path(place) / VIOLATIONS)
    if violations and task.options.get("FailOnViolation", True):
        raise client_error(_summary(violations))
    return replace(
        result,
        properties={
            **result.properties,
            **{f"CalculatedBaseline{what}": location for what, location in made.items()},
            **{f"BaselineUsedForDriftCheck{what}": location for what, location in used.items()},
        },
        note=task.last_lines if skip else _summary(violations),
        metadata={
            "QualityCheck": {
                "CheckType": "DATA_QUALITY",
                **{f"CalculatedBaseline{what}": location for what, location in made.items()},
                **{f"BaselineUsedForDriftCheck{what}": location for what, location in used.items()},
                "ViolationReport": "" if skip else f"{uri}/{VIOLATIONS}",
                "CheckJobArn": result.properties["ProcessingJobArn"],
                "SkipCheck": skip,
                "RegisterNewBaseline": new,
            }
        },
    )


def _supplied_baseline(task: Task) -> dict[str, str]:
    """The baseline of the step, or else of the latest approved model; empty strings if there is none."""
    supplied = {what: task.options.get(f"SuppliedBaseline{what}") or "" for what in ("Statistics", "Constraints")}
    group = task.options.get("ModelPackageGroupName")
    if not all(supplied.values()) and group:
        supplied = _approved_baseline(task, group)
    return supplied


def _approved_baseline(task: Task, group: str) -> dict[str, str]:
    packages = task.context.sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not packages:
        return {"Statistics": "", "Constraints": ""}
    package = task.context.sagemaker.describe_model_package(ModelPackageName=packages[0]["ModelPackageArn"])
    baselines = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {})
    return {what: baselines.get(what, {}).get("S3Uri", "") for what in ("Statistics", "Constraints")}


def _as_script(task: Task, supplied: dict[str, str]) -> dict[str, Any]:
    """The request with the monitor as its script, and the baseline as an additional input."""
    inputs = [
        {"InputName": what, "S3Input": {"S3Uri": uri, "LocalPath": f"{BASELINE}/{what.lower()}"}}
        for what, uri in supplied.items()
    ]
    paths = {
        f"baseline_{what.lower()}": f"{BASELINE}/{what.lower()}/{uri.rpartition('/')[2]}"
        for what, uri in supplied.items()
    }
    specification = {**task.request["AppSpecification"], "ContainerEntrypoint": ["python3", str(PROGRAM)]}
    return {
        **task.request,
        "AppSpecification": specification,
        "ProcessingInputs": [*task.request.get("ProcessingInputs", []), *inputs],
        "Environment": {**task.request.get("Environment", {}), **paths},
    }


def _output(task: Task) -> tuple[str, str]:
    """The local path and the S3 URI of the monitor's only output."""
    output = task.request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    return output["LocalPath"], output["S3Uri"].rstrip("/")


def _violations(path: Path) -> list[dict[str, str]]:
    violations: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))["violations"]
    return violations


def _summary(violations: list[dict[str, str]]) -> str:
    if not violations:
        return NONE
    named = [
        f"{unescaped(violation['feature_name'])} ({violation['constraint_check_type']})"
        for violation in violations[:MAX_SHOWN]
    ]
    more = ["..."] if len(violations) > MAX_SHOWN else []
    return f"{len(violations)} violation{'s' * (len(violations) > 1)}: {', '.join(named + more)}"
