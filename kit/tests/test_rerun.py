"""`mlops rerun` runs the job of a step again: its script, its command line and its inputs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from example import TREE
from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.jobs import job_request
from mlops_kit.cli import connection
from mlops_kit.cli import main as commands
from mlops_kit.definition.code import archive
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.runner.rerun import Job, copied, job_of_request, kept_job
from moto_cloud import ARN, tell
from pipeline_harness import Lab, open_lab

COUNT = """
import os, sys
from pathlib import Path
rows = Path(sys.argv[1]) / "rows.csv"
lines = rows.read_text().split()
if "bad" in lines:
    sys.exit("error: a bad row")
(Path(sys.argv[2]) / "count.txt").write_text(f"{len(lines)} {os.environ['UNIT']}")
"""
ARGUMENTS = ["/opt/ml/processing/input/data", "/opt/ml/processing/output/counts"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with open_lab(tmp_path) as opened:
        yield opened


@pytest.fixture
def executed(lab: Lab) -> Callable[..., ExecutionRecord]:
    """Run a pipeline of one step, which counts some rows."""

    def executed(*rows: str, **more: Any) -> ExecutionRecord:
        data = lab.store("data", {"rows.csv": "\n".join(rows)})
        step = lab.job(
            "Count",
            COUNT,
            inputs={"data": data},
            outputs=["counts"],
            arguments=ARGUMENTS,
            environment={"UNIT": "rows"},
            **more,
        )
        return lab.cloud.run(lab.deploy(step))

    return executed


def folder_of(lab: Lab, record: ExecutionRecord) -> Path:
    return lab.cloud.work / "executions" / record.pipeline / record.id / "Count"


def counted(job: Job) -> str:
    return (job.folder / "opt/ml/processing/output/counts/count.txt").read_text("utf-8")


def test_a_step_that_failed_has_kept_its_inputs_and_fails_again_until_its_script_is_mended(
    lab: Lab, executed: Callable[..., ExecutionRecord], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = executed("good", "bad")
    assert record.failed_steps[0].reason == "AlgorithmError: a bad row"
    kept = kept_job(folder_of(lab, record))
    assert kept
    job = copied(kept, tmp_path / "rerun")
    assert job.run(debugger=False) == 1
    assert capfd.readouterr().err == "error: a bad row\n"
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "job.py").write_text(COUNT.replace('"bad" in lines', "not lines"), "utf-8")
    mended = job.with_script_of(jobs)
    assert mended.script == jobs / "job.py"
    assert mended.run(debugger=False) == 0
    assert counted(mended) == "2 rows"
    assert not (kept.folder / "opt/ml/processing/output/counts/count.txt").exists(), "what the step left is evidence"


def test_the_debugger_stops_at_the_first_line_of_the_script(
    lab: Lab, executed: Callable[..., ExecutionRecord], tmp_path: Path
) -> None:
    kept = kept_job(folder_of(lab, executed("bad")))
    assert kept
    job = copied(kept, tmp_path / "rerun")
    line = job.shell_line(debugger=True)
    assert line.startswith(f"cd {job.folder} && ")
    assert " UNIT=rows " in line
    assert f" -m pdb {job.script} {job.folder}/opt/ml/processing/input/data " in line


def test_the_breakpoint_that_the_page_shows_stops_in_the_script_of_the_project(
    lab: Lab, executed: Callable[..., ExecutionRecord], tmp_path: Path
) -> None:
    shown = re.search(r"`(b [^`]+):40` sets a breakpoint", (TREE / "docs/debugging.md").read_text("utf-8"))
    kept = kept_job(folder_of(lab, executed("bad", "good")))
    assert shown
    assert kept
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "evaluate.py").write_text(COUNT, "utf-8")
    job = copied(kept, tmp_path / "rerun")
    job = replace(job, arguments=(job.arguments[0], "evaluate.py", *job.arguments[2:])).with_script_of(jobs)
    session = subprocess.run(
        ["sh", "-c", job.shell_line(debugger=True)],
        input=f"{shown[1]}:6\nc\np lines\nq\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"Breakpoint 1 at {jobs / 'evaluate.py'}:6" in session.stdout
    assert "['bad', 'good']" in session.stdout


@pytest.mark.parametrize("instances", [1, 2])
def test_the_inputs_of_a_step_that_succeeded_are_downloaded_again(
    lab: Lab, executed: Callable[..., ExecutionRecord], tmp_path: Path, instances: int
) -> None:
    record = executed("a", "b", "c", instances=instances)
    assert kept_job(folder_of(lab, record)) is None
    step = record.step("Count")
    job = job_of_request("Count", step.type, step.result, lab.cloud.client("s3"), tmp_path / "rerun")
    assert job.run(debugger=False) == 0
    assert counted(job) == "3 rows"


def test_a_training_job_is_run_again_with_its_hyperparameters_and_variables(lab: Lab, tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "rows = Path(os.environ['SM_CHANNEL_TRAIN'], 'rows.csv').read_text()\n"
        "Path(os.environ['SM_MODEL_DIR'], 'model').write_text(f'{rows} {sys.argv[1:]}')\n"
    )
    channels = {
        "code": lab.store("code", {"sourcedir.tar.gz": archive({"train.py": script.encode()})}),
        "train": lab.store("train", {"rows.csv": "a b"}),
    }
    request = {
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
            "_tuning_objective_metric": "validation:rmse",  # AWS adds it to the training jobs of a tuning
            "depth": "3",
        },
        "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix"}}}
            for name, uri in channels.items()
        ],
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
    }
    job = job_of_request("Train", "Training", request, lab.cloud.client("s3"), tmp_path / "rerun")
    assert job.run(debugger=False) == 0
    assert (job.folder / "opt/ml/model/model").read_text("utf-8") == "a b ['--depth', '3']"


def test_an_input_that_is_gone_is_refused_with_its_uri(
    lab: Lab, executed: Callable[..., ExecutionRecord], tmp_path: Path
) -> None:
    request = executed("a").step("Count").result
    request["ProcessingInputs"][1]["S3Input"]["S3Uri"] = f"s3://{lab.bucket}/gone"
    with pytest.raises(UserError, match=r"Count cannot be run again: .*no S3 objects found under .*/gone"):
        job_of_request("Count", "Processing", request, lab.cloud.client("s3"), tmp_path / "rerun")


def test_the_command_runs_the_failed_step_of_the_latest_execution_and_ends_with_its_exit_code(
    lab: Lab, executed: Callable[..., ExecutionRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    executed("bad")
    root = lab.cloud.work.parent
    with pytest.raises(SystemExit) as ended:
        commands.main(["rerun", "--env", "local"], root)
    assert ended.value.code == 1
    commands.main(["rerun", "--env", "local", "--step", "Count", "--pdb", "--print"], root)
    assert " -m pdb " in capsys.readouterr().out
    executed("good")
    with pytest.raises(UserError, match=r"no job of .* failed; name a step with --step"):
        commands.main(["rerun", "--env", "local"], root)
    with pytest.raises(UserError, match="Count has not failed, so its inputs were removed, and they cannot be downlo"):
        commands.main(["rerun", "--env", "local", "--step", "Count"], root)


# In AWS


def processing_input(name: str, uri: str) -> dict[str, Any]:
    s3_input = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{name}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": {**s3_input, "S3InputMode": "File"}}


@pytest.fixture
def failed_in_aws(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An execution in AWS whose step Count failed."""
    s3, bucket = environment.client("s3"), environment.bucket
    for key, content in {"code/job.py": COUNT, "data/rows.csv": "good bad"}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    output = {"S3Uri": f"s3://{bucket}/out", "LocalPath": ARGUMENTS[1], "S3UploadMode": "EndOfJob"}
    created = environment.client("sagemaker").create_processing_job(
        ProcessingJobName=f"pipelines-{environment.project}",
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 3, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
        AppSpecification={
            "ImageUri": "image",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/job.py"],
            "ContainerArguments": ARGUMENTS,
        },
        Environment={"UNIT": "rows"},
        ProcessingInputs=[
            processing_input("code", f"s3://{bucket}/code"),
            processing_input("data", f"s3://{bucket}/data"),
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "counts", "S3Output": output}]},
        RoleArn=environment.role_arn,
    )
    step = {"StepName": "Count", "StepStatus": "Failed", "FailureReason": "AlgorithmError: a bad row"}
    step["Metadata"] = {"ProcessingJob": {"Arn": created["ProcessingJobArn"]}}  # type: ignore[assignment]
    tell(monkeypatch, step, status="Failed")
    return step


def test_a_step_that_failed_in_aws_is_run_here_with_its_inputs(
    environment: Environment, failed_in_aws: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kind, request = job_request(environment, ARN, "Count")
    assert (kind, json.dumps(request).count(f"s3://{environment.bucket}")) == ("Processing", 3)
    job = job_of_request("Count", kind, request, environment.client("s3"), tmp_path / "rerun")
    assert job.run(debugger=False) == 1
    assert capfd.readouterr().err == "error: a bad row\n"


def test_a_step_without_a_job_is_refused(environment: Environment, failed_in_aws: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="Enough has no processing or training job that could be run again"):
        job_request(environment, ARN, "Enough")


def test_the_command_downloads_the_inputs_of_the_latest_execution_in_aws(
    environment: Environment,
    failed_in_aws: dict[str, Any],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(connection, "load_environment", lambda *_: environment)
    commands.main(["rerun", "--print"], root)
    line = capsys.readouterr().out
    assert f"{root}/.local/rerun/Count/opt/ml/processing/input/code/job.py" in line
    assert (root / ".local/rerun/Count/opt/ml/processing/input/data/rows.csv").read_text("utf-8") == "good bad"
