"""Definitions as text: compiled from the project's files alone, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_jobs.errors import UserError
from mlops_kit.definition.offline import offline_import
from mlops_kit.project import open_project

if TYPE_CHECKING:
    from sagemaker.mlops.workflow.pipeline import Pipeline


def compile_all(root: Path) -> dict[str, str]:
    """Compile the pipelines of a project: the text of each definition, by kind.

    They hold nothing of an environment: placeholders like ${bucket} stand for it until they are bound.

    Raises:
        UserError: the configuration is refused.
    """
    project = open_project(root)
    if not project.pipelines:
        raise UserError(f"{root}: pyproject.toml has no [tool.mlops.pipelines]; see docs/pipelines.md")
    project.activate()
    with offline_import():  # here, since the SDK takes seconds to import
        builders = {kind: project.builder(kind) for kind in project.kinds}
    settings = project.load_settings()
    return {kind: compile_pipeline(build(settings)) for kind, build in builders.items()}


def compile_pipeline(pipeline: Pipeline) -> str:
    """The text of one pipeline's definition."""
    definition = json.loads(pipeline.definition())
    return json.dumps(definition, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_compiled(folder: Path, root: Path) -> dict[str, Path]:
    """Compile the pipelines of a project into a folder: the file of each, by kind."""
    texts = compile_all(root)
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for kind, text in texts.items():
        written[kind] = folder / f"{kind}.json"
        written[kind].write_text(text, encoding="utf-8", newline="\n")
    return written
