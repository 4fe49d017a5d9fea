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

SECONDS = 300  # the timeout of a command, with Terraform and on a busy machine
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("commands")]  # they share one project


class Person:
    """Runs commands in a project's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def types(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `mlops`."""
        command = [sys.executable, "-m", "mlops_kit", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=SECONDS
        )

    def brings_up(self) -> subprocess.CompletedProcess[str]:
        """Run `mlops local up`, which must succeed."""
        ended = self.types("local", "up")
        assert ended.returncode == 0, ended.stderr
        return ended

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
        """The environment of a wide terminal without an AWS account."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**own, "COLUMNS": "200"}

    def state(self) -> dict[str, str | int]:
        """The content of cloud.json."""
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
    """A person whose cloud is up, with the pipelines deployed."""
    if not (daemon.is_up(person.folder) and (person.folder / ".local" / DEPLOYED).exists()):
        person.brings_up()
    return person


@pytest.mark.parametrize(
    "command", [("start", "training", "--env", "local"), ("status", "--env", "local"), ("local", "report")]
)
def test_without_the_cloud_each_command_names_the_command_that_starts_it(
    person: Person, command: tuple[str, ...]
) -> None:
    person.types("local", "down")
    ended = person.types(*command)
    assert (ended.returncode, ended.stderr) == (
        1,
        "error: the local cloud is not up; start it with: mlops local up\n",
    )


def test_up_deploys_data_and_pipelines_and_may_be_repeated(up: Person) -> None:
    process = up.state()["pid"]
    ended = up.brings_up()
    assert "The local cloud was up already." in ended.stderr
    assert "unchanged abalone-rings-local-training" in ended.stderr
    assert "/data/training/training-data.csv" in ended.stderr
    assert up.state()["pid"] == process
    exports = dict(line.removeprefix("export ").split("=") for line in ended.stdout.splitlines())
    assert exports["AWS_ENDPOINT_URL"] == up.state()["endpoint"]
    assert set(exports) > {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}


def test_data_can_be_uploaded_separately(up: Person) -> None:
    ended = up.types("local", "upload", "labels")
    assert ended.returncode == 0
    assert ended.stderr.splitlines() == [
        "uploaded s3://abalone-rings-local-123456789012/data/labels/ground-truth.csv",
        "Without the infrastructure, data starts no pipeline; to start it: mlops start inference --env local",
    ]


def test_the_report_can_be_written_at_any_time(up: Person) -> None:
    (up.folder / ".local" / "report.html").unlink(missing_ok=True)
    ended = up.types("local", "report")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert Path(ended.stdout.rstrip()) == up.folder / ".local" / "report.html"
    assert "What happened" in Path(ended.stdout.rstrip()).read_text(encoding="utf-8")


def test_the_infrastructure_needs_terraform(up: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    ended = up.types("local", "up", "--infra")
    assert ended.returncode == 1
    assert ended.stderr == "error: the infrastructure cannot be applied here: terraform is not installed\n"


@pytest.mark.terraform
def test_the_infrastructure_needs_an_empty_account(up: Person) -> None:
    require_terraform()
    ended = up.types("local", "up", "--infra")
    assert ended.returncode == 1
    assert "is up without the infrastructure; stop it first: mlops local down" in ended.stderr


@pytest.mark.terraform
def test_with_the_infrastructure_each_command_names_the_next(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(require_terraform()))
    person.types("local", "down")
    look = "To see the results: mlops status --env local; as a page: mlops local report"
    ended = person.types("local", "up", "--infra")
    assert ended.returncode == 0, ended.stderr
    assert look in ended.stderr.splitlines()
    ended = person.types("local", "up", "--infra")
    assert "to apply it anew: mlops local down, then mlops local up --infra" in ended.stderr
    assert person.types("local", "upload", "training").stderr.splitlines()[-1] == look
    page = Path(person.types("local", "report").stdout.rstrip())
    assert "What happened" in page.read_text(encoding="utf-8")
    person.types("local", "down")


def test_a_pipeline_runs_is_approved_and_shown(up: Person) -> None:
    ended = up.types("start", "training", "--env", "local", "--wait")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "RegisterModel" in ended.stdout
    assert "Succeeded" in ended.stdout.splitlines()[-2]
    assert "report.html" in ended.stdout.splitlines()[-1]
    ended = up.types("approve", "--env", "local", "--comment", "looks right")
    assert "version 1 is approved" in ended.stdout
    ended = up.types("start", "inference", "--env", "local", "--wait", "--param", "MetricThreshold=0.01")
    assert ended.returncode == 1
    assert "ModelQualityViolation" in ended.stdout
    assert "report.html" in ended.stdout
    ended = up.types("reject", "--env", "local", "--version", "1", "--comment", "does not hold")
    assert "version 1 is rejected" in ended.stdout
    ended = up.types("status", "--env", "local")
    for shown in ("abalone-rings-local-training", "ModelQualityViolation", "version 1", "Rejected", "never started"):
        assert shown in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
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
def test_an_invalid_command_fails_with_one_sentence(up: Person, arguments: tuple[str, ...], reason: str) -> None:
    ended = up.types(*arguments)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert reason in ended.stderr


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
    assert "ResolveInputs" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    output, _ = following.communicate(timeout=SECONDS)
    assert following.returncode == 1
    [stopped] = [line for line in output.splitlines() if line.startswith("Ctrl-C: the execution ")]
    assert stopped.endswith(" was asked to stop, and is Stopped.")
    [path] = up.folder.glob(".local/executions/*-training-hpo/*/execution.json")
    assert json.loads(path.read_text(encoding="utf-8"))["status"] == "Stopped"


def test_a_killed_cloud_is_reported_and_can_be_started_again(up: Person) -> None:
    process = int(up.state()["pid"])
    os.kill(process, signal.SIGKILL)
    wait_for_end(process)
    ended = up.types("status", "--env", "local")
    assert (ended.returncode, "the local cloud is gone: nothing answers at http://127.0.0.1:" in ended.stderr) == (
        1,
        True,
    )
    assert "The local cloud was started." in up.brings_up().stderr
    assert "no model yet" in up.types("status", "--env", "local").stdout, "the new one is empty"


def test_two_concurrent_starts_share_one_cloud(person: Person) -> None:
    person.types("local", "down")
    with ThreadPoolExecutor() as pool:
        started = list(pool.map(daemon.start, [person.folder] * 2))
    assert sorted(started) == [False, True]
    assert daemon.is_up(person.folder)


def test_another_cloud_of_the_project_is_refused_while_one_is_up(up: Person) -> None:
    with pytest.raises(UserError, match="stop it first: mlops local down"), LocalCloud(up.folder):
        pass
    assert daemon.is_up(up.folder)


def test_a_cloud_ends_when_cloud_json_no_longer_names_it(up: Person) -> None:
    process = int(up.state()["pid"])
    (up.folder / ".local" / "cloud.json").unlink()
    wait_for_end(process)
    assert (up.folder / ".local" / "environment.yaml").exists(), "it may belong to another cloud by now"
    assert up.types("local", "down").stdout == "The local cloud is not up.\n"
    assert not (up.folder / ".local" / "environment.yaml").exists()


def test_up_deletes_the_objects_of_deleted_files(up: Person) -> None:
    labels = up.folder / "data" / "ground-truth.csv"
    content = labels.read_bytes()
    labels.unlink()
    assert "ground-truth.csv" not in up.brings_up().stderr
    s3, bucket = load_environment("local", up.folder).client("s3"), "abalone-rings-local-123456789012"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="data/labels/")["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=bucket, Prefix="data/training/")["KeyCount"] == 1
    labels.write_bytes(content)


def test_a_run_reports_undeployed_changes_and_the_log_of_a_failed_step(up: Person) -> None:
    handler = up.folder / "lambdas" / "resolve_inputs" / "handler.py"
    content = handler.read_text(encoding="utf-8")
    handler.write_text(f"{content}\nraise SystemExit('broken')\n", encoding="utf-8")
    ended = up.types("start", "inference", "--env", "local", "--wait")
    assert "Your files differ from what is deployed" in ended.stderr
    assert "The log of ResolveInputs" not in ended.stdout
    up.brings_up()
    ended = up.types("start", "inference", "--env", "local", "--wait")
    assert "Your files differ" not in ended.stderr
    [line] = [line for line in ended.stdout.splitlines() if line.startswith("The log of ResolveInputs: ")]
    assert "broken" in Path(line.partition(": ")[2]).read_text(encoding="utf-8")
    assert "mlops rerun" not in ended.stdout, "a function is not run again"
    handler.write_text(content, encoding="utf-8")


def test_the_job_of_a_failed_step_is_run_again_until_its_script_works(up: Person) -> None:
    script = up.folder / "jobs" / "evaluate.py"
    content = script.read_text(encoding="utf-8")
    script.write_text(content.replace("if __name__ ==", "raise SystemExit('broken')\nif __name__ =="), encoding="utf-8")
    up.brings_up()
    ended = up.types("start", "training", "--env", "local", "--wait")
    assert "To run its job again on the same inputs: mlops rerun training --env local\n" in ended.stdout
    assert up.types("logs", "--env", "local", "--step", "Evaluate").stdout == "== Evaluate\nbroken\n"
    again = up.types("rerun", "training", "--env", "local")
    assert (again.returncode, again.stderr.splitlines()[-1]) == (1, "broken")
    script.write_text(content, encoding="utf-8")
    mended = up.types("rerun", "training", "--env", "local")
    assert (mended.returncode, mended.stdout.split()[0]) == (0, "rmse"), mended.stderr


def test_a_start_names_data_that_differs_from_what_is_uploaded(up: Person) -> None:
    up.brings_up()  # uploads all
    labels = up.folder / "data" / "ground-truth.csv"
    content = labels.read_bytes()
    assert "from what is uploaded" not in up.types("start", "inference", "--env", "local").stderr
    labels.write_bytes(content[::-1])
    [line] = [
        line
        for line in up.types("start", "inference", "--env", "local").stderr.splitlines()
        if "from what is uploaded" in line
    ]
    assert line.startswith("ground-truth.csv in ")
    assert line.endswith("; to upload again: mlops local upload labels")
    labels.write_bytes(content)


def test_down_keeps_the_records_and_ends_the_process(up: Person) -> None:
    up.types("start", "inference", "--env", "local", "--wait")
    process = int(up.state()["pid"])
    ended = up.types("local", "down")
    assert (ended.returncode, ended.stdout.startswith("The local cloud is down")) == (0, True)
    wait_for_end(process)
    left = {path.name for path in (up.folder / ".local").iterdir()}
    assert {"executions", "events.jsonl"} <= left
    assert not {"cloud.json", "environment.yaml"} & left
    ended = up.types("local", "down")
    assert (ended.returncode, ended.stdout) == (0, "The local cloud is not up.\n")


def test_a_cloud_that_cannot_start_reports_the_reason(person: Person) -> None:
    person.types("local", "down")
    settings = person.folder / "config" / "pipelines.yaml"
    content = settings.read_text(encoding="utf-8")
    settings.write_text("split: {}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"the local cloud did not start: .*project is missing"):
        daemon.start(person.folder)
    settings.write_text(content, encoding="utf-8")
