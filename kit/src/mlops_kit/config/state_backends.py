"""Compare the backend files of Terraform's states with the environments.

A backend file cannot use variables, so it repeats an environment's account and region.
"""

from __future__ import annotations

import re
from pathlib import Path

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import environment_names, load_environment
from mlops_kit.project import open_project

LINE = re.compile(r'^\s*(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)


def check_backends(root: Path) -> None:
    """Compare each backend file in infra/envs/ with its environment.

    Raises:
        UserError: one names a bucket or a region of another account, or a key that CI may not write.
    """
    for name in environment_names(root):
        path = open_project(root).infrastructure / "envs" / f"{name}.s3.tfbackend"
        if path.exists():
            _check(path, name, root)


def _check(path: Path, name: str, root: Path) -> None:
    environment, backend = load_environment(name, root), dict(LINE.findall(path.read_text(encoding="utf-8")))
    place = path.relative_to(root).as_posix()
    expected = {"bucket": f"{environment.project}-tfstate-{environment.account_id}", "region": environment.region}
    for key, value in expected.items():
        if backend.get(key) != value:
            raise UserError(
                f"{place}: {key} is {backend.get(key)!r}, but {environment.source} requires {value!r}; write that, so "
                "that Terraform finds the state"
            )
    if not backend.get("key", "").startswith(f"{name}/"):
        raise UserError(
            f"{place}: key is {backend.get('key')!r} and must begin with {name}/, where the roles of CI may write"
        )
