"""A local cloud for small pipelines whose jobs are a few lines of code."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.runner.record import ExecutionRecord, as_json
from mlops_kit.runner.stop import Stop

Step = dict[str, Any]
Record = dict[str, Any]

CLUSTER = {"InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
THIS_EXECUTION = {"Get": "Execution.PipelineExecutionId"}


@dataclass
class Clock:
    """A clock that a test sets, with waits that take no time."""

    now: float = 0.0
    waited: list[float] = field(default_factory=list)

    def wait(self, stop: Stop, seconds: float) -> None:
        """Record the seconds."""
        self.waited.append(seconds)


class Lab:
    """Writes steps, deploys them as pipelines, and runs these."""

    def __init__(self, cloud: LocalCloud, clock: Clock) -> None:
        self.cloud = cloud
        self.clock = clock
        self.bucket = cloud.environment.bucket
        self._numbers = count(1)

    def store(self, folder: str, files: Mapping[str, str | bytes]) -> str:
        """Upload files to a new prefix, and return its URI."""
        prefix = f"{folder}-{next(self._numbers)}"
        for name, content in files.items():
            self.cloud.client("s3").put_object(Bucket=self.bucket, Key=f"{prefix}/{name}", Body=content)
        return f"s3://{self.bucket}/{prefix}"

    def read(self, uri: str) -> str:
        """The text of an object."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        return str(body.read().decode())

    def output(self, step: str, name: str) -> dict[str, str]:
        """A reference to another step's output."""
        return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}

    def job(
        self,
        name: str,
        code: str = "",
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Sequence[str] = (),
        arguments: Sequence[Any] = (),
        environment: Mapping[str, Any] | None = None,
        instances: int = 1,
        seconds: int = 60,
        **more: Any,
    ) -> Step:
        """A processing step that runs Python code.

        Args:
            name: the step's name.
            code: finds its inputs in /opt/ml/processing/input/<name>, and writes its outputs to .../output/<name>.
            inputs: URIs or complete S3Inputs, by name.
            outputs: their names.
            arguments: the arguments of the script.
            environment: the variables of the job.
            instances: the number of instances.
            seconds: the timeout.
            more: other keys of the step.
        """
        script = self.store("code", {"job.py": code})
        job_inputs = [_input("code", script), *(_input(key, uri) for key, uri in (inputs or {}).items())]
        request = {
            "ProcessingResources": {"ClusterConfig": {**CLUSTER, "InstanceCount": instances}},
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/job.py"],
                **({"ContainerArguments": list(arguments)} if arguments else {}),
            },
            "Environment": dict(environment or {}),
            "ProcessingInputs": job_inputs,
            "ProcessingOutputConfig": {"Outputs": [self._output(name, output) for output in outputs]},
            "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
            "RoleArn": self.cloud.environment.role_arn,
        }
        return {"Name": name, "Type": "Processing", "Arguments": request, **more}

    def deploy(self, *steps: Step, parameters: Sequence[Step] = ()) -> str:
        """Create a pipeline, and return its kind."""
        kind = f"case-{next(self._numbers)}"
        definition = {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)}
        self.cloud.client("sagemaker").create_pipeline(
            PipelineName=self.cloud.environment.pipeline_name(kind),
            PipelineDefinition=json.dumps(definition),
            RoleArn=self.cloud.environment.role_arn,
            ClientRequestToken=kind.ljust(32, "-"),
        )
        return kind

    def register(self, name: str, files: Mapping[str, str], seconds: int = 30, **more: Any) -> str:
        """Create a Lambda function with the handler code.main, and return its ARN."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as writer:
            for path, content in files.items():
                writer.writestr(path, content)
        created = self.cloud.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=self.cloud.environment.role_arn,
            Handler="code.main",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"WHOM": "world"}},
            Timeout=seconds,
            **more,
        )
        return str(created["FunctionArn"])

    def run(self, *steps: Step, parameters: Sequence[Step] = (), **values: Any) -> Record:
        """Deploy and run a pipeline, and return the content of the record's file."""
        return as_json(self.cloud.run(self.deploy(*steps, parameters=parameters), values))

    def _output(self, step: str, name: str) -> Step:
        uri = {"Std:Join": {"On": "/", "Values": [f"s3://{self.bucket}/executions", THIS_EXECUTION, step, name]}}
        s3_output = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/output/{name}", "S3UploadMode": "EndOfJob"}
        return {"OutputName": name, "S3Output": s3_output}


@contextmanager
def open_lab(folder: Path) -> Iterator[Lab]:
    """A lab whose project consists of a name."""
    (folder / "config").mkdir(parents=True, exist_ok=True)
    (folder / "config" / "pipelines.yaml").write_text("project: lab\n", encoding="utf-8")
    clock = Clock()
    with LocalCloud(folder, wait=clock.wait, clock=lambda: clock.now) as cloud:
        yield Lab(cloud, clock)


def condition(name: str, *conditions: Step, then: Sequence[Step] = (), otherwise: Sequence[Step] = ()) -> Step:
    """A Condition step."""
    arguments = {"Conditions": list(conditions), "IfSteps": list(then), "ElseSteps": list(otherwise)}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def equals(left: Any, right: Any) -> Step:
    """A condition."""
    return {"Type": "Equals", "LeftValue": left, "RightValue": right}


def fail(name: str, message: Any, **more: Any) -> Step:
    """A Fail step."""
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}, **more}


def statuses(record: Record | ExecutionRecord) -> dict[str, str]:
    """The status of each step."""
    return {step["name"]: step["status"] for step in _content(record)["steps"]}


def step_of(record: Record | ExecutionRecord, name: str) -> Record:
    """One step, as the record's file holds it."""
    return next(step for step in _content(record)["steps"] if step["name"] == name)


def _content(record: Record | ExecutionRecord) -> Record:
    return as_json(record) if isinstance(record, ExecutionRecord) else record


def _input(name: str, source: Any) -> Step:
    s3_input = source if isinstance(source, dict) and "S3Uri" in source else {"S3Uri": source}
    target = {"LocalPath": f"/opt/ml/processing/input/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**target, **s3_input}}
