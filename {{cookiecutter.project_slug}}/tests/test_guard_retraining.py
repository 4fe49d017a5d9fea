from __future__ import annotations

import io
import json
import re
from functools import cache, partial

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from sample_events import SampleEvents

from lambdas.guard_retraining import handler as module
from lambdas.guard_retraining.handler import Guard, Memory, Settings, Table, Tuning, Verdict, handler

SAMPLE = SampleEvents()
HOUR = 3600
client = cache(boto3.client)


class Pipelines:
    """SageMaker's client: knows what runs, and starts nothing twice under a token."""

    def __init__(self):
        self.started = {}
        self.statuses = {}
        self.error = None

    def list_pipeline_executions(self, PipelineName, **_):  # noqa: N803
        assert PipelineName == "flats-dev-training-hpo"
        summaries = [
            {"PipelineExecutionArn": arn, "PipelineExecutionStatus": status} for arn, status in self.statuses.items()
        ]
        return {"PipelineExecutionSummaries": summaries}

    def start_pipeline_execution(self, PipelineName, PipelineParameters, ClientRequestToken):  # noqa: N803
        if self.error:
            raise self.error
        if ClientRequestToken not in self.started:
            arn = SAMPLE.execution("training-hpo", f"t{len(self.started)}")
            self.started[ClientRequestToken] = (PipelineName, PipelineParameters, arn)
            self.statuses[arn] = "Executing"
        return {"PipelineExecutionArn": self.started[ClientRequestToken][2]}

    def end(self):
        self.statuses = dict.fromkeys(self.statuses, "Succeeded")


class Bus:
    """EventBridge's client, which takes what it gets unless told otherwise."""

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


class World:
    """A guard and all that it talks to; its clock stands still until somebody moves it."""

    def __init__(self):
        self.pipelines, self.bus, self.now = Pipelines(), Bus(), 1_000_000.0
        self.batches = 0

    def guard(self, dynamodb=None, **settings):
        wanted = {"cooldown": 24, "violations": 1, "verdicts": 1} | settings
        found = Settings("flats", "dev", SAMPLE.bucket, "flats-dev-events", **wanted)
        table = Table(dynamodb or client("dynamodb"), found.table)
        tuning = Tuning(self.pipelines, found.pipeline("training-hpo"), "dev")
        return Guard(found, client("s3"), self.bus, table, tuning, clock=lambda: self.now)

    def batch(self, verdict="VIOLATION", minute=None):
        """The event of an inference that was just judged, or in some minute of the day."""
        self.batches += 1
        number, minute = f"batch{self.batches}", self.batches if minute is None else minute
        found = {"verdict": verdict, "metric": "rmse", "value": 26.5912, "threshold": 2.5, "rows": {}}
        key = f"executions/flats-dev-inference/{number}/ModelQuality/verdict/verdict.json"
        client("s3").put_object(Bucket=SAMPLE.bucket, Key=key, Body=json.dumps(found).encode())
        return judged(number, stepEndTime=f"2026-11-21T{minute // 60:02}:{minute % 60:02}:00.123Z")


def judged(number, **detail):
    return SAMPLE.step_changed("inference", "ModelQuality", "Succeeded", number, **detail)


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        place = {"LocationConstraint": "eu-west-1"}
        client("s3").create_bucket(Bucket=SAMPLE.bucket, CreateBucketConfiguration=place)
        make_table()
        yield World()


def make_table():
    client("dynamodb").create_table(
        TableName="flats-dev-events",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def decisions(world, guard, *verdicts):
    """What is decided on one batch after another; empty where nothing is."""
    return [guard.judge(world.batch(verdict)).get("decision", "") for verdict in verdicts]


def test_the_first_violation_starts_a_training(world):
    answer = world.guard().judge(world.batch())
    ((name, parameters, arn),) = world.pipelines.started.values()
    assert name == "flats-dev-training-hpo"
    assert {parameter["Name"]: parameter["Value"] for parameter in parameters} == {
        "Trigger": "quality-violation",
        "TriggerKey": SAMPLE.execution("inference", "batch1"),
        "TriggerVersion": "none",
    }
    assert answer["trainingExecutionArn"] == arn


def test_a_decision_is_an_event_with_its_reason(world):
    world.guard().judge(world.batch())
    assert world.bus.details == [
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


@pytest.mark.parametrize("verdict", ["PASS", "NO_LABELS"])
def test_what_is_no_violation_starts_and_tells_nothing(world, verdict):
    answer = world.guard().judge(world.batch(verdict))
    assert answer == {"execution": SAMPLE.execution("inference", "batch1"), "verdict": verdict}
    assert (world.pipelines.started, world.bus.details) == ({}, [])


def test_it_takes_so_many_violations_among_so_many_verdicts(world):
    guard = world.guard(violations=2, verdicts=3)
    held, started = "held-back", "started"
    assert decisions(world, guard, "VIOLATION", "PASS", "PASS", "VIOLATION", "PASS", "VIOLATION") == [
        *(held, "", "", held, "", started)
    ]
    reasons = [detail["reason"] for detail in world.bus.details]
    assert reasons[:2] == [
        "The verdict is a violation; retraining takes 2 of 3.",
        "1 of the last 3 verdicts are violations; retraining takes 2 of 3.",
    ]
    assert reasons[2].startswith("2 of the last 3 verdicts are violations, and no retraining was started")


def test_a_batch_without_labels_has_no_verdict_that_would_count(world):
    guard = world.guard(violations=2, verdicts=2)
    assert decisions(world, guard, "VIOLATION", "NO_LABELS", "VIOLATION")[-1] == "started"


def test_verdicts_count_in_the_order_they_were_given_not_in_that_of_their_events(world):
    guard = world.guard()
    guard.judge(world.batch("PASS", minute=30))
    late = guard.judge(world.batch("VIOLATION", minute=20))
    assert late["decision"] == "held-back"
    assert world.pipelines.started == {}


def test_nothing_is_started_within_the_cooldown(world):
    guard = world.guard()
    guard.judge(world.batch())
    world.pipelines.end()
    world.now += 23.5 * HOUR
    assert guard.judge(world.batch())["reason"] == (
        "The last retraining was started 23.5 hours ago, and the cooldown is 24 hours."
    )
    world.now += 0.5 * HOUR
    assert guard.judge(world.batch())["decision"] == "started"


def test_what_was_held_back_does_not_prolong_the_cooldown(world):
    guard = world.guard(cooldown=2)
    found = []
    for _ in range(5):
        found += decisions(world, guard, "VIOLATION")
        world.pipelines.end()
        world.now += HOUR
    assert found == ["started", "held-back", "started", "held-back", "started"]


@pytest.mark.parametrize("status", ["Executing", "Stopping"])
def test_nothing_is_started_while_a_training_runs_whoever_started_it(world, status):
    arn = SAMPLE.execution("training-hpo", "byhand")
    world.pipelines.statuses = {arn: status}
    answer = world.guard().judge(world.batch())
    assert (answer["decision"], answer["trainingExecutionArn"]) == ("held-back", None)
    assert answer["reason"] == f"flats-dev-training-hpo is running already: {arn}."


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_what_has_ended_is_not_in_the_way(world, status):
    world.pipelines.statuses = {SAMPLE.execution("training-hpo", "earlier"): status}
    assert decisions(world, world.guard(), "VIOLATION") == ["started"]


@pytest.mark.parametrize("first", ["started", "held-back"])
def test_an_event_that_comes_twice_leads_to_the_same_decision(world, first):
    guard = world.guard(violations=1 if first == "started" else 2, verdicts=2)
    event = world.batch()
    answers = [guard.judge(event)]
    world.now += 48 * HOUR
    answers.append(guard.judge(event))
    assert answers[0] == answers[1]
    assert answers[0]["decision"] == first
    assert len(world.pipelines.started) == (first == "started")


def test_a_pass_that_comes_twice_is_one_verdict(world):
    guard = world.guard(violations=2, verdicts=3)
    event = world.batch("PASS")
    for _ in range(3):
        guard.judge(event)
    assert decisions(world, guard, "VIOLATION", "VIOLATION") == ["held-back", "started"]


def test_what_broke_off_between_remembering_and_starting_is_started_by_the_retry(world):
    guard, event = world.guard(), world.batch()
    world.pipelines.error = EndpointConnectionError(endpoint_url="https://api.sagemaker")
    with pytest.raises(EndpointConnectionError):
        guard.judge(event)
    assert decisions(world, guard, "VIOLATION") == ["held-back"], "another one counts on that start"
    world.pipelines.error = None
    assert guard.judge(event)["decision"] == "started"
    assert len(world.pipelines.started) == 1


def test_what_broke_off_after_starting_starts_nothing_more(world):
    guard, event = world.guard(), world.batch()
    world.bus.failing = True
    with pytest.raises(RuntimeError, match="did not take the event 'Retraining Decision': ThrottlingException: slow"):
        guard.judge(event)
    world.bus.failing = False
    assert guard.judge(event)["decision"] == "started"
    assert len(world.pipelines.started) == len(world.bus.details) == 1


def refused(code, status):
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "StartPipelineExecution")


def test_a_start_that_was_refused_is_forgotten_and_holds_nothing_back(world):
    guard = world.guard()
    world.pipelines.error = refused("ThrottlingException", 400)
    with pytest.raises(ClientError, match="ThrottlingException"):
        guard.judge(world.batch())
    world.pipelines.error = None
    assert decisions(world, guard, "VIOLATION") == ["started"]


def test_a_start_that_may_have_happened_is_not_forgotten(world):
    guard = world.guard()
    world.pipelines.error = refused("InternalFailure", 500)
    with pytest.raises(ClientError, match="InternalFailure"):
        guard.judge(world.batch())
    world.pipelines.error = None
    assert decisions(world, guard, "VIOLATION") == ["held-back"]


class Interrupted:
    """DynamoDB's client, before each of whose first writes something else happens."""

    def __init__(self, *interruptions):
        self.interruptions = list(interruptions)

    def get_item(self, **request):
        return client("dynamodb").get_item(**request)

    def put_item(self, **request):
        if self.interruptions:
            self.interruptions.pop(0)()
        return client("dynamodb").put_item(**request)


@pytest.mark.parametrize("known", [0, 1])
def test_of_two_at_once_one_starts_and_the_other_sees_it(world, known):
    decisions(world, world.guard(), *["PASS"] * known)
    other = world.batch()
    second = world.guard(Interrupted(lambda: world.guard().judge(other)))
    answer = second.judge(world.batch())
    assert answer["decision"] == "held-back"
    assert len(world.pipelines.started) == 1
    assert [detail["decision"] for detail in world.bus.details] == ["started", "held-back"]


def test_the_same_event_twice_at_once_is_one_decision(world):
    event = world.batch()
    answer = world.guard(Interrupted(lambda: world.guard().judge(event))).judge(event)
    assert answer["decision"] == "started"
    assert len(world.pipelines.started) == 1


def test_who_never_gets_to_write_gives_up_and_may_be_called_again(world):
    others = [partial(world.guard().judge, world.batch("PASS")) for _ in range(module.ATTEMPTS)]
    with pytest.raises(RuntimeError, match="others wrote to the table flats-dev-events 10 times in between"):
        world.guard(Interrupted(*others)).judge(world.batch())
    assert world.pipelines.started == {}


def test_a_table_that_refuses_is_an_error_and_nothing_is_started(world):
    gone = Interrupted(partial(client("dynamodb").delete_table, TableName="flats-dev-events"))
    with pytest.raises(ClientError, match="ResourceNotFound"):
        world.guard(gone).judge(world.batch())
    assert world.pipelines.started == {}


def test_only_so_many_verdicts_are_kept_and_the_cooldown_outlives_them(world, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    guard = world.guard()
    assert decisions(world, guard, "VIOLATION", *["PASS"] * 6) == ["started", *[""] * 6]
    world.pipelines.end()
    assert decisions(world, guard, "VIOLATION") == ["held-back"]
    item = client("dynamodb").get_item(TableName="flats-dev-events", Key={"id": {"S": "retraining"}})["Item"]
    assert len(json.loads(item["verdicts"]["S"])) == 4


@given(
    st.lists(st.sampled_from(["started", "held-back", ""]), max_size=30),
    st.integers(1, 5),
)
def test_the_memory_never_loses_its_last_start_nor_grows(decided, keep):
    memory = Memory()
    for number, decision in enumerate(decided):
        verdict = Verdict(f"e{number}", number, "PASS", "rmse", 1.0, 2.0, decision, decided=number)
        memory = memory.with_(verdict, keep)
    starts = [number for number, decision in enumerate(decided) if decision == "started"]
    assert (memory.last_start.decided if memory.last_start else None) == (starts[-1] if starts else None)
    assert len(memory.verdicts) <= keep + 1
    assert [verdict.execution for verdict in memory.verdicts][-keep:] == [f"e{n}" for n in range(len(decided))][-keep:]


def test_an_execution_that_left_no_verdict_is_an_error_that_says_where_it_should_be(world):
    key = "executions/flats-dev-inference/nowhere/ModelQuality/verdict/verdict.json"
    with pytest.raises(ValueError, match=re.escape(f"ModelQuality left no s3://{SAMPLE.bucket}/{key}; read the log")):
        world.guard().judge(judged("nowhere"))


def test_a_bucket_that_refuses_is_not_one_without_a_verdict(world):
    client("s3").delete_bucket(Bucket=SAMPLE.bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        world.guard().judge(judged("nowhere"))


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
def test_a_crash_and_any_other_event_never_retrain(world, event):
    with pytest.raises(ValueError, match="brings no verdict; flats-dev-inference ModelQuality Succeeded does"):
        world.guard().judge(event)
    assert world.pipelines.started == {}


def test_a_pipeline_that_is_not_deployed_is_an_error_that_says_how_to(world):
    def absent(**_):
        raise refused("ResourceNotFound", 400)

    world.pipelines.list_pipeline_executions = absent
    with pytest.raises(RuntimeError, match=r"no pipeline flats-dev-training-hpo .* deploy --env dev"):
        world.guard().judge(world.batch())


def test_a_list_that_is_refused_is_raised(world):
    def throttled(**_):
        raise refused("ThrottlingException", 400)

    world.pipelines.list_pipeline_executions = throttled
    with pytest.raises(ClientError, match="ThrottlingException"):
        world.guard().judge(world.batch())


VARIABLES = {
    "PROJECT": "flats",
    "ENVIRONMENT": "dev",
    "BUCKET": SAMPLE.bucket,
    "TABLE": "flats-dev-events",
    "COOLDOWN_HOURS": "24",
    "VIOLATIONS": "2",
    "VERDICTS": "3",
}


def test_even_without_a_cooldown_a_start_that_sagemaker_does_not_list_yet_holds_back(world):
    cooldown = Settings.from_variables(VARIABLES | {"COOLDOWN_HOURS": "0"}).cooldown
    guard = world.guard(cooldown=cooldown)
    guard.judge(world.batch())
    world.pipelines.end()
    world.now += 60
    assert guard.judge(world.batch())["reason"] == (
        "The last retraining was started 1 minute ago, and the cooldown is 15 minutes."
    )
    world.now += 14 * 60
    assert guard.judge(world.batch())["decision"] == "started"


def test_aws_lambda_hands_over_what_terraform_wrote_and_logs_one_line(world, monkeypatch, capsys):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    answer = handler(world.batch(), None)
    (line,) = io.StringIO(capsys.readouterr().out)
    assert json.loads(line) == answer
    assert answer["decision"] == "held-back"
    assert answer["reason"] == "The verdict is a violation; retraining takes 2 of 3."
