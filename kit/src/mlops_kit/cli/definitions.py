"""compile, check, diff, deploy."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import LOCAL
from mlops_kit.cli.connection import connected
from mlops_kit.project import Project

CHANGED = 2  # the exit code of `diff --exit-code`


def compile_definitions(project: Project, arguments: argparse.Namespace) -> None:
    """Write the pipeline definitions."""
    from mlops_kit.definition.compile import write_compiled

    for kind, path in write_compiled(arguments.output, project.root).items():
        print(f"{kind}: {path} ({path.stat().st_size / 1024:.0f} KB)")


def check(project: Project, arguments: argparse.Namespace) -> None:
    """Check the configuration, and the definitions as compiled or as they would be deployed."""
    from mlops_kit.aws.deployment import find_faults
    from mlops_kit.checks import training_images
    from mlops_kit.checks.conflict_markers import check_conflict_markers
    from mlops_kit.checks.own_features import check_own_features
    from mlops_kit.checks.own_metrics import check_own_metrics
    from mlops_kit.config.events import check_events
    from mlops_kit.config.state_backends import check_backends
    from mlops_kit.config.terraform_names import check_terraform_names

    if not project.pipelines:
        raise UserError(f"{project.root} is not a project: no pyproject.toml here or above has [tool.mlops.pipelines]")
    check_conflict_markers(project.root)
    check_own_features(project.root)
    check_own_metrics(project.root)
    check_events(project.root)
    check_terraform_names(project.root)
    check_backends(project.root)
    definitions = _definitions(project, arguments.environment)
    faults = find_faults(definitions)
    if arguments.environment is None:
        faults += training_images.find_faults(definitions, project.root)
    print("\n".join(faults) or f"no faults in {', '.join(definitions)}")
    if faults:
        sys.exit(1)


def _definitions(project: Project, environment_name: str | None) -> dict[str, Mapping[str, Any]]:
    """The definitions by name: as compiled, or bound to an environment."""
    from mlops_kit.aws import refusals
    from mlops_kit.aws.deployment import desired_pipelines
    from mlops_kit.definition.compile import compile_all
    from mlops_kit.definition.lineage import read_lineage

    if environment_name is None:
        return {kind: json.loads(text) for kind, text in compile_all(project.root).items()}
    with connected(project, environment_name) as environment:
        lineage = read_lineage(project.root)
        desired = desired_pipelines(refusals.with_key(environment), project.root, lineage)
    return {pipeline.name: pipeline.definition for pipeline in desired.values()}


def diff(project: Project, arguments: argparse.Namespace) -> None:
    """Show what a deployment would change, or the differences from definitions that were compiled elsewhere."""
    from mlops_kit.aws import deployment
    from mlops_kit.definition import changes
    from mlops_kit.definition.compile import compile_all

    if arguments.against:
        differences = changes.compare_compiled(arguments.against, compile_all(project.root))
    else:
        with connected(project, arguments.environment) as environment:
            differences = deployment.diff(environment, project.root)
    print("\n\n".join(map(changes.render, differences.values())))
    if arguments.exit_code and any(differences.values()):
        sys.exit(CHANGED)


def deploy(project: Project, arguments: argparse.Namespace) -> None:
    """Upload the code, and create or update the pipelines."""
    from mlops_kit.aws import deployment

    with connected(project, arguments.environment) as environment:
        deployment.deploy(environment, project.root)
        if environment.name == LOCAL:
            from mlops_kit.local_cloud import daemon

            daemon.note_deployed(project.root)
