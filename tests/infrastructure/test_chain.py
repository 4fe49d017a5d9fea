"""From what happens in the account to what comes of it, through the rules, packages and variables that were applied."""

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

import told
from stacks import Rising, Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

PART = 5 * 1024 * 1024  # bytes, the least that a part of a multipart upload has, but for the last
FAR_OFF = 100.0  # what is added to each label, further than any threshold forgives


@dataclass(frozen=True)
class Chain:
    """The account of a project whose pipelines are deployed."""

    stack: Stack

    def put(self, key: str, body: bytes) -> str:
        """Store an object, wait for all that comes of it, and return its version."""
        answer = self.stack.cloud.client("s3").put_object(Bucket=self.stack.place.bucket, Key=key, Body=body)
        self.settle()
        return str(answer["VersionId"])

    def tell(self, event: told.Event) -> None:
        """Put an event of the project's own on the bus, and wait for all that comes of it."""
        entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
        self.stack.cloud.client("events").put_events(Entries=[entry])
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is under way any more."""
        self.stack.cloud.call("settle")

    def executions(self, kind: str) -> list[str]:
        """The ARNs of the executions of a kind, the first first."""
        return list(self.stack.cloud.call("executions", kind))

    def parameters(self, execution: str) -> dict[str, str]:
        """What an execution was started with."""
        sagemaker = self.stack.cloud.client("sagemaker")
        answer = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=execution)
        return {parameter["Name"]: parameter["Value"] for parameter in answer["PipelineParameters"]}

    def trigger(self, execution: str) -> dict[str, str]:
        """What started an execution."""
        return {name: value for name, value in self.parameters(execution).items() if name.startswith("Trigger")}

    def mails(self) -> list[dict[str, Any]]:
        """The messages so far."""
        path = self.stack.project / ".local" / "emails.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def failed_calls(self) -> list[dict[str, Any]]:
        """Take what the functions failed on out of its queue."""
        sqs = self.stack.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.stack.place.stem}-failed-calls")["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    @contextmanager
    def variable(self, function: str, key: str, value: str) -> Iterator[None]:
        """Let a function have another environment variable within this block."""
        functions = self.stack.cloud.client("lambda")
        name = f"{self.stack.place.stem}-{function}"
        before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, key: value}})
        try:
            yield
        finally:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@pytest.fixture(scope="module")
def chain(rising: Rising) -> Chain:
    """The shop with its pipelines, and with data to upload."""
    stack: Stack = rising["shop"].result()
    subprocess.run(
        [sys.executable, "-m", "mlops_kit", "data", "--sample"], cwd=stack.project, check=True, capture_output=True
    )
    stack.cloud.call("deploy")
    return Chain(stack)


@pytest.fixture(scope="module")
def rows(chain: Chain) -> bytes:
    """Labelled rows."""
    content: bytes = (chain.stack.project / "data" / "training-data.csv").read_bytes()
    return content


@pytest.fixture(scope="module")
def approved(chain: Chain, rows: bytes) -> str:
    """The ARN of a model that new data has trained, and a person approved."""
    chain.put("data/training/first.csv", rows)
    sagemaker = chain.stack.cloud.client("sagemaker")
    packages = sagemaker.list_model_packages(ModelPackageGroupName=chain.stack.place.stem)["ModelPackageSummaryList"]
    arn = str(packages[0]["ModelPackageArn"])
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looks good"
    )
    chain.settle()
    return arn


def test_a_new_training_file_starts_training_which_knows_its_key_and_version(chain: Chain, rows: bytes) -> None:
    version = chain.put("data/training/more.csv", rows)
    last = chain.executions("training")[-1]
    told_of = {"Trigger": "new-data", "TriggerKey": "data/training/more.csv", "TriggerVersion": version}
    assert chain.trigger(last) == told_of


def test_so_does_one_that_is_uploaded_in_parts(chain: Chain) -> None:
    s3, where = chain.stack.cloud.client("s3"), {"Bucket": chain.stack.place.bucket, "Key": "data/training/parts.csv"}
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, b"x" * PART), (2, b"y"))
    ]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    chain.settle()
    s3.delete_object(**where)
    last = chain.trigger(chain.executions("training")[-1])
    assert (last["TriggerKey"], last["TriggerVersion"]) == ("data/training/parts.csv", done["VersionId"])


def test_what_no_job_would_read_starts_nothing(chain: Chain) -> None:
    before = chain.executions("training")
    chain.put("data/training/_notes.csv", b"note")
    chain.put("data/training/.hidden", b"x")
    chain.put("data/training/", b"")
    assert chain.executions("training") == before


def test_a_registered_and_an_approved_model_are_told_of_with_what_to_do_next(chain: Chain, approved: str) -> None:
    texts = [mail["text"] for mail in chain.mails()]
    assert any(f"mlops approve --version {approved.rpartition('/')[2]} " in text for text in texts)
    assert any("good" in text for text in texts), "why it was approved"
    assert {mail["to"] for mail in chain.mails()} == {"ada@example.com"}


def test_a_model_that_has_gone_bad_is_trained_again_with_tuning(chain: Chain, approved: str) -> None:
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
    """Labels that no model of the others would guess."""
    lines = csv.reader(io.StringIO(labels))
    return "".join(f"{','.join([*ids, shift(label)])}\n" for *ids, label in lines).encode()


def shift(label: str) -> str:
    """A label a good deal higher, or the header as it is."""
    return label if label.isidentifier() else str(float(label) + FAR_OFF)


def test_a_broken_file_is_told_of_and_retrains_nothing(chain: Chain) -> None:
    before, mails = chain.executions("training-hpo"), len(chain.mails())
    chain.put("data/training/broken.csv", b"this,is,no\nrow\n")
    chain.stack.cloud.client("s3").delete_object(Bucket=chain.stack.place.bucket, Key="data/training/broken.csv")
    said = " ".join(f"{mail['subject']} {mail['text']}" for mail in chain.mails()[mails:])
    assert "broken.csv" in said
    assert chain.executions("training-hpo") == before


def test_what_happens_twice_is_told_once(chain: Chain) -> None:
    event = told.sample_events(chain.stack.project, **vars(chain.stack.place)).data_quality_violation()
    before = len(chain.mails())
    chain.tell(event)
    chain.tell(event)
    assert len(chain.mails()) == before + 1


def test_a_message_that_cannot_be_sent_waits_in_the_dead_letter_queue(chain: Chain) -> None:
    place = chain.stack.place
    event = told.sample_events(chain.stack.project, **vars(place)).retraining_decision("held-back", "fed654cba321")
    gone = f"arn:aws:sns:{place.region}:{place.account}:{place.stem}-gone"
    with chain.variable("notify", "TOPIC_ARN", gone):
        chain.tell(event)
    assert [call["detail"] for call in chain.failed_calls()] == [event["detail"]]


def test_a_failed_message_holds_back_no_later_one(chain: Chain) -> None:
    place = chain.stack.place
    event = told.sample_events(chain.stack.project, **vars(place)).retraining_decision("held-back", "abc654cba321")
    gone = f"arn:aws:sns:{place.region}:{place.account}:{place.stem}-gone"
    with chain.variable("notify", "TOPIC_ARN", gone):
        chain.tell(event)
    before = len(chain.mails())
    (kept,) = chain.failed_calls()
    chain.tell(kept)
    assert len(chain.mails()) == before + 1
