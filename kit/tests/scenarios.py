"""A deployed project with a trained and approved model, and the helpers of the scenario tests."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops_jobs.contract import load_contract
from mlops_kit.aws.registry import approve, model_packages
from mlops_kit.data.sample import write_sample
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.runner.record import ExecutionRecord


class DeployedProject:
    """A project in its local cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.data = f"s3://{cloud.environment.bucket}/data"

    def put(self, rows: list[list[str]] | str, prefix: str) -> str:
        """Upload rows, or the text of a file, as the only file of a prefix below data/, and return its URI."""
        path = self.cloud.root / ".local" / "scenario.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            if isinstance(rows, str):
                file.write(rows)
            else:
                csv.writer(file, lineterminator="\n").writerows(rows)
        self.cloud.upload(path, f"{self.data}/{prefix}/rows.csv")
        return f"{self.data}/{prefix}"

    def rows(self, name: str) -> list[list[str]]:
        """The rows of one of the project's data files, header first."""
        with (self.cloud.root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    def infer(self, inputs: str, labels: str = "none-yet", **parameters: Any) -> ExecutionRecord:
        """Run the inference pipeline on prefixes below data/."""
        uris = {"InputDataUri": f"{self.data}/{inputs}/", "LabelsUri": f"{self.data}/{labels}/"}
        return self.cloud.run("inference", uris | parameters)

    def subscribe(self, detail_type: str) -> Callable[[], list[dict[str, Any]]]:
        """Subscribe to events on the bus; the returned function ends the subscription and returns the events."""
        sqs, events = self.cloud.client("sqs"), self.cloud.client("events")
        queue = sqs.create_queue(QueueName="received")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="received", EventPattern=json.dumps({"detail-type": [detail_type]}))
        events.put_targets(Rule="received", Targets=[{"Id": "queue", "Arn": arn}])

        def received() -> list[dict[str, Any]]:
            self.cloud.flush()
            messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            events.remove_targets(Rule="received", Ids=["queue"])
            events.delete_rule(Name="received")
            return [json.loads(message["Body"]) for message in messages]

        return received

    def versions(self) -> int:
        """The number of registered model versions."""
        return len(model_packages(self.cloud.environment))


@contextmanager
def deployed(project: Path) -> Iterator[DeployedProject]:
    """Deploy a project to a new local cloud, train version 1 on its sample, and approve it."""
    if not (project / "data" / "training-data.csv").exists():
        write_sample(load_contract(project / "config" / "dataset.yaml"), project / "data")
    with LocalCloud(project) as cloud:
        opened = DeployedProject(cloud)
        for name, prefix in (
            ("training-data", "training"),
            ("inference-data", "inference"),
            ("ground-truth", "labels"),
        ):
            cloud.upload(project / "data" / f"{name}.csv", f"{opened.data}/{prefix}/{name}.csv")
        cloud.deploy()
        trained = cloud.run("training", {})
        assert trained.status == "Succeeded", trained.reason
        approve(cloud.environment, version=1, comment="For the scenarios.")
        yield opened


def failed(record: ExecutionRecord) -> list[str]:
    """The names of the steps that failed."""
    return [step.name for step in record.failed_steps]


def output_of(project: DeployedProject, record: ExecutionRecord, step: str, output: str) -> Path:
    """The path of a step's output on this machine."""
    return project.cloud.work / next(file.path for file in record.step(step).files if file.name == output)


def predicted(project: DeployedProject, record: ExecutionRecord) -> dict[str, bytes]:
    """The prediction files of an execution, read from the local S3."""
    assert record.status == "Succeeded", record.reason
    files = record.step("BatchInference").files
    output = next(file for file in files if file.name in ("predictions", "transformed"))
    bucket, _, prefix = output.s3_uri.removeprefix("s3://").partition("/")
    s3 = project.cloud.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
    keys = [item["Key"] for item in listed]
    return {key.rpartition("/")[2]: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
