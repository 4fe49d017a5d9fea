"""Hold the names of an environment that Terraform creates to the strictest service that each of them reaches.

Terraform refuses the same (infra/live, infra/modules/names), but only when somebody plans.
"""

from __future__ import annotations

import re
from pathlib import Path

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import Environment, environment_names, load_environment
from mlops_kit.config import names
from mlops_kit.project import open_project


def check_terraform_names(root: Path) -> None:
    """Check each environment that has variables in infra/envs/.

    Raises:
        UserError: a name is one that AWS or Terraform would refuse.
    """
    for name in environment_names(root):
        if (open_project(root).infrastructure / "envs" / f"{name}.tfvars").is_file():
            _check(load_environment(name, root))


def _check(environment: Environment) -> None:
    if not re.fullmatch(names.TERRAFORM_ENVIRONMENT[0], environment.name):
        raise UserError(
            f"{environment.source}: Terraform takes no environment {environment.name!r}: the file's name must be "
            f"{names.TERRAFORM_ENVIRONMENT[1]}; rename it and its files in infra/envs/"
        )
    prefix = f"{environment.project}-{environment.name}"
    if len(prefix) > names.MAX_NAME_PREFIX:
        raise UserError(
            f"{environment.source}: every name begins with {prefix}, which has {len(prefix)} characters, and with more "
            f"than {names.MAX_NAME_PREFIX} a rule of EventBridge would have more than 64; shorten this file's name, or "
            "project in config/pipelines.yaml"
        )
    if len(environment.bucket) > names.MAX_BUCKET_WITH_LOGS:
        raise UserError(
            f"{environment.source}: bucket is {environment.bucket!r}; it must have {names.MAX_BUCKET_WITH_LOGS} "
            f"characters at most, because the bucket {environment.bucket}-logs exists, too"
        )
