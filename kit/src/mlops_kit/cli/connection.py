"""The environment of a command: loaded, with the caller's account checked and AWS's errors as plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlops_kit.aws import refusals
from mlops_kit.aws.environment import LOCAL, Environment, load_environment
from mlops_kit.aws.terraform_outputs import with_outputs
from mlops_kit.project import Project


@contextmanager
def connected(project: Project, name: str) -> Iterator[Environment]:
    """The environment of a name, with the names and ids that Terraform has published.

    Raises:
        UserError: there is no such environment, the credentials belong to another account, or AWS refuses a request.
    """
    if name == LOCAL:
        from mlops_kit.local_cloud import daemon

        daemon.require(project.root)
    environment = load_environment(name, project.root)
    with refusals.in_sentences(environment):
        refusals.caller(environment)  # nothing is read or changed in another account
        environment = with_outputs(environment)
    with refusals.in_sentences(environment):
        yield environment
