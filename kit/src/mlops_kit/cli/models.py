"""approve, reject, adopt."""

from __future__ import annotations

import argparse

from mlops_kit.aws import promote_hyperparameters, registry
from mlops_kit.cli.connection import connected
from mlops_kit.project import Project


def approve(project: Project, arguments: argparse.Namespace) -> None:
    """Approve a version of the model."""
    with connected(project, arguments.environment) as environment:
        package = registry.to_decide(environment, arguments.version, "approve")
        print(package)
        registry.approve(environment, package.version, arguments.comment, arguments.evidence)
        if later := registry.preferred_to(environment, package):
            versions = ", ".join(str(newer.version) for newer in later)
            print(
                f"version {package.version} is approved; the inference pipeline still uses version {later[0].version}, "
                f"the latest approved one; to return to version {package.version}, reject {versions}: "
                f"mlops reject --env {environment.name} --version {later[0].version} --comment ..."
            )
        else:
            print(f"version {package.version} is approved: the inference pipeline uses it from now on")


def reject(project: Project, arguments: argparse.Namespace) -> None:
    """Reject a version of the model."""
    with connected(project, arguments.environment) as environment:
        package = registry.to_decide(environment, arguments.version, "reject")
        print(package)
        registry.reject(environment, package.version, arguments.comment)
        print(f"version {package.version} is rejected")


def adopt(project: Project, arguments: argparse.Namespace) -> None:
    """Write the hyperparameters of a tuned version into the config."""
    with connected(project, arguments.environment) as environment:
        changed = promote_hyperparameters.adopt_hyperparameters(environment, project.root, arguments.version)
    for name, (old, new) in changed.items():
        print(f"{name}: {old} -> {new}")
    print(
        "config/hyperparameters.yaml is changed; commit it and deploy"
        if changed
        else "config/hyperparameters.yaml has these values already"
    )
