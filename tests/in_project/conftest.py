"""Tests of the modules that the template owns in a generated project, imported from a project that was just generated.

The project lies at the same place in every run, so that coverage can map its files back to the tree's.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import copier
import pytest

from support import ROOT, clean_copy

PROJECT = ROOT / "build" / "in_project" / os.environ.get("PYTEST_XDIST_WORKER", "main")

# Before any test module is collected: they import local, pipelines and the jobs from there.
shutil.rmtree(PROJECT, ignore_errors=True)
copier.run_copy(str(clean_copy(PROJECT.with_name(f"{PROJECT.name}-template"))), PROJECT, defaults=True, quiet=True)
sys.path[:0] = [str(PROJECT), str(PROJECT / "jobs")]

import moto_cloud  # noqa: E402 - it imports pipelines
from pipelines.environment import Environment  # noqa: E402


@pytest.fixture(scope="session")
def project() -> Path:
    """The default project that `local`, `pipelines` and the jobs are imported from."""
    return PROJECT


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Where a moto server answers that the tests of a module share."""
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
