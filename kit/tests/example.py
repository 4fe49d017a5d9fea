"""An example project to run the kit on: the template's plain folders, and its config/ rendered with some answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2

Example = Callable[..., Path]  # makes an example project of some answers

TREE = Path(__file__).parents[2] / "{{cookiecutter.project_slug}}"
PLAIN = ("jobs", "lambdas", "pipelines", "infra")
RENDERED = ("config", "infra/envs")
CACHES = shutil.ignore_patterns("__pycache__", ".terraform*", "build")

ANSWERS: dict[str, Any] = {
    "project_name": "Abalone Rings",
    "project_slug": "abalone-rings",
    "dataset_name": "abalone",
    "problem_type": "regression",
    "target_column": "rings",
    "numeric_columns": "length, diameter, height, whole_weight, shucked_weight, viscera_weight, shell_weight",
    "categorical_columns": "sex",
    "id_column": "",
    "header": True,
    "aws_region": "eu-west-1",
    "aws_account_id": "123456789012",
    "batch_inference": "processing",
    "triggers": "s3",
    "notification_email": "",
    "ci": "gitlab",
}
METRICS = {"regression": ("rmse", "2.5"), "binary": ("roc_auc", "0.8"), "multiclass": ("f1_macro", "0.8")}


def make_example(folder: Path, **answers: Any) -> Path:
    """Write an example project into a folder that does not exist yet, and return the folder.

    Args:
        folder: where to.
        answers: those that differ from ANSWERS, as the template's questions name them.
    """
    chosen = {**ANSWERS, **answers}
    metric, threshold = METRICS[chosen["problem_type"]]
    chosen = {"metric": metric, "metric_threshold": threshold, **chosen}
    for name in PLAIN:
        shutil.copytree(TREE / name, folder / name, ignore=CACHES)
    for name in RENDERED:
        for path in (TREE / name).rglob("*"):
            if path.is_file():
                _render(path, folder / path.relative_to(TREE), chosen)
    _render(TREE / "pyproject.toml", folder / "pyproject.toml", chosen)
    (folder / "data").mkdir()
    return folder


def _render(source: Path, target: Path, answers: dict[str, Any]) -> None:
    environment = jinja2.Environment(
        comment_start_string="{##",
        comment_end_string="##}",
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    text = environment.from_string(source.read_text(encoding="utf-8")).render(cookiecutter=answers)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")
