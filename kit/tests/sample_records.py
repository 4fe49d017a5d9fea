"""Small records of executions in the form of the runner's files, for the tests of the page and the progress."""

from __future__ import annotations

import json
import struct
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from mlops_kit.report.entries import RehearsedStep

START = datetime(2026, 11, 21, 10, 0, 0, 123000, tzinfo=timezone.utc)
PROJECT = "abalone-rings"
Record = dict[str, Any]

TRAINING = """
ResolveInputs        Lambda
Preprocess           Processing    ResolveInputs
DataQualityBaseline  QualityCheck  Preprocess
Train                Training      Preprocess
Evaluate             Processing    Train,Preprocess,ResolveInputs
CheckMetric          Condition     Evaluate
RegisterModel        RegisterModel CheckMetric,DataQualityBaseline,Train,Evaluate  CheckMetric=yes
MetricNotMet         Fail          CheckMetric,Evaluate                            CheckMetric=no
"""
TUNING = TRAINING.replace("Train                Training ", "Tune                 Tuning   ").replace("Train,", "Tune,")
INFERENCE = """
ResolveInputs          Lambda
ModelApproved          Condition     ResolveInputs
Preprocess             Processing    ResolveInputs                    ModelApproved=yes
BatchInference         Processing    Preprocess,ResolveInputs         ModelApproved=yes
QualityInput           Processing    BatchInference                   ModelApproved=yes
DataQualityCheck       QualityCheck  QualityInput,ResolveInputs       ModelApproved=yes
ReportDataQuality      Lambda        DataQualityCheck                 ModelApproved=yes
NoApprovedModel        Fail          -                                ModelApproved=no
LabelsAvailable        Condition     ResolveInputs,ReportDataQuality
ModelQuality           Processing    BatchInference,ResolveInputs     LabelsAvailable=yes
QualityHeld            Condition     ModelQuality
ModelQualityViolation  Fail          ModelQuality                     QualityHeld=no
LabelsMatched          Condition     ModelQuality
LabelsNotMatched       Fail          ModelQuality                     LabelsMatched=no
"""
NOTES = {
    "ResolveInputs": "model version 1, data 3f9a5c01d2e4",
    "Preprocess": "rows: train 1400, validation 300, test 300",
    "DataQualityBaseline": "8 features",
    "Train": "stopped after 143 rounds",
    "Tune": "6 jobs, best rmse 2.031",
    "Evaluate": "rmse 2.128 meets the threshold 2.5 on 300 test rows",
    "RegisterModel": "model version 1, waits for approval",
    "BatchInference": "500 rows predicted",
    "QualityInput": "500 rows",
}


def step_of(line: str) -> Record:
    """A waiting step from a line: name, type, the steps it waits for, its branch."""
    name, kind, *rest = line.split()
    needs = rest[0].split(",") if rest and rest[0] != "-" else []
    condition, _, side = rest[1].partition("=") if len(rest) > 1 else ("", "", "")
    return {
        "name": name,
        "type": kind,
        "status": "Waiting",
        "needs": needs,
        "branch": {"condition": condition, "when": side == "yes"} if condition else None,
        "started": None,
        "ended": None,
        "job_seconds": 0.0,
        "attempts": 0,
        "cache_hit": False,
        "reason": "",
        "note": "",
        "result": {},
        "files": [],
        "log": None,
    }


def record_of(kind: str, steps: str, number: int = 1) -> Record:
    """An execution with only waiting steps."""
    pipeline, id_ = f"{PROJECT}-local-{kind}", f"{number:02d}c0ffee{number:04d}"
    return {
        "id": id_,
        "pipeline": pipeline,
        "kind": kind,
        "arn": f"arn:aws:sagemaker:eu-central-1:123456789012:pipeline/{pipeline}/execution/{id_}",
        "status": "Executing",
        "reason": "",
        "parameters": {
            "InputDataUri": f"s3://{PROJECT}-local-123456789012/data/training",
            "MetricThreshold": 2.5,
            "ChampionTolerance": 0.0,
            "ProcessingInstanceType": "ml.m5.large",
        },
        "started": moment(60 * number),
        "ended": None,
        "steps": [step_of(line) for line in steps.strip().splitlines()],
    }


def moment(seconds: float) -> str:
    """A time of a record, so many seconds after the first."""
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run(record: Record, *, failing: str | None = None, skipped: tuple[str, ...] = (), reason: str = "") -> Record:
    """End the steps of a record: one fails, some are skipped, those after a failure are stopped."""
    start = datetime.fromisoformat(record["started"].replace("Z", "+00:00")) - START
    seconds, stopped = start.total_seconds(), False
    for step in record["steps"]:
        if step["name"] in skipped or stopped:
            step["status"] = "Skipped" if step["name"] in skipped else "Stopped"
            continue
        step["status"] = "Failed" if step["name"] == failing else "Succeeded"
        step["started"], step["attempts"] = moment(seconds), 1
        seconds += {"Processing": 0.84, "Training": 1.9, "Tuning": 6.21, "QualityCheck": 0.4}.get(step["type"], 0.01)
        step["ended"] = moment(seconds)
        step["note"] = "" if step["name"] == failing else NOTES.get(step["name"], "")
        step["reason"] = reason if step["name"] == failing else ""
        if step["type"] == "Condition":
            sides = [s for s in record["steps"] if s["branch"] and s["branch"]["condition"] == step["name"]]
            taken = [s["branch"]["when"] for s in sides if s["name"] not in skipped]
            step["result"] = {"Outcome": taken[0] if taken else not sides[0]["branch"]["when"]}
            step["note"] = str(step["result"]["Outcome"]).lower()
        stopped = stopped or step["name"] == failing
    record["status"], record["reason"] = ("Failed", reason) if failing else ("Succeeded", "")
    record["ended"] = moment(seconds)
    return record


def named(record: Record, name: str) -> Record:
    """The step of that name."""
    return next(step for step in record["steps"] if step["name"] == name)


def write(work: Path, record: Record) -> Path:
    """Write a record where the runner would, with a log for each step that ran."""
    folder = work / "executions" / record["pipeline"] / record["id"]
    for step in record["steps"]:
        if step["started"] and step["type"] in ("Processing", "Training", "Tuning", "QualityCheck"):
            log = folder / step["name"] / "log.txt"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(f"{step['note'] or step['reason']}\n", encoding="utf-8")
            step["log"] = log.relative_to(work).as_posix()
    path: Path = folder / "execution.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def output(work: Path, record: Record, step: str, name: str, **files: Any) -> Path:
    """Give a step an output folder with files: bytes as they are, anything else as JSON; `__` becomes a dot."""
    relative: Path = Path("executions") / record["pipeline"] / record["id"] / step / "opt/ml/processing/output" / name
    folder = work / relative
    folder.mkdir(parents=True, exist_ok=True)
    for key, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / key.replace("__", ".")).write_bytes(data)
    uri = f"s3://{PROJECT}-local-123456789012/executions/{record['pipeline']}/{record['id']}/{step}/{name}"
    named(record, step)["files"].append({"name": name, "s3_uri": uri, "path": relative.as_posix()})
    return folder


def picture(width: int = 64, height: int = 48) -> bytes:
    """A PNG file: a line on white."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(0 if x * height // width == y else 255 for x in range(width)) for y in range(height))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def evaluation(value: float, *, threshold: float = 2.5, champion: float | None = None) -> Record:
    """An evaluation.json of a regression."""
    gain = 0.0 if champion is None else champion - value
    champion_metrics = {} if champion is None else {"rmse": champion, "mae": champion * 0.7}
    why = "there is no champion yet" if champion is None else ""
    return {
        "regression_metrics": {"rmse": {"value": value}, "mae": {"value": value * 0.7}, "r2": {"value": 0.5612}},
        "metric": "rmse",
        "value": value,
        "threshold": threshold,
        "met": value <= threshold,
        "rows": 300,
        "champion": {
            "compared": champion is not None,
            "why": why,
            "gain": gain,
            "shortfall": max(0.0, -gain),
            "metrics": champion_metrics,
        },
    }


def statistics(shift: float) -> Record:
    """A statistics.json of two numeric features, the second one moved."""
    counts = (3, 12, 31, 58, 74, 66, 40, 19, 8, 2)
    features: list[Record] = []
    for name, moved in (("length", 0.0), ("shell_weight", shift)):
        buckets = [
            {"lower_bound": 0.1 * at + moved, "upper_bound": 0.1 * (at + 1) + moved, "count": float(count)}
            for at, count in enumerate(counts)
        ]
        common = {"num_present": 310, "num_missing": 3 if moved else 0}
        numbers: Record = {"common": common, "mean": 0.46 + moved, "std_dev": 0.19}
        numbers["distribution"] = {"kll": {"buckets": buckets}}
        features.append({"name": name, "inferred_type": "Fractional", "numerical_statistics": numbers})
    return {"version": 0.0, "dataset": {"item_count": 313}, "features": features}


VIOLATIONS = {
    "violations": [
        {
            "feature_name": "shell_weight",
            "constraint_check_type": "baseline_drift_check",
            "description": "Baseline drift distance: 0.6412 exceeds threshold: 0.1",
        },
        {
            "feature_name": "sex",
            "constraint_check_type": "categorical_values_check",
            "description": "Value: 0.7100 does not meet the constraint requirement! Expected at least 1.0",
        },
    ]
}


def trained(work: Path, number: int = 1) -> Record:
    """A training that succeeded and registered version 1."""
    record = run(record_of("training", TRAINING, number), skipped=("MetricNotMet",))
    output(work, record, "Preprocess", "train", train__csv=b"1,2\n")
    output(work, record, "DataQualityBaseline", "report", statistics__json=statistics(0.0), constraints__json={})
    output(
        work,
        record,
        "Evaluate",
        "evaluation",
        evaluation__json=evaluation(2.128),
        feature_importance__png=picture(),
        predicted_vs_actual__png=picture(),
    )
    write(work, record)
    return record


def refused(work: Path, number: int = 2) -> Record:
    """An inference without an approved model."""
    reason = (
        "No version of abalone-rings-local is approved, so nothing was predicted. "
        "Approve one: mlops approve --env local --version 1"
    )
    record = record_of("inference", INFERENCE, number)
    later = [step["name"] for step in record["steps"][2:] if step["name"] != "NoApprovedModel"]
    run(record, failing="NoApprovedModel", skipped=tuple(later), reason=reason)
    write(work, record)
    return record


def inferred(work: Path, training: Record, number: int = 3) -> Record:
    """An inference whose data and labels pass both quality checks; its preprocessing was cached."""
    record = run(
        record_of("inference", INFERENCE, number),
        skipped=("NoApprovedModel", "ModelQualityViolation", "LabelsNotMatched"),
    )
    named(record, "Preprocess")["cache_hit"] = True
    checked(work, record, training, {"violations": []}, shift=0.0)
    verdict(work, record, "PASS", 2.204)
    write(work, record)
    return record


def violated(work: Path, training: Record, number: int = 4) -> Record:
    """An inference that violates both quality checks."""
    reason = "rmse 3.871 on 500 labelled rows does not meet the threshold 2.5; train again: make local"
    skipped = ("NoApprovedModel",)
    record = run(
        record_of("inference", INFERENCE, number), skipped=skipped, failing="ModelQualityViolation", reason=reason
    )
    checked(work, record, training, VIOLATIONS, shift=0.35)
    verdict(work, record, "VIOLATION", 3.871)
    write(work, record)
    return record


def tuned(work: Path, number: int = 5) -> Record:
    """A tuning whose winner is better than the champion."""
    record = run(record_of("training-hpo", TUNING, number), skipped=("MetricNotMet",))
    jobs = [
        {
            "TrainingJobName": f"Tune-{record['id']}-{at:03d}",
            "TunedHyperParameters": {"eta": f"{0.05 * at + 0.0312345:.7f}", "max_depth": str(3 + at), "alpha": "0.5"},
            "FinalHyperParameterTuningJobObjectiveMetric": {
                "MetricName": "validation:rmse",
                "Value": 2.031 + 0.04 * at,
            },
        }
        for at in range(6)
    ]
    named(record, "Tune")["result"] = {"TrainingJobSummaries": jobs, "BestTrainingJob": jobs[0]}
    named(record, "RegisterModel")["note"] = "model version 2, waits for approval"
    output(
        work,
        record,
        "Evaluate",
        "evaluation",
        evaluation__json=evaluation(2.064, champion=3.912),
        feature_importance__png=picture(),
        residuals__png=picture(),
    )
    write(work, record)
    return record


def checked(work: Path, record: Record, training: Record, violations: Record, shift: float) -> None:
    """Give an inference the outputs of its data-quality check."""
    files = {"constraint_violations__json": violations, "statistics__json": statistics(shift)}
    output(work, record, "DataQualityCheck", "report", **files)
    baseline = named(training, "DataQualityBaseline")["files"][0]["s3_uri"]
    named(record, "DataQualityCheck")["result"] = {"BaselineUsedForDriftCheckStatistics": f"{baseline}/statistics.json"}
    number = len(violations["violations"])
    named(record, "DataQualityCheck")["note"] = f"{number} violations"
    outputs = {"DataQuality": "VIOLATION" if number else "PASS", "Violations": str(number)}
    named(record, "ReportDataQuality")["result"] = {"OutputParameters": outputs}


def verdict(work: Path, record: Record, kind: str, value: float) -> None:
    """Give an inference the verdict on its model."""
    rows = {"predicted": 500, "labelled": 500, "matched": 500}
    content = {"verdict": kind, "metric": "rmse", "value": value, "threshold": 2.5, "rows": rows}
    output(work, record, "ModelQuality", "verdict", verdict__json=content)
    named(record, "ModelQuality")["note"] = f"{kind}: rmse {value:g} against the threshold 2.5"


def package(version: int, approval: str, execution: Record) -> Record:
    """A model version as DescribeModelPackage returns it."""
    bucket = f"s3://{PROJECT}-local-123456789012"
    group = f"arn:aws:sagemaker:eu-central-1:123456789012:model-package/{PROJECT}-local"
    return {
        "ModelPackageGroupName": f"{PROJECT}-local",
        "ModelPackageVersion": version,
        "ModelPackageArn": f"{group}/{version}",
        "ModelPackageDescription": f"Abalone Rings, trained by {execution['kind']}",
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": approval,
        "ApprovalDescription": "The evaluation looks right." if approval == "Approved" else None,
        "CreationTime": START + timedelta(seconds=70 * version),
        "InferenceSpecification": {"Containers": [{"ModelDataUrl": f"{bucket}/executions/Train/model.tar.gz"}]},
        "ModelCard": {
            "ModelCardStatus": "PendingReview",
            "ModelCardContent": json.dumps(
                {
                    "model_overview": {"model_creator": "shells team"},
                    "intended_uses": {"purpose_of_model": "Tell the age of shells.", "risk_rating": "Low"},
                }
            ),
        },
        "CustomerMetadataProperties": {
            "champion": f"approved {group}/{version - 1}" if version > 1 else "approved ",
            "champion_value": "3.912" if version > 1 else "not compared",
            "git_commit": "0c9e4ee1f2a3b4c5d6e7f8091a2b3c4d5e6f7081",
            "build_id": "local",
            "data_version": "3f9a5c01d2e4",
            "execution": execution["id"],
            "pipeline": execution["pipeline"],
            "kind": execution["kind"],
            "metric": "rmse",
            "value": "2.128",
            **({"hp_eta": "0.0312345", "hp_max_depth": "3"} if execution["kind"] == "training-hpo" else {}),
        },
    }


def events(work: Path) -> None:
    """Write some events in the form of the bus's file."""
    kinds = ["SageMaker Model Building Pipeline Execution Step Status Change"] * 40
    kinds += ["SageMaker Model Building Pipeline Execution Status Change"] * 10 + [
        "SageMaker Model Package State Change"
    ] * 4
    lines = [json.dumps({"source": "aws.sagemaker", "detail-type": kind, "detail": {}}) for kind in kinds]
    (work / "events.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")


def mails(work: Path, **fields: str | None) -> None:
    """Write an e-mail as SNS would have sent it."""
    mail = {"time": moment(0), "topic": "arn:aws:sns:eu-central-1:123456789012:notifications", **fields}
    with (work / "emails.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(mail)}\n")


def rehearsal(work: Path) -> tuple[list[Record], list[RehearsedStep]]:
    """Write the records of a rehearsal.

    Returns:
        the model packages and the steps.
    """
    first = trained(work)
    records = [first, refused(work), inferred(work, first), violated(work, first), tuned(work)]
    events(work)
    text = f"Training succeeded.\n\nExecution: {first['arn']}\n\nmlops status --env local\n"
    for to in ("ml-team@example.com", None):
        mails(work, to=to, subject=f"{PROJECT} local: training succeeded", text=text)
    steps = [
        ("A model is trained", "the metric meets the threshold; version 1 awaits approval", first),
        ("A batch arrives before approval", "nothing is predicted", records[1]),
        ("A reviewer approves version 1", "inference uses it from now on", None),
        ("The labels of the batch arrive", "the predictions agree with them", records[2]),
        ("A drifted batch arrives", "the model quality check reports a violation", records[3]),
        ("The model is tuned on the new rows", "the new version beats version 1", records[4]),
    ]
    rehearsed = [
        RehearsedStep(title, expected, "", record["id"] if record else None) for title, expected, record in steps
    ]
    return [package(1, "Approved", first), package(2, "PendingManualApproval", records[4])], rehearsed
