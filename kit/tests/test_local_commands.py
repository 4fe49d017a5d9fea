"""A local cloud that stays up between commands, as a person uses it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import load_environment
from mlops_kit.local_cloud import daemon
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.runner.work_folder import DEPLOYED
from support import hear_ctrl_c
from terraform import require_terraform
from test_local_processes import wait_for_end

SECONDS = 300  # that a command may take, with Terraform on a machine that is busy
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("commands")]  # they share one project


class Person:
    """Types commands in a project's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def types(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `mlops` to its end."""
        command = [sys.executable, "-m", "mlops_kit", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=SECONDS
        )

    def brings_up(self) -> subprocess.CompletedProcess[str]:
        """Type `up`, which has to work."""
        said = self.types("local", "up")
        assert said.returncode == 0, said.stderr
        return said

    def begins(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of `mlops`."""
        command = [sys.executable, "-m", "mlops_kit", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hear_ctrl_c,
        )

    def environment(self) -> dict[str, str]:
        """The environment of a terminal of some width, and of no AWS account."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**own, "COLUMNS": "200"}

    def state(self) -> dict[str, str | int]:
        """What cloud.json says."""
        content: dict[str, str | int] = json.loads((self.folder / ".local" / "cloud.json").read_text(encoding="utf-8"))
        return content


@pytest.fixture(scope="module")
def person(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    folder = tmp_path_factory.mktemp("person") / "project"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".local", "*.csv", "__pycache__"))
    person = Person(folder)
    yield person
    person.types("local", "down")


@pytest.fixture
def up(person: Person) -> Person:
    """Somebody who has the cloud up, and the pipelines deployed there."""
    if not (daemon.is_up(person.folder) and (person.folder / ".local" / DEPLOYED).exists()):
        person.brings_up()
    return person


@pytest.mark.parametrize(
    "command", [("start", "training", "--env", "local"), ("status", "--env", "local"), ("local", "report")]
)
def test_without_the_cloud_each_command_says_how_to_start_it(person: Person, command: tuple[str, ...]) -> None:
    person.types("local", "down")
    said = person.types(*command)
    assert (said.returncode, said.stderr) == (
        1,
        "error: the local cloud is not up; start it with: mlops local up\n",
    )


def test_up_brings_data_and_pipelines_and_may_be_said_twice(up: Person) -> None:
    process = up.state()["pid"]
    said = up.brings_up()
    assert "The local cloud was up already." in said.stderr
    assert "unchanged abalone-rings-local-training" in said.stderr
    assert "/data/training/training-data.csv" in said.stderr
    assert up.state()["pid"] == process
    exports = dict(line.removeprefix("export ").split("=") for line in said.stdout.splitlines())
    assert exports["AWS_ENDPOINT_URL"] == up.state()["endpoint"]
    assert set(exports) > {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}


def test_data_may_be_uploaded_by_itself(up: Person) -> None:
    said = up.types("local", "upload", "labels")
    assert said.returncode == 0
    assert said.stderr.splitlines() == [
        "uploaded s3://abalone-rings-local-123456789012/data/labels/ground-truth.csv",
        "Without the infrastructure, data starts no pipeline; to start it: mlops start inference --env local",
    ]


def test_the_page_may_be_written_at_any_time(up: Person) -> None:
    (up.folder / ".local" / "report.html").unlink(missing_ok=True)
    said = up.types("local", "report")
    assert (said.returncode, said.stderr) == (0, "")
    assert Path(said.stdout.rstrip()) == up.folder / ".local" / "report.html"
    assert "What happened" in Path(said.stdout.rstrip()).read_text(encoding="utf-8")


def test_the_infrastructure_needs_terraform(up: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    said = up.types("local", "up", "--infra")
    assert said.returncode == 1
    assert said.stderr == "error: the infrastructure cannot be applied here: terraform is not installed\n"


@pytest.mark.terraform
def test_the_infrastructure_needs_an_account_that_is_empty(up: Person) -> None:
    require_terraform()
    said = up.types("local", "up", "--infra")
    assert said.returncode == 1
    assert "is up without the infrastructure; stop it first: mlops local down" in said.stderr


@pytest.mark.terraform
def test_with_the_infrastructure_each_command_names_the_next(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(require_terraform()))
    person.types("local", "down")
    look = "To see the results: mlops status --env local; as a page: mlops local report"
    said = person.types("local", "up", "--infra")
    assert said.returncode == 0, said.stderr
    assert look in said.stderr.splitlines()
    said = person.types("local", "up", "--infra")
    assert "to apply it anew: mlops local down, then mlops local up --infra" in said.stderr
    assert person.types("local", "upload", "training").stderr.splitlines()[-1] == look
    page = Path(person.types("local", "report").stdout.rstrip())
    assert "What happened" in page.read_text(encoding="utf-8")
    person.types("local", "down")


def test_a_pipeline_runs_is_approved_and_shown(up: Person) -> None:
    said = up.types("start", "training", "--env", "local", "--wait")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "RegisterModel" in said.stdout
    assert "Succeeded" in said.stdout.splitlines()[-2]
    assert "report.html" in said.stdout.splitlines()[-1]
    said = up.types("approve", "--env", "local", "--comment", "looks right")
    assert "version 1 is approved" in said.stdout
    said = up.types("start", "inference", "--env", "local", "--wait", "--param", "MetricThreshold=0.01")
    assert said.returncode == 1
    assert "ModelQualityViolation" in said.stdout
    assert "report.html" in said.stdout
    said = up.types("reject", "--env", "local", "--version", "1", "--comment", "does not hold")
    assert "version 1 is rejected" in said.stdout
    said = up.types("status", "--env", "local")
    for shown in ("abalone-rings-local-training", "ModelQualityViolation", "version 1", "Rejected", "never started"):
        assert shown in said.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("start", "training", "--env", "local", "--param", "Treshold=1"),
            "has no parameter 'Treshold'; it has InputDataUri",
        ),
        (("start", "training", "--env", "local", "--param", "MetricThreshold=low"), "MetricThreshold"),
        (("start", "training", "--env", "local", "--param", "MetricThreshold"), "must have the form NAME=VALUE"),
        (("approve", "--env", "local", "--version", "9", "--comment", "x"), "has no version 9"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(up: Person, arguments: tuple[str, ...], said: str) -> None:
    ended = up.types(*arguments)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert said in ended.stderr


def test_ctrl_c_stops_the_execution_and_the_command_after_it(up: Person) -> None:
    following = up.begins(
        "start",
        "training-hpo",
        "--env",
        "local",
        "--wait",
        "--param",
        "TuningJobs=500",
        "--param",
        "ParallelTuningJobs=1",
    )
    assert following.stdout
    assert "arn:aws:sagemaker" in following.stdout.readline()
    assert "Executing" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    said, _ = following.communicate(timeout=SECONDS)
    assert following.returncode == 1
    [stopped] = [line for line in said.splitlines() if line.startswith("Ctrl-C: the execution ")]
    assert stopped.endswith(" was told to stop, and is Stopped.")
    [path] = up.folder.glob(".local/executions/*-training-hpo/*/execution.json")
    assert json.loads(path.read_text(encoding="utf-8"))["status"] == "Stopped"


def test_a_cloud_that_is_gone_is_told_of_and_can_be_started_again(up: Person) -> None:
    process = int(up.state()["pid"])
    os.kill(process, signal.SIGKILL)
    wait_for_end(process)
    said = up.types("status", "--env", "local")
    assert (said.returncode, "the local cloud is gone: nothing answers at http://127.0.0.1:" in said.stderr) == (
        1,
        True,
    )
    assert "The local cloud was started." in up.brings_up().stderr
    assert "no model yet" in up.types("status", "--env", "local").stdout, "the new one is empty"


def test_who_starts_at_the_same_time_as_somebody_else_gets_the_same_cloud(person: Person) -> None:
    person.types("local", "down")
    with ThreadPoolExecutor() as pool:
        started = list(pool.map(daemon.start, [person.folder] * 2))
    assert sorted(started) == [False, True]
    assert daemon.is_up(person.folder)


def test_a_rehearsal_is_refused_while_a_cloud_is_up(up: Person) -> None:
    with pytest.raises(UserError, match="stop it first: mlops local down"), LocalCloud(up.folder):
        pass
    assert daemon.is_up(up.folder)


def test_a_cloud_that_its_project_no_longer_knows_ends_by_itself(up: Person) -> None:
    process = int(up.state()["pid"])
    (up.folder / ".local" / "cloud.json").unlink()
    wait_for_end(process)
    assert (up.folder / ".local" / "environment.yaml").exists(), "it may be another cloud's by now"
    assert up.types("local", "down").stdout == "The local cloud is not up.\n"
    assert not (up.folder / ".local" / "environment.yaml").exists()


def test_files_that_are_gone_here_are_gone_there(up: Person) -> None:
    labels = up.folder / "data" / "ground-truth.csv"
    content = labels.read_bytes()
    labels.unlink()
    assert "ground-truth.csv" not in up.brings_up().stderr
    s3, bucket = load_environment("local", up.folder).client("s3"), "abalone-rings-local-123456789012"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="data/labels/")["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=bucket, Prefix="data/training/")["KeyCount"] == 1
    labels.write_bytes(content)


def test_a_run_of_what_is_deployed_says_that_the_files_differ_and_where_a_failed_steps_log_is(up: Person) -> None:
    handler = up.folder / "lambdas" / "resolve_inputs" / "handler.py"
    content = handler.read_text(encoding="utf-8")
    handler.write_text(f"{content}\nraise SystemExit('broken')\n", encoding="utf-8")
    said = up.types("start", "inference", "--env", "local", "--wait")
    assert "Your files differ from what is deployed" in said.stderr
    assert "The log of ResolveInputs" not in said.stdout
    up.brings_up()
    said = up.types("start", "inference", "--env", "local", "--wait")
    assert "Your files differ" not in said.stderr
    [line] = [line for line in said.stdout.splitlines() if line.startswith("The log of ResolveInputs: ")]
    assert "broken" in Path(line.partition(": ")[2]).read_text(encoding="utf-8")
    handler.write_text(content, encoding="utf-8")


def test_down_leaves_the_records_and_no_process(up: Person) -> None:
    up.types("start", "inference", "--env", "local", "--wait")
    process = int(up.state()["pid"])
    said = up.types("local", "down")
    assert (said.returncode, said.stdout.startswith("The local cloud is down")) == (0, True)
    wait_for_end(process)
    left = {path.name for path in (up.folder / ".local").iterdir()}
    assert {"executions", "events.jsonl"} <= left
    assert not {"cloud.json", "environment.yaml"} & left
    said = up.types("local", "down")
    assert (said.returncode, said.stdout) == (0, "The local cloud is not up.\n")


def test_a_cloud_that_cannot_start_says_why(person: Person) -> None:
    person.types("local", "down")
    settings = person.folder / "config" / "pipelines.yaml"
    content = settings.read_text(encoding="utf-8")
    settings.write_text("split: {}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"the local cloud did not start: .*project is missing"):
        daemon.start(person.folder)
    settings.write_text(content, encoding="utf-8")
