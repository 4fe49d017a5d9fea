"""The kit runs a pipeline definition in an empty folder: no project, no AWS account, the SDK's own classes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from mlops_jobs.errors import UserError
from mlops_kit.local_cloud.standalone import read_definition, refuse_unsupported
from mlops_kit.project import open_project


def slow(test: Any) -> Any:
    """Mark a test that starts commands; all of these share two folders, so they run in one worker."""
    return pytest.mark.slow(pytest.mark.xdist_group("standalone")(test))


SECONDS = 300  # that a command may take on a busy machine

COUNT_ROWS = """
import argparse, json, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--input", type=pathlib.Path)
parser.add_argument("--output", type=pathlib.Path)
arguments = parser.parse_args()
rows = sum(len(path.read_text().splitlines()) for path in arguments.input.iterdir())
if rows == 0:
    raise SystemExit("error: there are no rows")
(arguments.output / "report.json").write_text(json.dumps({"rows": rows}))
"""

TRAIN = """
import argparse, json, os, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--note")
arguments = parser.parse_args()
files = sorted(path.name for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
model = {"depth": arguments.depth, "note": arguments.note, "files": files, "hyperparameter": os.environ["SM_HP_DEPTH"]}
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(model))
print("trained")
"""

# What somebody writes who uses the SDK. `code` is a local file, which the SDK uploads, or an S3 URI.
BUILD = """
import sys

import boto3
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import (
    OutputDataConfig, ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
)
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train.model_trainer import ModelTrainer

CODE = sys.argv[1]
ROLE, IMAGE = "arn:aws:iam::123456789012:role/any", "123456789012.dkr.ecr.us-east-1.amazonaws.com/python:3"
INPUT, OUTPUT = "/opt/ml/processing/input/data", "/opt/ml/processing/output/report"

session = PipelineSession(boto_session=boto3.Session(region_name="us-east-1"), default_bucket="flats")
data = ParameterString("Data", default_value="s3://flats/data")
minimum = ParameterInteger("MinimumRows", default_value=1)
report = PropertyFile(name="Report", output_name="report", path="report.json")
target = Join(on="/", values=["s3://flats/reports", ExecutionVariables.PIPELINE_EXECUTION_ID])
source = {"s3_data_type": "S3Prefix", "s3_input_mode": "File"}

processor = ScriptProcessor(
    image_uri=IMAGE, command=["python3"], role=ROLE, instance_count=1, instance_type="ml.m5.large",
    sagemaker_session=session,
)
count = ProcessingStep(
    "Count",
    processor.run(
        code=CODE,
        inputs=[ProcessingInput(
            input_name="data", s3_input=ProcessingS3Input(s3_uri=data, local_path=INPUT, **source)
        )],
        outputs=[ProcessingOutput(
            output_name="report",
            s3_output=ProcessingS3Output(s3_uri=target, local_path=OUTPUT, s3_upload_mode="EndOfJob"),
        )],
        arguments=["--input", INPUT, "--output", OUTPUT],
    ),
    property_files=[report],
)
steps = [count]
if "train" in sys.argv:
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=IMAGE,
        source_code=SourceCode(source_dir="source", entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path="s3://flats/models"),
        hyperparameters={"depth": 3, "note": "two words"},
    )
    train = TrainingStep("Train", trainer.train(input_data_config=[InputData(channel_name="train", data_source=data)]))
    rows = JsonGet(step_name="Count", property_file=report, json_path="rows")
    steps.append(
        ConditionStep(
            name="EnoughRows",
            conditions=[ConditionGreaterThanOrEqualTo(left=rows, right=minimum)],
            if_steps=[train],
            else_steps=[FailStep(name="TooFewRows", error_message=Join(on=" ", values=["fewer rows than", minimum]))],
        )
    )
pipeline = Pipeline(name="flats", parameters=[data, minimum], steps=steps, sagemaker_session=session)
with open("definition.json", "w") as file:
    file.write(pipeline.definition())
"""


def variables(**more: str) -> dict[str, str]:
    """The environment variables of a terminal that has no AWS account."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    return {**own, "COLUMNS": "200", **more}


def python(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=variables(**more), capture_output=True, text=True, timeout=SECONDS)


def mlops(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "mlops_kit", *arguments)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def folder_with_scripts(folder: Path) -> Path:
    write(folder / "count_rows.py", COUNT_ROWS)
    write(folder / "source" / "train.py", TRAIN)
    write(folder / "build.py", BUILD)
    return folder


def record_of(folder: Path) -> dict[str, Any]:
    """The record of the latest execution in a folder."""
    paths = sorted((folder / ".local" / "executions").glob("*/*/execution.json"), key=lambda path: path.stat().st_mtime)
    record: dict[str, Any] = json.loads(paths[-1].read_text(encoding="utf-8"))
    return record


# with `mlops local up`


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder in which the local cloud is up, and the variables that `mlops local up` prints."""
    folder = folder_with_scripts(tmp_path_factory.mktemp("empty"))
    started = mlops(folder, "local", "up")
    assert started.returncode == 0, started.stderr
    lines = [line.removeprefix("export ").partition("=") for line in started.stdout.splitlines()]
    yield folder, {name: value for name, _, value in lines}
    mlops(folder, "local", "down")


@pytest.fixture(scope="module")
def folder(exported: tuple[Path, dict[str, str]]) -> Path:
    """That folder, with data in S3 and a definition that the SDK built against the local cloud."""
    folder, shown = exported
    described = yaml.safe_load((folder / ".local" / "environment.yaml").read_text(encoding="utf-8"))
    assert described["endpoint_url"] == shown["AWS_ENDPOINT_URL"]
    built = python(folder, "build.py", "count_rows.py", "train", **shown)
    assert built.returncode == 0, built.stderr
    s3 = client_of(folder)
    s3.put_object(Bucket="flats", Key="data/a.csv", Body=b"1\n2\n")
    s3.put_object(Bucket="flats", Key="data/b.csv", Body=b"3\n")
    s3.put_object(Bucket="flats", Key="no-rows/a.csv", Body=b"")
    return folder


def client_of(folder: Path) -> Any:
    """A boto3 client of the S3 that a folder's environment.yaml describes."""
    described = yaml.safe_load((folder / ".local" / "environment.yaml").read_text(encoding="utf-8"))
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client("s3", endpoint_url=described["endpoint_url"], region_name=described["region"], **keys)


@slow
def test_a_definition_of_the_sdk_runs_in_the_local_cloud_that_is_up(folder: Path) -> None:
    ran = mlops(folder, "local", "run", "definition.json", "--param", "MinimumRows=3")
    assert ran.returncode == 0, ran.stderr
    record = record_of(folder)
    assert [(step["name"], step["status"]) for step in record["steps"]] == [
        ("Count", "Succeeded"),
        ("EnoughRows", "Succeeded"),
        ("Train", "Succeeded"),
        ("TooFewRows", "Skipped"),
    ]
    s3 = client_of(folder)
    report = s3.get_object(Bucket="flats", Key=f"reports/{record['id']}/report.json")["Body"].read()
    assert json.loads(report) == {"rows": 3}
    [model] = [entry["Key"] for entry in s3.list_objects_v2(Bucket="flats", Prefix="models/")["Contents"]]
    s3.download_file("flats", model, str(folder / "model.tar.gz"))
    with tarfile.open(folder / "model.tar.gz") as archive:
        stream = archive.extractfile("model.json")
        assert stream is not None
        trained = json.loads(stream.read())
    assert trained == {"depth": 3, "note": "two words", "files": ["a.csv", "b.csv"], "hyperparameter": "3"}
    assert f"The outputs: {folder / '.local' / 'executions' / record['pipeline'] / record['id']}" in ran.stdout


@slow
def test_a_failing_step_ends_with_exit_code_1_and_names_its_log(folder: Path) -> None:
    ran = mlops(folder, "local", "run", "definition.json", "--param", "Data=s3://flats/no-rows")
    assert ran.returncode == 1
    assert ran.stderr == "error: the execution failed: Count: AlgorithmError: there are no rows\n"
    record = record_of(folder)
    [log] = [step["log"] for step in record["steps"] if step["name"] == "Count"]
    assert f"The log of Count: {folder / '.local' / log}" in ran.stdout
    assert (folder / ".local" / log).read_text(encoding="utf-8") == "error: there are no rows\n"
    printed = mlops(folder, "logs", "--env", "local")
    assert (printed.returncode, printed.stdout) == (0, "== Count\nerror: there are no rows\n"), printed.stderr


@slow
def test_a_fail_step_ends_with_exit_code_1_and_its_message(folder: Path) -> None:
    ran = mlops(folder, "local", "run", "definition.json", "--param", "MinimumRows=4")
    assert ran.returncode == 1
    assert ran.stderr == "error: the execution failed: TooFewRows: fewer rows than 4\n"


@slow
def test_a_parameter_of_another_type_is_refused_before_anything_runs(folder: Path) -> None:
    before = record_of(folder)["id"] if (folder / ".local" / "executions").exists() else None
    ran = mlops(folder, "local", "run", "definition.json", "--param", "MinimumRows=many")
    assert ran.returncode == 1
    assert "MinimumRows of definitions-local-definition must be of the type Integer, for example 1" in ran.stderr
    assert before == (record_of(folder)["id"] if before else None)


# without `mlops local up`


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data and with a definition whose code has an S3 URI, built while no AWS answers."""
    folder = folder_with_scripts(tmp_path_factory.mktemp("alone"))
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
    unreachable = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "SAGEMAKER_VALIDATE_ROLE": "false"}
    built = python(folder, "build.py", "s3://flats/code/count_rows.py", **keys, **unreachable)
    assert built.returncode == 0, built.stderr
    write(folder / "data" / "2026" / "a.csv", "1\n2\n")
    write(folder / "data" / "2026" / "b.csv", "3\n")
    return folder


@slow
def test_without_a_cloud_that_is_up_the_command_uploads_and_runs_in_one_of_its_own(alone: Path) -> None:
    uploads = ("--upload", "data=s3://flats/data", "--upload", "count_rows.py=s3://flats/code/")
    ran = mlops(alone, "local", "run", "definition.json", "--param", "Data=s3://flats/data/2026", *uploads)
    assert ran.returncode == 0, ran.stderr
    record = record_of(alone)
    [report] = (alone / ".local" / "executions" / record["pipeline"] / record["id"]).rglob("report.json")
    assert json.loads(report.read_text(encoding="utf-8")) == {"rows": 3}
    assert not (alone / ".local" / "environment.yaml").exists(), "the cloud ended with the run"


@slow
@pytest.mark.parametrize(
    ("upload", "message"),
    [
        ("data=/flats/data", "--upload data=/flats/data: the target must be an S3 URI, for example s3://bucket/prefix"),
        ("date=s3://flats", "--upload date=s3://flats: there is no file or folder "),
        ("data", "--upload 'data' must have the form NAME=VALUE, for example --upload data=s3://bucket/prefix"),
    ],
)
def test_an_upload_that_cannot_be_done_is_refused(alone: Path, upload: str, message: str) -> None:
    ran = mlops(alone, "local", "run", "definition.json", "--upload", upload)
    assert ran.returncode == 1
    assert message in ran.stderr


# what the local cloud cannot run


def job(**arguments: Any) -> dict[str, Any]:
    return {"Name": "Count", "Type": "Processing", "Arguments": arguments}


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (
            {"Steps": [{"Name": "Ask", "Type": "Callback"}]},
            r"cannot run this definition, and nothing has run:.*- Ask: .*Callback",
        ),
        (
            {"Steps": [job(), {"Name": "Crunch", "Type": "EMR", "Arguments": {}}]},
            r"nothing has run:.*- Crunch: .*EMR",
        ),
        ({"Steps": [job(Environment={"A": {"Std:Upper": "a"}})]}, r"- Count: .*Std:Upper"),
        ({"Steps": [job(RoleArn={"Get": "Secrets.Role"})]}, "- Count: .*Secrets.Role"),
        ({"Steps": [job(RoleArn={"Get": "Steps.Train.Arn"})]}, "- Count needs Train, which does not exist"),
        ({"Steps": [{"Type": "Processing"}]}, "nothing has run:"),
        ({"Steps": ["Count"]}, "nothing has run:"),
        ({"Stages": []}, "has no list `Steps`; give a pipeline definition"),
        ([], "has no list `Steps`"),
    ],
)
def test_what_the_local_cloud_cannot_run_is_named_before_anything_runs(
    tmp_path: Path, definition: Any, message: str
) -> None:
    path = write(tmp_path / "definition.json", json.dumps(definition))
    with pytest.raises(UserError, match=rf"(?s)definition\.json: .*{message}"):
        refuse_unsupported(path, read_definition(path), open_project(tmp_path))


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"definition\.json: cannot be read as JSON .*; pass what Pipeline.definition"):
        read_definition(write(tmp_path / "definition.json", "Steps: []"))


@slow
def test_a_step_that_cannot_run_ends_the_command_before_a_cloud_is_started(tmp_path: Path) -> None:
    definition = {"Version": "2020-12-01", "Steps": [job(), {"Name": "Crunch", "Type": "EMR", "Arguments": {}}]}
    write(tmp_path / "definition.json", json.dumps(definition))
    ran = mlops(tmp_path, "local", "run", "definition.json")
    assert ran.returncode == 1
    assert "Crunch: Type is EMR, which the local cloud cannot run" in ran.stderr
    assert not (tmp_path / ".local").exists()
