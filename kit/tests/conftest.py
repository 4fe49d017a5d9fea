"""The kit's tests run it on an example project; the example is written once for each worker, and not generated."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import moto_cloud
from example import Example, make_example
from mlops_jobs.contract import Contract, load_contract
from mlops_kit.aws.environment import Environment
from mlops_kit.project import open_project

# The same examples on every run and machine, however busy it is.
settings.register_profile(
    "kit",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("kit")

# Test modules import the example's pipelines while they are collected, so it is written before that.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the SDK cannot be imported without one
PROJECT = make_example(Path(tempfile.mkdtemp(prefix="example-")) / "project")
open_project(PROJECT).activate()


def pytest_unconfigure() -> None:
    """Remove the example."""
    shutil.rmtree(PROJECT.parent, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def no_git_settings() -> Iterator[None]:
    """Hide the user's own git settings, and give git an author."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)  # a git hook that runs the tests sets GIT_DIR
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ada")
            patch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


@pytest.fixture(scope="session")
def project() -> Path:
    """The example project with the default answers, to read."""
    return PROJECT


@pytest.fixture(scope="session")
def own_contract() -> Contract:
    """The example's contract."""
    return load_contract(PROJECT / "config" / "dataset.yaml")


@pytest.fixture
def example(tmp_path: Path) -> Example:
    """Make an example project with other answers."""
    numbers = count(1)

    def make(**answers: Any) -> Path:
        return make_example(tmp_path / f"example{next(numbers)}", **answers)

    return make


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The URL of a moto server that the tests of a module share."""
    with moto_cloud.moto_server() as url:
        yield url


@pytest.fixture
def environment(endpoint: str) -> Environment:
    """An environment of the test's own on that server."""
    return moto_cloud.make_environment(endpoint)


@pytest.fixture
def root(project: Path, tmp_path: Path) -> Path:
    """A project that the test may change."""
    return moto_cloud.own_copy(project, tmp_path / "project")
