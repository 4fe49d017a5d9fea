"""`mlops check` refuses a project with an unresolved conflict, and nothing that only looks like one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.checks.conflict_markers import check_conflict_markers, find_conflicts
from mlops_kit.cli.main import main

# Written in parts, so that the check does not find this file.
OURS, BASE, DIVIDER, THEIRS = "<" * 7, "|" * 7, "=" * 7, ">" * 7
CONFLICT = f"before\n{OURS} before updating\na: 1\n{DIVIDER}\na: 2\n{THEIRS} after updating\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    "name", ["config/pipelines.yaml", "README.md", "jobs/train.py", "Makefile", ".github/workflows/ci.yml", "a b/ä.txt"]
)
def test_markers_are_found_in_every_text_file(repository: Path, name: str) -> None:
    write(repository / name, CONFLICT)
    assert find_conflicts(repository) == [f"{name}:2"], "a new file"
    git(repository, "add", "--all")
    assert find_conflicts(repository) == [f"{name}:2"], "a tracked file"


@pytest.mark.parametrize(
    "text",
    [
        CONFLICT.replace("\n", "\r\n"),
        f"{OURS}\na\n{BASE}\nb\n{DIVIDER}\nc\n{THEIRS}\n",
        f"{OURS} HEAD\n",
        f"the rest of one\n{THEIRS} branch\n",
        f"{OURS} HEAD\n".encode() + "Größe\n".encode("latin-1"),
    ],
)
def test_a_conflict_is_found_in_each_form_that_git_writes(repository: Path, text: str | bytes) -> None:
    write(repository / "file", text)
    assert len(find_conflicts(repository)) == 1


def test_a_file_with_a_rejected_change_is_found(repository: Path) -> None:
    write(repository / "Makefile.rej", "diff a/Makefile b/Makefile\n")
    assert find_conflicts(repository) == ["Makefile.rej"]


@pytest.mark.parametrize(
    "text",
    [
        f"Title\n{DIVIDER}\n\ntext\n",
        f"{DIVIDER}{DIVIDER}\nTitle\n{DIVIDER}{DIVIDER}\n",
        f">>> a prompt\n{THEIRS}> a quotation of a quotation\n",
        f"text in which {OURS} HEAD is quoted\n",
        f"    {OURS} an indented example\n",
        f"{OURS[1:]} six\n",
    ],
)
def test_what_only_looks_like_a_conflict_is_not_one(repository: Path, text: str) -> None:
    write(repository / "README.md", text)
    assert find_conflicts(repository) == []


def test_ignored_and_binary_files_are_not_read(repository: Path) -> None:
    write(repository / ".gitignore", "build/\n")
    write(repository / "build" / "log.txt", CONFLICT)
    write(repository / "vendor" / "kit.whl", b"PK\0\0\n" + CONFLICT.encode())
    assert find_conflicts(repository) == []


def test_a_file_that_is_deleted_or_a_link_to_nowhere_is_passed_over(repository: Path) -> None:
    write(repository / "deleted.txt", CONFLICT)
    git(repository, "add", "--all")
    (repository / "deleted.txt").unlink()
    (repository / "link").symlink_to("nowhere")
    assert find_conflicts(repository) == []


def test_a_folder_without_git_has_no_conflicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    write(tmp_path / "README.md", CONFLICT)
    assert find_conflicts(tmp_path) == []
    monkeypatch.setenv("PATH", "")
    assert find_conflicts(tmp_path) == []


def test_a_refusal_names_the_first_places_and_the_remedy(repository: Path) -> None:
    for number in range(7):
        write(repository / f"{number}.txt", CONFLICT)
    with pytest.raises(UserError) as refused:
        check_conflict_markers(repository)
    assert str(refused.value) == (
        "unresolved conflicts in 0.txt:2, 1.txt:2, 2.txt:2, 3.txt:2, 4.txt:2 and 2 more; edit each file, keep one "
        "side, remove the markers, and delete each .rej file once its change is applied"
    )


def test_the_check_of_a_project_names_a_conflict_before_it_reads_the_configuration(root: Path) -> None:
    git(root, "init", "--quiet")
    write(root / "config" / "pipelines.yaml", CONFLICT)
    with pytest.raises(UserError, match=r"unresolved conflicts in config/pipelines.yaml:2; edit each file"):
        main(["check"], root)
