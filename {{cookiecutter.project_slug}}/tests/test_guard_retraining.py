from __future__ import annotations

import json
import re
from functools import partial

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from fake_aws import client, create_bucket, create_table, fake_aws, refused
from hypothesis import given
from hypothesis import strategies as st
from sample_events import SampleEvents

from lambdas.guard_retraining import handler as module
from lambdas.guard_retraining.handler import Guard, Memory, RetrainingPipeline, Settings, Table, Verdict, handler

SAMPLE = SampleEvents()
TABLE = "flats-dev-events"
HOUR = 3600


class Pipelines:
    """A client of SageMaker that lists executions, and starts only one per token."""

    def __init__(self):
        self.started = {}
        self.statuses = {}
        self.list_error = self.start_error = None

    def list_pipeline_executions(self, PipelineName, **_):  # noqa: N803
        assert PipelineName == "flats-dev-training-hpo"
        if self.list_error:
            raise self.list_error
        summaries = [
            {"PipelineExecutionArn": arn, "PipelineExecutionStatus": status} for arn, status in self.statuses.items()
        ]
        return {"PipelineExecutionSummaries": summaries}

    def start_pipeline_execution(self, PipelineName, PipelineParameters, ClientRequestToken):  # noqa: N803
        if self.start_error:
            raise self.start_error
        if ClientRequestToken not in self.started:
            arn = SAMPLE.execution("training-hpo", f"t{len(self.started)}")
            self.started[ClientRequestToken] = (PipelineName, PipelineParameters, arn)
            self.statuses[arn] = "Executing"
        return {"PipelineExecutionArn": self.started[ClientRequestToken][2]}

    def end(self):
        self.statuses = dict.fromkeys(self.statuses, "Succeeded")


class Bus:
    """A client of EventBridge that accepts events unless it is failing."""

    def __init__(self):
        self.details = []
        self.failing = False

    def put_events(self, Entries):  # noqa: N803
        (entry,) = Entries
        if self.failing:
            failed = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
            return {"FailedEntryCount": 1, "Entries": [failed]}
        assert (entry["Source"], entry["DetailType"]) == ("mlops.flats", "Retraining Decision")
        self.details.append(json.loads(entry["Detail"]))
        return {"FailedEntryCount": 0}


class Account:
    """What a guard works with, in memory; the time changes only when a test changes it."""

    def __init__(self):
        self.pipelines, self.bus, self.now = Pipelines(), Bus(), 1_000_000.0
        self.batches = 0

    def guard(self, dynamodb=None, **changes):
        numbers = {"cooldown": 24, "violations": 1, "verdicts": 1} | changes
        settings = Settings("flats", "dev", SAMPLE.bucket, TABLE, **numbers)
        pipeline = RetrainingPipeline(self.pipelines, settings.pipeline("training-hpo"), "dev")
        table = Table(dynamodb or client("dynamodb"), TABLE)
        return Guard(settings, client("s3"), self.bus, table, pipeline, clock=lambda: self.now)

    def batch(self, verdict="VIOLATION", minute=None):
        """The event about the verdict on a new batch, at some minute of the day."""
        self.batches += 1
        number, minute = f"batch{self.batches}", self.batches if minute is None else minute
        body = {"verdict": verdict, "metric": "rmse", "value": 26.5912, "threshold": 2.5, "rows": {}}
        key = f"executions/flats-dev-inference/{number}/ModelQuality/verdict/verdict.json"
        client("s3").put_object(Bucket=SAMPLE.bucket, Key=key, Body=json.dumps(body).encode())
        return judged(number, stepEndTime=f"2026-11-21T{minute // 60:02}:{minute % 60:02}:00.123Z")


def judged(number, **detail):
    return SAMPLE.step_changed("inference", "ModelQuality", "Succeeded", number, **detail)


@pytest.fixture
def account():
    with fake_aws():
        create_bucket(SAMPLE.bucket)
        create_table(TABLE)
        yield Account()


def decisions(account, guard, *verdicts):
    """The decisions about one batch after another; empty if there is none."""
    return [guard.judge(account.batch(verdict)).get("decision", "") for verdict in verdicts]


def test_the_first_violation_starts_a_training(account):
    answer = account.guard().judge(account.batch())
    ((name, parameters, arn),) = account.pipelines.started.values()
    assert name == "flats-dev-training-hpo"
    assert {parameter["Name"]: parameter["Value"] for parameter in parameters} == {
        "Trigger": "quality-violation",
        "TriggerKey": SAMPLE.execution("inference", "batch1"),
        "TriggerVersion": "none",
    }
    assert answer["trainingExecutionArn"] == arn


def test_a_decision_is_an_event_with_its_reason(account):
    account.guard().judge(account.batch())
    assert account.bus.details == [
        {
            "project": "flats",
            "environment": "dev",
            "decision": "started",
            "reason": "The verdict is a violation, and no retraining was started within the cooldown of 24 hours.",
            "metric": "rmse",
            "value": 26.5912,
            "threshold": 2.5,
            "inferenceExecutionArn": SAMPLE.execution("inference", "batch1"),
            "trainingExecutionArn": SAMPLE.execution("training-hpo", "t0"),
        }
    ]


@pytest.mark.parametrize("verdict", ["PASS", "NO_LABELS", "NO_MATCH", "UNDEFINED"])
def test_any_other_verdict_starts_nothing_and_sends_no_event(account, verdict):
    answer = account.guard().judge(account.batch(verdict))
    assert answer == {"execution": SAMPLE.execution("inference", "batch1"), "verdict": verdict}
    assert (account.pipelines.started, account.bus.details) == ({}, [])


def test_retraining_takes_the_configured_number_of_violations(account):
    guard = account.guard(violations=2, verdicts=3)
    held, started = "held-back", "started"
    assert decisions(account, guard, "VIOLATION", "PASS", "PASS", "VIOLATION", "PASS", "VIOLATION") == [
        *(held, "", "", held, "", started)
    ]
    reasons = [detail["reason"] for detail in account.bus.details]
    assert reasons[:2] == [
        "The verdict is a violation; retraining takes 2 of 3.",
        "1 of the last 3 verdicts are violations; retraining takes 2 of 3.",
    ]
    assert reasons[2].startswith("2 of the last 3 verdicts are violations, and no retraining was started")


def test_a_batch_without_labels_does_not_count(account):
    guard = account.guard(violations=2, verdicts=2)
    assert decisions(account, guard, "VIOLATION", "NO_LABELS", "VIOLATION")[-1] == "started"


def test_verdicts_count_in_the_order_of_their_times_not_of_their_events(account):
    guard = account.guard()
    guard.judge(account.batch("PASS", minute=30))
    late = guard.judge(account.batch("VIOLATION", minute=20))
    assert late["decision"] == "held-back"
    assert account.pipelines.started == {}


def test_nothing_is_started_within_the_cooldown(account):
    guard = account.guard()
    guard.judge(account.batch())
    account.pipelines.end()
    account.now += 23.5 * HOUR
    assert guard.judge(account.batch())["reason"] == (
        "The last retraining was started 23.5 hours ago; the cooldown is 24 hours."
    )
    account.now += 0.5 * HOUR
    assert guard.judge(account.batch())["decision"] == "started"


def test_a_violation_that_was_held_back_does_not_prolong_the_cooldown(account):
    guard = account.guard(cooldown=2)
    answers = []
    for _ in range(5):
        answers += decisions(account, guard, "VIOLATION")
        account.pipelines.end()
        account.now += HOUR
    assert answers == ["started", "held-back", "started", "held-back", "started"]


@pytest.mark.parametrize("status", ["Executing", "Stopping"])
def test_nothing_is_started_while_a_training_runs_whoever_started_it(account, status):
    arn = SAMPLE.execution("training-hpo", "manual")
    account.pipelines.statuses = {arn: status}
    answer = account.guard().judge(account.batch())
    assert (answer["decision"], answer["trainingExecutionArn"]) == ("held-back", None)
    assert answer["reason"] == f"flats-dev-training-hpo is running already: {arn}."


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_a_training_that_has_ended_holds_nothing_back(account, status):
    account.pipelines.statuses = {SAMPLE.execution("training-hpo", "earlier"): status}
    assert decisions(account, account.guard(), "VIOLATION") == ["started"]


@pytest.mark.parametrize("first", ["started", "held-back"])
def test_an_event_that_arrives_twice_leads_to_the_same_decision(account, first):
    guard = account.guard(violations=1 if first == "started" else 2, verdicts=2)
    event = account.batch()
    answers = [guard.judge(event)]
    account.now += 48 * HOUR
    answers.append(guard.judge(event))
    assert answers[0] == answers[1]
    assert answers[0]["decision"] == first
    assert len(account.pipelines.started) == (first == "started")


def test_a_pass_that_arrives_twice_is_one_verdict(account):
    guard = account.guard(violations=2, verdicts=3)
    event = account.batch("PASS")
    for _ in range(3):
        guard.judge(event)
    assert decisions(account, guard, "VIOLATION", "VIOLATION") == ["held-back", "started"]


def test_a_call_interrupted_before_the_start_is_completed_by_its_retry(account):
    guard, event = account.guard(), account.batch()
    account.pipelines.start_error = EndpointConnectionError(endpoint_url="https://api.sagemaker")
    with pytest.raises(EndpointConnectionError):
        guard.judge(event)
    assert decisions(account, guard, "VIOLATION") == ["held-back"], "another violation counts on that start"
    account.pipelines.start_error = None
    assert guard.judge(event)["decision"] == "started"
    assert len(account.pipelines.started) == 1


def test_a_call_interrupted_after_the_start_does_not_start_another(account):
    guard, event = account.guard(), account.batch()
    account.bus.failing = True
    with pytest.raises(RuntimeError, match="did not accept the event 'Retraining Decision': ThrottlingException: slow"):
        guard.judge(event)
    account.bus.failing = False
    assert guard.judge(event)["decision"] == "started"
    assert len(account.pipelines.started) == len(account.bus.details) == 1


@pytest.mark.parametrize(
    ("error", "status", "next_decision"),
    [("ThrottlingException", 400, "started"), ("InternalFailure", 500, "held-back")],
    ids=["refused", "possibly carried out"],
)
def test_a_start_that_was_refused_is_forgotten_and_one_that_may_have_happened_is_not(
    account, error, status, next_decision
):
    guard = account.guard()
    account.pipelines.start_error = refused(error, "StartPipelineExecution", status)
    with pytest.raises(ClientError, match=error):
        guard.judge(account.batch())
    account.pipelines.start_error = None
    assert decisions(account, guard, "VIOLATION") == [next_decision]


class Interrupted:
    """A client of DynamoDB that calls a function before each of its first writes."""

    def __init__(self, *interruptions):
        self.interruptions = list(interruptions)

    def get_item(self, **request):
        return client("dynamodb").get_item(**request)

    def put_item(self, **request):
        if self.interruptions:
            self.interruptions.pop(0)()
        return client("dynamodb").put_item(**request)


@pytest.mark.parametrize("stored", [0, 1])
def test_of_two_concurrent_calls_one_starts_and_the_other_sees_it(account, stored):
    decisions(account, account.guard(), *["PASS"] * stored)
    other = account.batch()
    second = account.guard(Interrupted(lambda: account.guard().judge(other)))
    assert second.judge(account.batch())["decision"] == "held-back"
    assert len(account.pipelines.started) == 1
    assert [detail["decision"] for detail in account.bus.details] == ["started", "held-back"]


def test_two_concurrent_calls_with_the_same_event_make_one_decision(account):
    event = account.batch()
    answer = account.guard(Interrupted(lambda: account.guard().judge(event))).judge(event)
    assert answer["decision"] == "started"
    assert len(account.pipelines.started) == 1


def test_a_call_that_never_gets_to_write_gives_up(account):
    others = [partial(account.guard().judge, account.batch("PASS")) for _ in range(module.WRITE_ATTEMPTS)]
    with pytest.raises(RuntimeError, match="other calls wrote to the table flats-dev-events 10 times in between"):
        account.guard(Interrupted(*others)).judge(account.batch())
    assert account.pipelines.started == {}


def test_if_the_table_fails_nothing_is_started(account):
    deleted = Interrupted(partial(client("dynamodb").delete_table, TableName=TABLE))
    with pytest.raises(ClientError, match="ResourceNotFound"):
        account.guard(deleted).judge(account.batch())
    assert account.pipelines.started == {}


def test_only_the_latest_verdicts_are_kept_and_the_last_start(account, monkeypatch):
    monkeypatch.setattr(module, "MIN_HISTORY", 3)
    guard = account.guard()
    assert decisions(account, guard, "VIOLATION", *["PASS"] * 6) == ["started", *[""] * 6]
    account.pipelines.end()
    assert decisions(account, guard, "VIOLATION") == ["held-back"]
    item = client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": "retraining"}})["Item"]
    assert len(json.loads(item["verdicts"]["S"])) == 4


@given(st.lists(st.sampled_from(["started", "held-back", ""]), max_size=30), st.integers(1, 5))
def test_the_memory_neither_loses_its_last_start_nor_grows(sequence, keep):
    memory = Memory()
    for number, decision in enumerate(sequence):
        memory = memory.add(Verdict(f"e{number}", number, "PASS", "rmse", 1.0, 2.0, decision, decided=number), keep)
    starts = [number for number, decision in enumerate(sequence) if decision == "started"]
    assert (memory.last_start.decided if memory.last_start else None) == (starts[-1] if starts else None)
    assert len(memory.verdicts) <= keep + 1
    assert [verdict.execution for verdict in memory.verdicts][-keep:] == [f"e{n}" for n in range(len(sequence))][-keep:]


def test_a_missing_verdict_is_an_error_that_names_its_place(account):
    key = "executions/flats-dev-inference/nowhere/ModelQuality/verdict/verdict.json"
    with pytest.raises(ValueError, match=re.escape(f"ModelQuality left no s3://{SAMPLE.bucket}/{key}; read the log")):
        account.guard().judge(judged("nowhere"))


def test_a_bucket_that_fails_is_not_one_without_a_verdict(account):
    client("s3").delete_bucket(Bucket=SAMPLE.bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        account.guard().judge(judged("nowhere"))


@pytest.mark.parametrize(
    "event",
    [
        SAMPLE.step_changed("inference", "ModelQuality", "Failed"),
        SAMPLE.step_changed("inference", "Preprocess", "Succeeded"),
        SAMPLE.step_changed("training", "ModelQuality", "Succeeded"),
        SampleEvents(project="other").step_changed("inference", "ModelQuality", "Succeeded"),
        SAMPLE.package_changed(),
        {},
    ],
)
def test_neither_a_crash_nor_any_other_event_retrains(account, event):
    with pytest.raises(ValueError, match="has no verdict; only flats-dev-inference ModelQuality Succeeded has one"):
        account.guard().judge(event)
    assert account.pipelines.started == {}


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("ResourceNotFound", RuntimeError, "pipeline flats-dev-training-hpo, .* is not deployed; .* deploy --env dev"),
        ("ThrottlingException", ClientError, "ThrottlingException"),
    ],
)
def test_a_pipeline_that_cannot_be_listed_is_an_error(account, code, error, message):
    account.pipelines.list_error = refused(code)
    with pytest.raises(error, match=message):
        account.guard().judge(account.batch())


VARIABLES = {
    "PROJECT": "flats",
    "ENVIRONMENT": "dev",
    "BUCKET": SAMPLE.bucket,
    "TABLE": TABLE,
    "COOLDOWN_HOURS": "24",
    "VIOLATIONS": "2",
    "VERDICTS": "3",
}


def test_even_without_a_cooldown_a_start_that_sagemaker_does_not_list_yet_holds_back(account):
    cooldown = Settings.from_variables(VARIABLES | {"COOLDOWN_HOURS": "0"}).cooldown
    guard = account.guard(cooldown=cooldown)
    guard.judge(account.batch())
    account.pipelines.end()
    account.now += 60
    assert guard.judge(account.batch())["reason"] == (
        "The last retraining was started 1 minute ago; the cooldown is 15 minutes."
    )
    account.now += 14 * 60
    assert guard.judge(account.batch())["decision"] == "started"


def test_the_handler_reads_the_variables_of_terraform_and_logs_one_line(account, monkeypatch, capsys):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    answer = handler(account.batch(), None)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == answer
    assert answer["decision"] == "held-back"
    assert answer["reason"] == "The verdict is a violation; retraining takes 2 of 3."
