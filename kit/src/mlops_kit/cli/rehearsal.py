"""local demo: a module of its own, because its compilation starts before anything slow is imported."""

from __future__ import annotations

import argparse
import gc

from mlops_kit.definition.background import Compilation
from mlops_kit.project import Project


def demo(project: Project, arguments: argparse.Namespace) -> None:
    """Rehearse the life cycle of a model, from training to retuning."""
    with Compilation(project.root) as compilation:
        gc.disable()  # what is imported stays
        from mlops_kit.rehearsal.run import rehearse

        gc.freeze()
        gc.enable()
        rehearse(project, arguments.threshold, infrastructure=arguments.infra, definitions=compilation.definitions)
