"""The training image of every environment fits the definitions: `mlops check` refuses what `mlops deploy` would.

A definition is the same in every environment, and only its training image decides whether it may have
MetricDefinitions, and which objectives and ranges a tuning may have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops_kit.aws.environment import bind_training_images, environment_names, load_environment
from mlops_kit.checks import metrics
from mlops_kit.definition.model import Definition


def find_faults(definitions: Mapping[str, Mapping[str, Any]], root: Path) -> Iterator[str]:
    """The faults that compiled definitions have only with the image of an environment, one sentence each.

    Args:
        definitions: the definitions by kind.
        root: the project, with config/environments/.

    Raises:
        UserError: an environment's image is not of the kind that training_image in config/pipelines.yaml names.
    """
    for name in environment_names(root):
        environment = load_environment(name, root)
        for kind, definition in definitions.items():
            known = list(metrics.check(Definition(definition)))
            for finding in metrics.check(Definition(bind_training_images(definition, environment))):
                if finding not in known:
                    yield f"{environment.source}: {kind}: {finding}."
