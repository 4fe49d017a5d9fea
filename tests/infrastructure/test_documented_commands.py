"""The commands that a project's pages show can be pasted as they are, in their order."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from terraform import environment, require_terraform

AWS = """#!/bin/sh
echo "$@" >> calls
case "$2" in
  get-queue-url) echo https://sqs.example/queue ;;
  receive-message) cat received ;;
esac
"""
MESSAGE = {"Messages": [{"Body": '{"detail-type": "Retraining Decision"}', "ReceiptHandle": "handle-1"}]}


def shown(project: Path, page: str, heading: str) -> list[str]:
    """The blocks of commands under a heading of a page."""
    text = (project / "docs" / page).read_text("utf-8")
    section = re.split(r"^#", text.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", section, re.MULTILINE)
    assert blocks, f"{page}: {heading} shows no command"
    return [re.sub("^    ", "", block, flags=re.MULTILINE) for block in blocks]


def paste(commands: str, folder: Path, **variables: str) -> str:
    """Run commands in a shell that stops at the first error, and return what they print."""
    done = subprocess.run(
        ["bash", "-euc", commands], cwd=folder, env={**environment(), **variables}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.terraform
def test_terraform_s_own_tests_pass_as_the_page_runs_them(projects: dict[str, Path], tmp_path: Path) -> None:
    project = shutil.copytree(projects["default"], tmp_path / "project")
    [commands] = shown(project, "infrastructure.md", "Test it without an account")
    variables = {"TF_CLI_ARGS_init": f"-plugin-dir={require_terraform()}", "MAKEFLAGS": f"VENV={sys.prefix}"}
    printed = paste(commands, project, **variables)
    assert printed.count("Success!") == len(list((project / "infra").glob("*/tests"))) == 2


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    """A folder with a command `aws` that answers with the file `received`."""
    command = tmp_path / "bin" / "aws"
    command.parent.mkdir()
    command.write_text(AWS, "utf-8")
    command.chmod(0o755)
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "calls").touch()
    return tmp_path


def replay(project: Path, queue: Path, *blocks: int) -> str:
    commands = shown(project, "runbook.md", "Replay an event from a dead-letter queue")
    path = f"{queue / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return paste("\n".join(commands[number] for number in blocks), queue, PATH=path)


def test_an_event_is_replayed_from_a_dead_letter_queue(projects: dict[str, Path], queue: Path) -> None:
    (queue / "received").write_text(json.dumps(MESSAGE), "utf-8")
    replay(projects["default"], queue, 0, 1)
    assert json.loads((queue / "event.json").read_text("utf-8")) == {"detail-type": "Retraining Decision"}
    calls = (queue / "calls").read_text("utf-8")
    assert "lambda invoke --function-name" in calls
    assert "sqs delete-message --queue-url https://sqs.example/queue --receipt-handle handle-1\n" in calls


@pytest.mark.parametrize("answer", ["", "{}\n"])
def test_an_empty_dead_letter_queue_is_not_an_error(projects: dict[str, Path], queue: Path, answer: str) -> None:
    (queue / "received").write_text(answer, "utf-8")
    assert replay(projects["default"], queue, 0).startswith("no message: the queue is empty")
    assert "invoke" not in (queue / "calls").read_text("utf-8")
