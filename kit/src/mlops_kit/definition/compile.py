"""Compile the project's pipelines to text that depends on the project's files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_jobs.errors import UserError
from mlops_kit.config.own_steps import OwnSteps
from mlops_kit.definition.offline import offline_import
from mlops_kit.definition.sdk_session import sdk_environment
from mlops_kit.project import open_project

if TYPE_CHECKING:
    from sagemaker.mlops.workflow.pipeline import Pipeline


def compile_all(root: Path) -> dict[str, str]:
    """Compile the pipelines of a project: the text of each definition, by kind.

    The definitions are of no environment: they have placeholders like ${bucket} until they are bound to one.

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
    texts = {kind: compile_pipeline(build(settings)) for kind, build in builders.items()}
    if isinstance(own_steps := getattr(settings, "steps", None), OwnSteps):
        own_steps.refuse_the_rest()  # all definitions have now read theirs
    return texts


def compile_pipeline(pipeline: Pipeline) -> str:
    """The text of one pipeline's definition."""
    with sdk_environment():
        definition = json.loads(pipeline.definition())
    return json.dumps(definition, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_compiled(folder: Path, root: Path) -> dict[str, Path]:
    """Compile the pipelines of a project into a folder; return the files by kind."""
    texts = compile_all(root)
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for kind, text in texts.items():
        written[kind] = folder / f"{kind}.json"
        written[kind].write_text(text, encoding="utf-8", newline="\n")
    return written
