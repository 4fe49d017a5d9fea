"""Events reach the targets of their rules, functions and pipelines; failed ones reach a queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from mlops_kit.local_cloud.events.targets import read_deliveries
from pipeline_harness import Lab, open_lab, statuses

SOURCE = "test"
PRINT = "import json\ndef main(event, context):\n    print(json.dumps(event))\n"
FAIL_TWICE = """
import os, pathlib
def main(event, context):
    seen = pathlib.Path("..", "..", "..", "..", "seen").resolve()
    seen.write_text(seen.read_text() + "x" if seen.exists() else "x")
    if len(seen.read_text()) < 3:
        raise ValueError("not yet")
    assert context.aws_request_id in str(seen)
"""
FAIL = "def main(event, context):\n    raise ValueError('no ' + event['detail']['word'])\n"

Delivery = dict[str, Any]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


class Bus:
    """Rules and events of one test."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.events = lab.cloud.client("events")
        self.number = next(_numbers)
        self.source = f"{SOURCE}.{self.number}"
        self._rules: list[str] = []
        self._before = len(read_deliveries(lab.cloud.work))

    def rule(self, target: str, *, permit: bool = True, state: str = "ENABLED", **more: Any) -> str:
        """Create a rule that sends the test's events to a target, and return its name."""
        name = f"rule-{self.number}-{len(self._rules)}"
        pattern = json.dumps({"source": [self.source]})
        arn = self.events.put_rule(Name=name, EventPattern=pattern, State=state)["RuleArn"]
        self.events.put_targets(Rule=name, Targets=[{"Id": "target", "Arn": target, **more}])
        self._rules.append(name)
        if permit and ":function:" in target:
            self.lab.cloud.client("lambda").add_permission(
                FunctionName=target,
                StatementId=name,
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=arn,
            )
        return name

    def put(self, *words: str) -> None:
        """Put an event on the bus for each word, and wait until everything it causes has ended."""
        for word in words:
            entry = {"Source": self.source, "DetailType": "Word", "Detail": json.dumps({"word": word})}
            self.events.put_events(Entries=[entry])
        self.lab.cloud.settle()

    def deliveries(self) -> list[Delivery]:
        """The deliveries of this test."""
        return read_deliveries(self.lab.cloud.work)[self._before :]

    def log(self, delivery: Delivery) -> str:
        """The output of a function."""
        return str((self.lab.cloud.work / delivery["log"]).read_text(encoding="utf-8"))

    def close(self) -> None:
        """Delete the rules."""
        for name in self._rules:
            self.events.remove_targets(Rule=name, Ids=["target"])
            self.events.delete_rule(Name=name)


_numbers = count(1)


@pytest.fixture
def bus(opened: Lab) -> Iterator[Bus]:
    rules = Bus(opened)
    yield rules
    rules.close()


@pytest.fixture
def function(bus: Bus) -> Callable[..., str]:
    """Creates a function."""
    numbers = count(1)
    return lambda code, **more: bus.lab.register(f"f-{bus.number}-{next(numbers)}", {"code.py": code}, **more)


@pytest.fixture
def queue(bus: Bus) -> Callable[[str], tuple[str, Callable[[], list[dict[str, Any]]]]]:
    """Creates a queue, and returns its ARN and a function that returns its messages."""
    sqs = bus.lab.cloud.client("sqs")

    def make(name: str) -> tuple[str, Callable[[], list[dict[str, Any]]]]:
        url = sqs.create_queue(QueueName=f"{name}-{bus.number}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        request = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        return str(arn), lambda: sqs.receive_message(**request).get("Messages", [])

    return make


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


# Functions


def test_a_function_receives_the_event_in_the_form_of_aws(bus: Bus, function: Callable[..., str]) -> None:
    rule = bus.rule(function(PRINT))
    bus.put("hello")
    (delivery,) = bus.deliveries()
    assert (delivery["rule"], delivery["outcome"], delivery["attempts"]) == (rule, "delivered", 1)
    event = json.loads(bus.log(delivery))
    assert (event["source"], event["detail-type"], event["detail"]) == (bus.source, "Word", {"word": "hello"})
    assert event["id"] == delivery["event"]
    assert event["time"].endswith("Z")
    assert set(event) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}


def test_events_reach_a_function_in_order(bus: Bus, function: Callable[..., str]) -> None:
    bus.rule(function(PRINT))
    bus.put(*"abcde")
    assert [json.loads(bus.log(delivery))["detail"]["word"] for delivery in bus.deliveries()] == list("abcde")


def test_a_failing_function_is_retried_twice_after_delays(bus: Bus, function: Callable[..., str]) -> None:
    bus.rule(function(FAIL_TWICE))
    before = len(bus.lab.clock.waited)
    bus.put("hello")
    (delivery,) = bus.deliveries()
    assert (delivery["attempts"], delivery["outcome"]) == (3, "delivered")
    assert bus.lab.clock.waited[before:] == [60.0, 120.0]
    assert bus.log(delivery).count("\nValueError: not yet") == 2


def test_an_event_that_a_function_fails_to_handle_reaches_its_dead_letter_queue(
    bus: Bus, function: Callable[..., str], queue: Callable[..., Any]
) -> None:
    arn, messages = queue("dead")
    bus.rule(function(FAIL, DeadLetterConfig={"TargetArn": arn}))
    bus.put("luck")
    (delivery,) = bus.deliveries()
    assert (delivery["outcome"], delivery["reason"], delivery["kept"]) == ("failed", "ValueError: no luck", [arn])
    (letter,) = messages()
    assert json.loads(letter["Body"])["detail"] == {"word": "luck"}
    about = attributes(letter)
    assert (about["ErrorCode"], about["ErrorMessage"]) == ("200", "ValueError: no luck")
    assert about["RequestID"] in delivery["log"]


def test_a_failure_destination_receives_a_record_after_the_configured_retries(
    bus: Bus, function: Callable[..., str], queue: Callable[..., Any]
) -> None:
    arn, messages = queue("failures")
    failing = function(FAIL)
    bus.lab.cloud.client("lambda").put_function_event_invoke_config(
        FunctionName=failing, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    bus.rule(failing)
    bus.put("luck")
    assert bus.deliveries()[0]["attempts"] == 1
    record = json.loads(messages()[0]["Body"])
    assert record["requestPayload"]["detail"] == {"word": "luck"}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert (record["responsePayload"]["errorType"], record["responsePayload"]["errorMessage"]) == (
        "ValueError",
        "no luck",
    )


def test_a_missing_dead_letter_queue_is_part_of_the_reason(bus: Bus, function: Callable[..., str]) -> None:
    missing = "arn:aws:sqs:us-east-1:123456789012:missing"
    bus.rule(function(FAIL, DeadLetterConfig={"TargetArn": missing}))
    bus.put("luck")
    (delivery,) = bus.deliveries()
    assert delivery["kept"] == []
    assert f"{missing} did not accept it" in delivery["reason"]


# Targets that cannot be reached


@pytest.mark.parametrize(
    ("permit", "target", "code"),
    [
        (False, None, "NO_PERMISSIONS"),
        (False, "arn:aws:lambda:us-east-1:123456789012:function:none", "RESOURCE_NOT_FOUND"),
        (False, "arn:aws:sagemaker:us-east-1:123456789012:pipeline/none", "ValidationException"),
        (False, "arn:aws:sqs:us-east-1:123456789012:none", "QueueDoesNotExist"),
    ],
    ids=["a function without a permission", "no such function", "no such pipeline", "no such queue"],
)
def test_an_event_for_an_unreachable_target_reaches_the_targets_queue(
    bus: Bus,
    function: Callable[..., str],
    queue: Callable[..., Any],
    permit: bool,
    target: str | None,
    code: str,
) -> None:
    arn, messages = queue("undelivered")
    rule = bus.rule(target or function(PRINT), permit=permit, DeadLetterConfig={"Arn": arn})
    bus.put("hello")
    (delivery,) = bus.deliveries()
    assert (delivery["outcome"], delivery["kept"]) == ("undelivered", [arn])
    (letter,) = messages()
    assert json.loads(letter["Body"])["detail"] == {"word": "hello"}
    about = attributes(letter)
    assert about["RULE_ARN"].endswith(f"rule/{rule}")
    assert about["ERROR_CODE"] == code
    assert about["ERROR_MESSAGE"] == delivery["reason"]


def test_an_undelivered_event_without_a_queue_is_recorded(bus: Bus) -> None:
    bus.rule("arn:aws:lambda:us-east-1:123456789012:function:none", permit=False)
    bus.put("hello")
    (delivery,) = bus.deliveries()
    assert (delivery["outcome"], delivery["kept"]) == ("undelivered", [])


def test_a_disabled_rule_sends_nothing(bus: Bus, function: Callable[..., str]) -> None:
    bus.rule(function(PRINT), state="DISABLED")
    bus.put("hello")
    assert bus.deliveries() == []


# What a target receives


@pytest.mark.parametrize(
    ("settings", "payload"),
    [
        ({"Input": '{"fixed": true}'}, {"fixed": True}),
        ({"InputPath": "$.detail"}, {"word": "hello"}),
        (
            {"InputTransformer": {"InputPathsMap": {"w": "$.detail.word"}, "InputTemplate": '{"text": "<w>"}'}},
            {"text": "hello"},
        ),
    ],
    ids=["a constant", "a part of the event", "a template"],
)
def test_a_target_receives_what_its_input_settings_select(
    bus: Bus, function: Callable[..., str], settings: dict[str, Any], payload: dict[str, Any]
) -> None:
    bus.rule(function(PRINT), **settings)
    bus.put("hello")
    assert json.loads(bus.log(bus.deliveries()[0])) == payload


def test_a_pipeline_is_started_with_the_parameters_of_its_target(bus: Bus) -> None:
    text = [{"Name": name, "Type": "String"} for name in ("Fixed", "Found")]
    kind = bus.lab.deploy(bus.lab.job("First"), parameters=text)
    name = bus.lab.cloud.environment.pipeline_name(kind)
    parameters = [{"Name": "Fixed", "Value": "always"}, {"Name": "Found", "Value": "$.detail.word"}]
    bus.rule(
        f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{name}",
        SageMakerPipelineParameters={"PipelineParameterList": parameters},
        RoleArn=bus.lab.cloud.environment.role_arn,
    )
    bus.put("hello")
    (arn,) = bus.lab.cloud.executions(kind)
    record = bus.lab.cloud.wait(arn)
    assert statuses(record) == {"First": "Succeeded"}
    assert record.parameters == {"Fixed": "always", "Found": "hello"}


# Invocations through the API


def test_a_synchronous_invocation_returns_the_answer(bus: Bus, function: Callable[..., str]) -> None:
    arn = function("def main(event, context):\n    return {'got': event}\n")
    answer = bus.lab.cloud.client("lambda").invoke(FunctionName=arn, Payload=b'{"a": 1}')
    assert answer["StatusCode"] == 200
    assert json.load(answer["Payload"]) == {"got": {"a": 1}}


def test_a_failed_invocation_returns_the_error(bus: Bus, function: Callable[..., str]) -> None:
    answer = bus.lab.cloud.client("lambda").invoke(FunctionName=function(FAIL), Payload=b'{"detail": {"word": "luck"}}')
    assert answer["FunctionError"] == "Unhandled"
    error = json.load(answer["Payload"])
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no luck")


def test_an_invocation_has_the_timeout_of_the_function(bus: Bus, function: Callable[..., str]) -> None:
    slow = function("import time\ndef main(event, context):\n    time.sleep(600)\n", seconds=1)
    answer = bus.lab.cloud.client("lambda").invoke(FunctionName=slow)
    assert "more than the 1 seconds" in json.load(answer["Payload"])["errorMessage"]


def test_an_asynchronous_invocation_returns_at_once(bus: Bus, function: Callable[..., str]) -> None:
    answer = bus.lab.cloud.client("lambda").invoke(
        FunctionName=function(PRINT), InvocationType="Event", Payload=b'{"a": 1}'
    )
    assert answer["StatusCode"] == 202
    bus.lab.cloud.settle()
    assert json.loads(bus.log(bus.deliveries()[0])) == {"a": 1}


# Waiting until everything has ended


def test_settle_waits_for_what_an_execution_causes(bus: Bus, function: Callable[..., str]) -> None:
    pattern = {"source": ["aws.sagemaker"], "detail": {"currentPipelineExecutionStatus": ["Succeeded"]}}
    bus.rule(function(PRINT))
    bus.events.put_rule(Name=f"rule-{bus.number}-0", EventPattern=json.dumps(pattern))
    bus.lab.cloud.start(bus.lab.deploy(bus.lab.job("First")))
    bus.lab.cloud.settle()
    (delivery,) = bus.deliveries()
    assert delivery["detail_type"] == "SageMaker Model Building Pipeline Execution Status Change"


def test_settle_has_a_timeout(bus: Bus) -> None:
    arn = bus.lab.cloud.start(bus.lab.deploy(bus.lab.job("Slow", "import time; time.sleep(600)", seconds=700)))
    with pytest.raises(TimeoutError, match="still running"):
        bus.lab.cloud.settle(0.1)
    bus.lab.cloud.stop(arn)
    bus.lab.cloud.settle()


def test_waiting_for_an_execution_has_a_timeout(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_kit.local_cloud.cloud.START_TIMEOUT", 0.1)
    with pytest.raises(TimeoutError, match="nothing has started the training pipeline"):
        bus.lab.cloud.next_execution("training", 0)
