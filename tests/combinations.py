"""The projects that the parity and matrix tests make: every pair of options, and each option by itself."""

from __future__ import annotations

from typing import Any

from allpairspy import AllPairs

OPTIONS: dict[str, list[Any]] = {
    "goal": [
        ("regression", "rmse", "2.5"),
        ("regression", "mae", "1.8"),
        ("regression", "mse", "12"),
        ("regression", "r2", "0.5"),
        ("binary", "roc_auc", "0.8"),
        ("binary", "accuracy", "1"),
        ("binary", "f1", "0.75"),
        ("binary", "log_loss", "1.2"),
        ("multiclass", "f1_macro", "0.8"),
        ("multiclass", "accuracy", "0.9"),
        ("multiclass", "log_loss", "0.5"),
    ],
    "header": [True, False],
    "id_column": ["", "specimen_id"],
    "target_column": ["rings", "class", "Größe in %"],
    "numeric_columns": ["", "length", "length, sepal length (cm), 体重, _x.1-a"],
    "categorical_columns": ["", "sex", "sex, lieu de pêche, no"],
    "project_name": ["Abalone Rings", "Größe & Alter (v2.0), Küste"],
    "dataset_name": ["abalone", "north-sea_2024"],
    "aws_region": ["eu-west-1", "us-gov-west-1"],
    "aws_account_id": ["123456789012", "000000000012"],
    "batch_inference": ["processing", "transform"],
    "triggers": ["s3", "schedule", "both"],
    "notification_email": ["", "ml-team@example.com"],
    "ci": ["gitlab", "none"],
    "own_image": ["none", "docker"],
}

TOGGLED: list[dict[str, Any]] = [
    {},
    {"project_slug": "rings"},
    {"project_name": "数据"},
    {"dataset_name": "a1"},
    {"problem_type": "binary"},
    {"problem_type": "multiclass"},
    {"target_column": "sex"},
    {"target_column": "length"},
    {"numeric_columns": "rings per year", "target_column": "age"},
    {"categorical_columns": ""},
    {"id_column": "specimen id"},
    {"header": False},
    {"metric": "mae"},
    {"metric_threshold": "0.000001"},
    {"aws_region": "cn-north-1"},
    {"aws_account_id": "012345670123"},
    {"batch_inference": "transform"},
    {"triggers": "both"},
    {"notification_email": "a_B.c%d+e-f@x-1.example.co.uk"},
    {"ci": "none"},
    {"own_image": "docker"},
]


def has_a_feature(row: list[Any]) -> bool:
    """Tell whether a row names a feature; a row that is not complete yet may still get one."""
    options = dict(zip(OPTIONS, row, strict=False))
    return any(options.get(kind, "later") for kind in ("numeric_columns", "categorical_columns"))


def answers(row: list[Any]) -> dict[str, Any]:
    """Turn a row of the table into answers."""
    chosen = dict(zip(OPTIONS, row, strict=True))
    problem_type, metric, threshold = chosen.pop("goal")
    return {"problem_type": problem_type, "metric": metric, "metric_threshold": threshold, **chosen}


PAIRWISE = [answers(row) for row in AllPairs(list(OPTIONS.values()), filter_func=has_a_feature)]


def name(answers: dict[str, Any]) -> str:
    """Name a project after what it answers."""
    return " ".join(f"{question}={answer}" for question, answer in answers.items()) or "defaults"
