"""`mlops logs` prints what the jobs of an execution wrote: the failed ones, or all where none failed."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.logs import failed_step_logs, print_kept_logs, print_logs
from mlops_kit.runner.record import ExecutionRecord, read_record
from moto_cloud import ARN, tell

PROCESSING, TRAINING = "/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs"

BATCH = 10_000  # the events that CloudWatch takes, and returns, at once

numbers = count(1)


class Job:
    """A job of an execution, with a name of its own and its log in CloudWatch."""

    def __init__(self, environment: Environment, group: str) -> None:
        self.name = f"pipelines-job{next(numbers)}"
        self._environment = environment
        self._group = group

    def writes(self, messages: Sequence[str], instance: str = "algo-1", suffix: str = "/") -> Job:
        """Put messages into the log stream of one of its instances."""
        logs, stream = self._environment.client("logs"), f"{self.name}{suffix}{instance}-1700000000"
        known = logs.describe_log_groups(logGroupNamePrefix=self._group)["logGroups"]
        if not known:
            logs.create_log_group(logGroupName=self._group)
        logs.create_log_stream(logGroupName=self._group, logStreamName=stream)
        now = int(time.time() * 1000)  # CloudWatch rejects events of more than two weeks ago
        events = [{"timestamp": now, "message": message} for message in messages]
        for begin in range(0, len(events), BATCH):
            batch = events[begin : begin + BATCH]
            logs.put_log_events(logGroupName=self._group, logStreamName=stream, logEvents=batch)
        return self

    def step(self, name: str, key: str, status: str = "Succeeded", arn_key: str = "Arn") -> dict[str, Any]:
        """The step that started it, as ListPipelineExecutionSteps describes it."""
        arn = f"arn:aws:sagemaker:eu-west-1:123456789012:{key.lower()}/{self.name}"
        return {"StepName": name, "StepStatus": status, "Metadata": {key: {arn_key: arn}}}


def printed(environment: Environment, capsys: pytest.CaptureFixture[str], **more: Any) -> str:
    capsys.readouterr()
    print_logs(environment, ("training", "inference"), **more)
    return capsys.readouterr().out


@pytest.fixture
def jobs(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment whose latest execution ran two jobs, both with success."""
    preprocess = Job(environment, PROCESSING).writes(["reading", "writing"])
    train = Job(environment, TRAINING).writes(["rmse 2.1"])
    steps = [preprocess.step("Preprocess", "ProcessingJob"), train.step("Train", "TrainingJob")]
    tell(monkeypatch, *steps, status="Succeeded")
    return environment


def test_where_no_step_failed_the_logs_of_all_are_printed(
    jobs: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(jobs, capsys) == "== Preprocess\nreading\nwriting\n== Train\nrmse 2.1\n"


def test_where_steps_failed_only_theirs_are_printed(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    preprocess = Job(environment, PROCESSING).writes(["reading"])
    train = Job(environment, TRAINING).writes(["error: no rows"])
    steps = [preprocess.step("Preprocess", "ProcessingJob"), train.step("Train", "TrainingJob", "Failed")]
    tell(monkeypatch, *steps, status="Failed", reason="Train failed")
    assert printed(environment, capsys) == "== Train\nerror: no rows\n"
    assert printed(environment, capsys, step="Preprocess") == "== Preprocess\nreading\n"
    assert printed(environment, capsys, arn=ARN) == "== Train\nerror: no rows\n"


def test_a_step_that_was_not_started_is_refused_with_those_that_were(jobs: Environment) -> None:
    with pytest.raises(UserError, match=rf"{ARN} has no step 'Tune' that was started; it has Preprocess, Train"):
        print_logs(jobs, ("training",), step="Tune")


def test_each_instance_of_a_job_has_its_log_printed(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(environment, PROCESSING).writes(["first"]).writes(["second"], "algo-2")
    other = Job(environment, PROCESSING).writes(["another job"])
    assert other.name != job.name
    tell(monkeypatch, job.step("Predict", "ProcessingJob"), status="Succeeded")
    assert printed(environment, capsys) == "== Predict\nfirst\nsecond\n"


@pytest.mark.parametrize(
    ("key", "arn_key", "group", "suffix"),
    [
        ("QualityCheck", "CheckJobArn", PROCESSING, "/"),
        ("TransformJob", "Arn", "/aws/sagemaker/TransformJobs", "/"),
        ("TuningJob", "Arn", TRAINING, "-001-0a1b2c3d/"),
    ],
)
def test_each_kind_of_job_has_a_log_group_of_its_own(
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    key: str,
    arn_key: str,
    group: str,
    suffix: str,
) -> None:
    job = Job(environment, group).writes([key], suffix=suffix)
    tell(monkeypatch, job.step("Step", key, arn_key=arn_key), status="Succeeded")
    assert printed(environment, capsys) == f"== Step\n{key}\n"


def test_a_long_log_is_printed_to_its_end(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"line {number}" for number in range(BATCH + 2)]
    job = Job(environment, TRAINING).writes(lines)
    tell(monkeypatch, job.step("Train", "TrainingJob"), status="Succeeded")
    assert printed(environment, capsys).splitlines() == ["== Train", *lines]


def test_a_job_that_has_not_written_yet_is_named(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    condition = {"StepName": "Enough", "StepStatus": "Succeeded", "Metadata": {"Condition": {"Outcome": "True"}}}
    train = Job(environment, "/aws/sagemaker/ThereIsNone").step("Train", "TrainingJob")
    tell(monkeypatch, condition, train, status="Executing")
    assert printed(environment, capsys) == "no job of Enough, Train has written a log\n"
    tell(monkeypatch, status="Executing")
    assert printed(environment, capsys) == f"no job of {ARN} has written a log\n"


def test_without_an_execution_the_command_that_starts_one_is_named(environment: Environment) -> None:
    with pytest.raises(UserError) as refused:
        print_logs(environment, ("training", "inference"))
    assert str(refused.value) == (
        "there is no execution of training or inference in dev yet; start one with: mlops start training --env dev"
    )
    with pytest.raises(UserError, match=r"no \[tool.mlops.pipelines\]; name an execution with --execution ARN"):
        print_logs(environment, ())


# in the local cloud


def write_record(work: Path, *steps: tuple[str, str, str], started: str = "2026-11-21T09:00:00Z") -> ExecutionRecord:
    """Write the record of an execution, and a log for each step that has a text."""
    id_ = f"at{started[11:13]}"
    folder = work / "executions" / "flats-local-training" / id_
    folder.mkdir(parents=True)
    recorded = []
    for name, status, text in steps:
        log = folder / name / "log.txt"
        if text:
            log.parent.mkdir()
            log.write_text(text, encoding="utf-8")
        path = log.relative_to(work).as_posix() if text else None
        recorded.append({"name": name, "type": "Processing", "status": status, "log": path, "started": started})
    content: dict[str, Any] = {"id": id_, "pipeline": "flats-local-training", "kind": "training", "arn": f"arn:{id_}"}
    content |= {"status": "Failed", "started": started, "steps": recorded}
    (folder / "execution.json").write_text(json.dumps(content), encoding="utf-8")
    return read_record(content)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with two executions, the later of which failed."""
    write_record(tmp_path, ("Preprocess", "Succeeded", "first\n"), started="2026-11-21T08:00:00Z")
    steps = [("Preprocess", "Succeeded", "reading\n"), ("Train", "Failed", "error: no rows\n"), ("Fail", "Failed", "")]
    record = write_record(tmp_path, *steps)
    log = tmp_path / "executions" / record.pipeline / record.id / "Train" / "log.txt"
    assert failed_step_logs(record, tmp_path) == [f"The log of Train: {log}"]
    return tmp_path


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, "== Train\nerror: no rows\n"),
        ({"step": "Preprocess"}, "== Preprocess\nreading\n"),
        ({"arn": "arn:at08"}, "== Preprocess\nfirst\n"),
        ({"step": "Fail"}, "no job of Fail has written a log\n"),
    ],
)
def test_the_logs_of_a_local_execution_come_from_its_folder_whether_or_not_the_cloud_is_up(
    kept: Path, chosen: dict[str, str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_kept_logs(kept, ("training",), **chosen)
    assert capsys.readouterr().out == expected


def test_a_local_execution_or_step_that_does_not_exist_is_refused_with_those_that_do(kept: Path) -> None:
    with pytest.raises(UserError, match=r"arn:at09 has no step 'Tune' that was started; it has Preprocess, Train, Fa"):
        print_kept_logs(kept, ("training",), step="Tune")
    with pytest.raises(UserError, match=r"executions has no record of an execution of inference; start one with: mlo"):
        print_kept_logs(kept, ("inference",))
    with pytest.raises(UserError, match=r"executions has no record of arn:other"):
        print_kept_logs(kept, ("training",), "arn:other")
