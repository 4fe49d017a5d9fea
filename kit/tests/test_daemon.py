"""What a local cloud writes about itself between commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.local_cloud import daemon
from mlops_kit.runner.work_folder import DEPLOYED, ENVIRONMENT, STATE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a working folder."""
    (tmp_path / ".local").mkdir()
    return tmp_path


def test_its_files_are_in_the_working_folder_of_the_project(root: Path) -> None:
    daemon.note_deployed(root)
    assert (root / ".local" / DEPLOYED).is_file()


def test_a_change_of_a_deployed_file_is_noticed(root: Path) -> None:
    daemon.note_deployed(root)
    assert not daemon.has_changed(root)
    (root / "lambdas" / "notify").mkdir(parents=True)
    (root / "lambdas" / "notify" / "handler.py").touch()
    assert daemon.has_changed(root)


def test_a_cloud_that_has_died_is_reported_and_its_files_can_be_removed(root: Path) -> None:
    work = root / ".local"
    (work / STATE).write_text('{"address": "http://127.0.0.1:9/x", "endpoint": "http://127.0.0.1:9"}', encoding="utf-8")
    (work / ENVIRONMENT).touch()
    with pytest.raises(UserError, match=r"nothing answers at http://127\.0\.0\.1:9 any more"):
        daemon.require(root)
    daemon.tidy(root)
    assert list(work.iterdir()) == []


def test_only_addresses_of_this_machine_are_contacted() -> None:
    assert not daemon.answers("http://example.com/local-cloud/1")
