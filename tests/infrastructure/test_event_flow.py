"""From an event in the account to its effects, through the applied rules, packages and variables."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

import sample_events
from stacks import PendingStacks, Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

MIN_PART_SIZE = 5 * 1024 * 1024  # bytes, of each part of a multipart upload except the last
LABEL_SHIFT = 100.0  # added to each label, more than any threshold allows


@dataclass(frozen=True)
class Chain:
    """The account of a project with deployed pipelines."""

    stack: Stack

    def put(self, key: str, body: bytes) -> str:
        """Store an object, wait for all its effects, and return its version."""
        answer = self.stack.cloud.client("s3").put_object(Bucket=self.stack.place.bucket, Key=key, Body=body)
        self.settle()
        return str(answer["VersionId"])

    def send(self, event: sample_events.Event) -> None:
        """Send one of the project's own events, and wait for all its effects."""
        entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
        self.stack.cloud.client("events").put_events(Entries=[entry])
        self.settle()

    def settle(self) -> None:
        """Wait until no event, call or execution is pending."""
        self.stack.cloud.call("settle")

    def executions(self, kind: str) -> list[str]:
        """The ARNs of the executions of a kind, oldest first."""
        return list(self.stack.cloud.call("executions", kind))

    def parameters(self, execution: str) -> dict[str, str]:
        """The parameters of an execution."""
        sagemaker = self.stack.cloud.client("sagemaker")
        answer = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=execution)
        return {parameter["Name"]: parameter["Value"] for parameter in answer["PipelineParameters"]}

    def trigger(self, execution: str) -> dict[str, str]:
        """The parameters that identify the trigger of an execution."""
        return {name: value for name, value in self.parameters(execution).items() if name.startswith("Trigger")}

    def mails(self) -> list[dict[str, Any]]:
        """All messages sent so far."""
        path = self.stack.project / ".local" / "emails.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def failed_calls(self) -> list[dict[str, Any]]:
        """Receive and delete the events in the queue of failed calls."""
        sqs = self.stack.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.stack.place.name_prefix}-failed-calls")["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    @contextmanager
    def variable(self, function: str, key: str, value: str) -> Iterator[None]:
        """Change an environment variable of a function within this block."""
        functions = self.stack.cloud.client("lambda")
        name = f"{self.stack.place.name_prefix}-{function}"
        before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, key: value}})
        try:
            yield
        finally:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@pytest.fixture(scope="module")
def chain(pending: PendingStacks) -> Chain:
    """The shop with deployed pipelines and sample data."""
    stack: Stack = pending["shop"].result()
    sampling = [sys.executable, "-m", "mlops_kit", "data", "--sample"]
    subprocess.run(sampling, cwd=stack.project, check=True, capture_output=True)
    stack.cloud.call("deploy")
    return Chain(stack)


@pytest.fixture(scope="module")
def rows(chain: Chain) -> bytes:
    """Labelled rows."""
    content: bytes = (chain.stack.project / "data" / "training-data.csv").read_bytes()
    return content


@pytest.fixture(scope="module")
def approved(chain: Chain, rows: bytes) -> str:
    """The ARN of a model that was trained on new data and approved."""
    chain.put("data/training/first.csv", rows)
    sagemaker = chain.stack.cloud.client("sagemaker")
    packages = sagemaker.list_model_packages(ModelPackageGroupName=chain.stack.place.name_prefix)[
        "ModelPackageSummaryList"
    ]
    arn = str(packages[0]["ModelPackageArn"])
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looks good"
    )
    chain.settle()
    return arn


def test_a_new_training_file_starts_training_with_its_key_and_version_as_parameters(chain: Chain, rows: bytes) -> None:
    version = chain.put("data/training/more.csv", rows)
    last = chain.executions("training")[-1]
    expected = {"Trigger": "new-data", "TriggerKey": "data/training/more.csv", "TriggerVersion": version}
    assert chain.trigger(last) == expected


def test_a_multipart_upload_starts_training(chain: Chain) -> None:
    s3, where = chain.stack.cloud.client("s3"), {"Bucket": chain.stack.place.bucket, "Key": "data/training/parts.csv"}
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, b"x" * MIN_PART_SIZE), (2, b"y"))
    ]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    chain.settle()
    s3.delete_object(**where)
    last = chain.trigger(chain.executions("training")[-1])
    assert (last["TriggerKey"], last["TriggerVersion"]) == ("data/training/parts.csv", done["VersionId"])


def test_an_object_that_no_job_reads_starts_nothing(chain: Chain) -> None:
    before = chain.executions("training")
    chain.put("data/training/_notes.csv", b"note")
    chain.put("data/training/.hidden", b"x")
    chain.put("data/training/", b"")
    assert chain.executions("training") == before


def test_a_registered_and_an_approved_model_are_notified_with_the_next_step(chain: Chain, approved: str) -> None:
    texts = [mail["text"] for mail in chain.mails()]
    assert any(f"mlops approve --version {approved.rpartition('/')[2]} " in text for text in texts)
    assert any("good" in text for text in texts), "why it was approved"
    assert {mail["to"] for mail in chain.mails()} == {"ada@example.com"}


def test_a_model_with_too_low_quality_is_retrained_with_tuning(chain: Chain, approved: str) -> None:
    folder = chain.stack.project / "data"
    before = len(chain.executions("training-hpo"))
    chain.put("data/inference/bad/rows.csv", (folder / "inference-data.csv").read_bytes())
    assert len(chain.executions("training-hpo")) == before, "without labels there is no verdict"
    chain.put("data/labels/bad/labels.csv", shifted((folder / "ground-truth.csv").read_text("utf-8")))
    inference, started = chain.executions("inference")[-1], chain.executions("training-hpo")[before:]
    assert [chain.trigger(execution) for execution in started] == [
        {"Trigger": "quality-violation", "TriggerKey": inference, "TriggerVersion": "none"}
    ]


def shifted(labels: str) -> bytes:
    """Labels that differ from all predictions."""
    lines = csv.reader(io.StringIO(labels))
    return "".join(f"{','.join([*ids, shift(label)])}\n" for *ids, label in lines).encode()


def shift(label: str) -> str:
    """A label plus LABEL_SHIFT; the header unchanged."""
    return label if label.isidentifier() else str(float(label) + LABEL_SHIFT)


def test_a_broken_file_is_notified_and_starts_no_retraining(chain: Chain) -> None:
    before, mails = chain.executions("training-hpo"), len(chain.mails())
    chain.put("data/training/broken.csv", b"this,is,no\nrow\n")
    chain.stack.cloud.client("s3").delete_object(Bucket=chain.stack.place.bucket, Key="data/training/broken.csv")
    text = " ".join(f"{mail['subject']} {mail['text']}" for mail in chain.mails()[mails:])
    assert "broken.csv" in text
    assert chain.executions("training-hpo") == before


def test_a_repeated_event_is_notified_once(chain: Chain) -> None:
    event = sample_events.of(chain.stack.project, **vars(chain.stack.place)).data_quality_violation()
    before = len(chain.mails())
    chain.send(event)
    chain.send(event)
    assert len(chain.mails()) == before + 1


def test_a_message_that_cannot_be_sent_is_kept_in_the_dead_letter_queue(chain: Chain) -> None:
    place = chain.stack.place
    event = sample_events.of(chain.stack.project, **vars(place)).retraining_decision("held-back", "fed654cba321")
    gone = f"arn:aws:sns:{place.region}:{place.account}:{place.name_prefix}-gone"
    with chain.variable("notify", "TOPIC_ARN", gone):
        chain.send(event)
    assert [call["detail"] for call in chain.failed_calls()] == [event["detail"]]


def test_a_failed_message_can_be_sent_again(chain: Chain) -> None:
    place = chain.stack.place
    event = sample_events.of(chain.stack.project, **vars(place)).retraining_decision("held-back", "abc654cba321")
    gone = f"arn:aws:sns:{place.region}:{place.account}:{place.name_prefix}-gone"
    with chain.variable("notify", "TOPIC_ARN", gone):
        chain.send(event)
    before = len(chain.mails())
    (kept,) = chain.failed_calls()
    chain.send(kept)
    assert len(chain.mails()) == before + 1
