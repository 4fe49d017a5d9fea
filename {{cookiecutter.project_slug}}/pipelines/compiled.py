"""Definitions as text: compiled from the project's files alone, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import ROOT
from pipelines.offline import offline_import
from pipelines.settings import KINDS, load_settings

if TYPE_CHECKING:
    from sagemaker.mlops.workflow.pipeline import Pipeline


def compile_all(root: Path = ROOT) -> dict[str, str]:
    """Compile the three pipelines of a project: the text of each definition, by kind.

    Nothing of an environment is in them: ${names} stand for it until they are bound.

    Raises:
        JobError: the configuration cannot be.
    """
    with offline_import():
        from pipelines import inference, training, training_hpo  # here, since the SDK takes seconds to import

    settings = load_settings(root)
    builders = dict(zip(KINDS, (training.build, training_hpo.build, inference.build), strict=True))
    return {kind: compile_pipeline(build(settings)) for kind, build in builders.items()}


def compile_pipeline(pipeline: Pipeline) -> str:
    """The text of one pipeline's definition."""
    definition = json.loads(pipeline.definition())
    return json.dumps(definition, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_compiled(folder: Path, root: Path = ROOT) -> dict[str, Path]:
    """Compile the pipelines of a project into a folder: the file of each, by kind."""
    texts = compile_all(root)
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for kind, text in texts.items():
        written[kind] = folder / f"{kind}.json"
        written[kind].write_text(text, encoding="utf-8", newline="\n")
    return written
