"""A project with its local cloud, its data where the pipelines look for it, and what a scenario asks of it."""

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

Record = dict[str, Any]


class World:
    """A project with its local cloud, and what a scenario asks of it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.data = f"s3://{cloud.environment.bucket}/data"

    def put(self, rows: list[list[str]] | str, place: str) -> str:
        """Upload rows, or the text of a file, as the only file of a prefix under data/; its URI."""
        path = self.cloud.root / ".local" / "scenario.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            if isinstance(rows, str):
                file.write(rows)
            else:
                csv.writer(file, lineterminator="\n").writerows(rows)
        self.cloud.upload(path, f"{self.data}/{place}/rows.csv")
        return f"{self.data}/{place}"

    def rows(self, name: str) -> list[list[str]]:
        """The rows of one of the project's own files, header first."""
        with (self.cloud.root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    def infer(self, inputs: str, labels: str = "none-yet", **parameters: Any) -> Record:
        """Run the inference pipeline on prefixes under data/."""
        uris = {"InputDataUri": f"{self.data}/{inputs}/", "LabelsUri": f"{self.data}/{labels}/"}
        return self.cloud.run("inference", uris | parameters)

    def hears(self, detail_type: str) -> Callable[[], list[dict[str, Any]]]:
        """Listen for events on the bus from now on; call what comes back for those that came."""
        sqs, events = self.cloud.client("sqs"), self.cloud.client("events")
        queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="heard", EventPattern=json.dumps({"detail-type": [detail_type]}))
        events.put_targets(Rule="heard", Targets=[{"Id": "queue", "Arn": arn}])

        def heard() -> list[dict[str, Any]]:
            self.cloud.flush()
            messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            events.remove_targets(Rule="heard", Ids=["queue"])
            events.delete_rule(Name="heard")
            return [json.loads(message["Body"]) for message in messages]

        return heard

    def versions(self) -> int:
        """How many model versions are registered."""
        return len(model_packages(self.cloud.environment))


@contextmanager
def world_of(project: Path) -> Iterator[World]:
    """Deploy a project to a local cloud of its own, train version 1 on its sample, and approve it."""
    if not (project / "data" / "training-data.csv").exists():
        write_sample(load_contract(project / "config" / "dataset.yaml"), project / "data")
    with LocalCloud(project) as cloud:
        world = World(cloud)
        for name, place in (("training-data", "training"), ("inference-data", "inference"), ("ground-truth", "labels")):
            cloud.upload(project / "data" / f"{name}.csv", f"{world.data}/{place}/{name}.csv")
        cloud.deploy()
        trained = cloud.run("training", {})
        assert trained["status"] == "Succeeded", trained["reason"]
        approve(cloud.environment, version=1, comment="For the scenarios.")
        yield world


def step(record: Record, name: str) -> dict[str, Any]:
    """One step of an execution."""
    found: dict[str, Any] = next(step for step in record["steps"] if step["name"] == name)
    return found


def failed(record: Record) -> list[str]:
    """The steps that failed."""
    return [step["name"] for step in record["steps"] if step["status"] == "Failed"]


def file_of(world: World, record: Record, step_name: str, output: str) -> Path:
    """Where the files of a step's output lie on this machine."""
    found = next(file for file in step(record, step_name)["files"] if file["name"] == output)
    return Path(world.cloud.work / found["path"])


def predicted(world: World, record: Record) -> dict[str, bytes]:
    """The files of predictions of an execution, read from the local S3."""
    assert record["status"] == "Succeeded", record["reason"]
    found = next(
        file for file in step(record, "BatchInference")["files"] if file["name"] in ("predictions", "transformed")
    )
    bucket, _, prefix = found["s3_uri"].removeprefix("s3://").partition("/")
    s3 = world.cloud.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
    keys = [item["Key"] for item in listed]
    return {key.rpartition("/")[2]: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
