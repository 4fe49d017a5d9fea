"""The backend file of a Terraform state must agree with its environment."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.config.state_backends import check_backends

BACKEND = Path("infra", "envs", "dev.s3.tfbackend")


@pytest.fixture
def root(project: Path, root: Path) -> Path:
    """A project that the test may change, with the backend files of its environments."""
    shutil.copytree(project / "infra" / "envs", root / "infra" / "envs", dirs_exist_ok=True)
    return root


def change(root: Path, file: Path, old: str, new: str) -> None:
    text = (root / file).read_text(encoding="utf-8")
    assert old in text
    (root / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_generated_files_agree(root: Path) -> None:
    assert (root / BACKEND).exists()
    check_backends(root)


def test_another_account_is_refused_with_the_value_to_write(root: Path) -> None:
    change(root, Path("config", "environments", "dev.yaml"), "123456789012", "111122223333")
    with pytest.raises(
        UserError, match=r"dev\.s3\.tfbackend: bucket is .*123456789012.*'abalone-rings-tfstate-111122223333'"
    ):
        check_backends(root)


def test_another_region_is_refused(root: Path) -> None:
    change(root, BACKEND, "eu-west-1", "eu-west-2")
    with pytest.raises(
        UserError, match=r"region is 'eu-west-2', but config/environments/dev\.yaml requires 'eu-west-1'"
    ):
        check_backends(root)


def test_a_key_that_ci_may_not_write_is_refused(root: Path) -> None:
    change(root, BACKEND, "dev/live.tfstate", "live.tfstate")
    with pytest.raises(UserError, match="must begin with dev/"):
        check_backends(root)


def test_an_environment_without_infrastructure_needs_no_backend(root: Path) -> None:
    (root / BACKEND).unlink()
    check_backends(root)
