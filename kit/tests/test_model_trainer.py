"""Training jobs of the SDK's ModelTrainer run their entry script; what it cannot run is named."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline_harness import THIS_EXECUTION, Lab, open_lab, step_of

SCRIPT = """
import json, os, pathlib, sys

print("variables", os.environ["SM_ENTRY_SCRIPT"], os.environ["SM_HP_DEPTH"])
pathlib.Path(os.environ["SM_MODEL_DIR"], "arguments.json").write_text(json.dumps(sys.argv[1:]))
"""
HYPERPARAMETERS = {"depth": "3", "quick": "true", "note": "two words"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def train(
    lab: Lab,
    source: dict[str, Any],
    distributed: dict[str, Any] | None = None,
    file: str = "train.py",
    code: str = SCRIPT,
) -> dict[str, Any]:
    """Run a training job as ModelTrainer requests it, and return its step.

    Args:
        lab: where.
        source: the content of sourcecode.json, that is of SourceCode.
        distributed: the content of distributed.json.
        file: the only file of the code.
        code: its content.
    """
    drivers = {"sourcecode.json": json.dumps(source), "distributed.json": json.dumps(distributed or {})}
    channels = {"code": lab.store("code", {file: code}), "sm_drivers": lab.store("drivers", drivers)}
    entrypoint = {"ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": ["-c", "/opt/ml/input/data/sm_train.sh"]}
    request = {
        "HyperParameters": HYPERPARAMETERS,
        "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File", **entrypoint},
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix"}}}
            for name, uri in channels.items()
        ],
        "OutputDataConfig": {
            "S3OutputPath": {"Std:Join": {"On": "/", "Values": [f"s3://{lab.bucket}/models", THIS_EXECUTION]}}
        },
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    step: dict[str, Any] = step_of(lab.run({"Name": "Train", "Type": "Training", "Arguments": request}), "Train")
    return step


def model_of(lab: Lab, step: dict[str, Any]) -> dict[str, str]:
    """The files in the model artifact of a training step."""
    bucket, _, key = step["result"]["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    content = lab.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {name: file.read().decode() for name in archive.getnames() if (file := archive.extractfile(name))}


def log_of(lab: Lab, step: dict[str, Any]) -> str:
    return str((lab.cloud.work / step["log"]).read_text(encoding="utf-8"))


def test_a_python_script_gets_hyperparameters_as_arguments_and_variables(lab: Lab) -> None:
    step = train(lab, {"entry_script": "train.py", "requirements": None})
    assert step["status"] == "Succeeded", step["reason"]
    arguments = json.loads(model_of(lab, step)["arguments.json"])
    assert arguments == ["--depth", "3", "--quick", "true", "--note", "two words"]
    assert log_of(lab, step) == "variables train.py 3\n"


def test_a_shell_script_is_run_too(lab: Lab) -> None:
    code = 'echo "$@" > "$SM_MODEL_DIR/arguments"\n'
    step = train(lab, {"entry_script": "train.sh"}, file="train.sh", code=code)
    assert step["status"] == "Succeeded", step["reason"]
    assert model_of(lab, step) == {"arguments": "--depth 3 --quick true --note two words\n"}


def test_requirements_are_not_installed_and_the_log_says_so(lab: Lab) -> None:
    step = train(lab, {"entry_script": "train.py", "requirements": "requirements.txt"})
    assert step["status"] == "Succeeded", step["reason"]
    assert log_of(lab, step).startswith("local mode does not install requirements.txt: jobs use the packages of this")


@pytest.mark.parametrize(
    ("source", "distributed", "reason"),
    [
        (
            {"entry_script": "train.py"},
            {"process_count_per_node": 2},
            "distributed={'process_count_per_node': 2} is not",
        ),
        ({"command": "python train.py"}, None, "entry_script is '' and command is 'python train.py'"),
        ({"entry_script": "train.R"}, None, "with a .py or .sh file; entry_script is 'train.R'"),
        ({"entry_script": "other.py"}, None, "the channel code has no file other.py, which is the entry_script of"),
        ({}, None, "entry_script is '' and command is None"),
    ],
)
def test_what_is_not_supported_fails_the_step_with_its_name(
    lab: Lab, source: dict[str, Any], distributed: dict[str, Any] | None, reason: str
) -> None:
    step = train(lab, source, distributed)
    assert step["status"] == "Failed"
    assert step["reason"].startswith("ClientError: ")
    assert reason in step["reason"]
