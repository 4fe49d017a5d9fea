"""local demo: a module of its own, because its compilation starts before anything slow is imported."""

from __future__ import annotations

import argparse

from mlops_kit.definition.background import Compilation
from mlops_kit.project import Project


def demo(project: Project, arguments: argparse.Namespace) -> None:
    """Rehearse the life cycle of a model, from training to retuning."""
    with Compilation(project.root) as compilation:
        from mlops_kit.rehearsal.run import rehearse

        rehearse(project, arguments.threshold, infrastructure=arguments.infra, definitions=compilation.definitions)
