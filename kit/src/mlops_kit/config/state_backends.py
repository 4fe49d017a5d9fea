"""Where Terraform keeps its states, held against the environments.

A backend file of Terraform takes no variables, so account and region stand in it once more than they should.
"""

from __future__ import annotations

import re
from pathlib import Path

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import environment_names, load_environment
from mlops_kit.project import open_project

LINE = re.compile(r'^\s*(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)


def check_backends(root: Path) -> None:
    """Hold each backend file in infra/envs/ against the environment that it is for.

    Raises:
        UserError: one names a bucket or a region of another account, or a key that CI may not touch.
    """
    for name in environment_names(root):
        path = open_project(root).infrastructure / "envs" / f"{name}.s3.tfbackend"
        if path.exists():
            _check(path, name, root)


def _check(path: Path, name: str, root: Path) -> None:
    environment, given = load_environment(name, root), dict(LINE.findall(path.read_text(encoding="utf-8")))
    wanted = {"bucket": f"{environment.project}-tfstate-{environment.account_id}", "region": environment.region}
    for key, value in wanted.items():
        if given.get(key) != value:
            raise UserError(
                f"{path.relative_to(root).as_posix()}: {key} is {given.get(key)!r}, and by {environment.source} it is "
                f"{value!r}: write that, so that Terraform finds the state"
            )
    if not given.get("key", "").startswith(f"{name}/"):
        raise UserError(
            f"{path.relative_to(root).as_posix()}: key is {given.get('key')!r} and must begin with {name}/, which is "
            "what the roles of CI may touch"
        )
