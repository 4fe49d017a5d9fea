"""What a rule matches reaches its target: a function, a pipeline; and what fails there reaches a queue."""

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
    """Rules of the test's own, whose targets get what it puts on the bus."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.events = lab.cloud.client("events")
        self.number = next(_numbers)
        self.source = f"{SOURCE}.{self.number}"
        self._rules: list[str] = []
        self._before = len(read_deliveries(lab.cloud.work))

    def rule(self, target: str, *, permit: bool = True, state: str = "ENABLED", **more: Any) -> str:
        """Have a target told of the test's events, and give back the rule's name."""
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
        """Put an event on the bus for each word, and wait for the end of all that it causes."""
        for word in words:
            entry = {"Source": self.source, "DetailType": "Word", "Detail": json.dumps({"word": word})}
            self.events.put_events(Entries=[entry])
        self.lab.cloud.settle()

    def deliveries(self) -> list[Delivery]:
        """What became of them."""
        return read_deliveries(self.lab.cloud.work)[self._before :]

    def log(self, delivery: Delivery) -> str:
        """What a function printed."""
        return str((self.lab.cloud.work / delivery["log"]).read_text(encoding="utf-8"))

    def close(self) -> None:
        """Take the rules away."""
        for name in self._rules:
            self.events.remove_targets(Rule=name, Ids=["target"])
            self.events.delete_rule(Name=name)


_numbers = count(1)


@pytest.fixture
def bus(opened: Lab) -> Iterator[Bus]:
    found = Bus(opened)
    yield found
    found.close()


@pytest.fixture
def function(bus: Bus) -> Callable[..., str]:
    """Makes a function of the test's own."""
    numbers = count(1)
    return lambda code, **more: bus.lab.register(f"f-{bus.number}-{next(numbers)}", {"code.py": code}, **more)


@pytest.fixture
def queue(bus: Bus) -> Callable[[str], tuple[str, Callable[[], list[dict[str, Any]]]]]:
    """Makes a queue, and says what is in it."""
    sqs = bus.lab.cloud.client("sqs")

    def make(name: str) -> tuple[str, Callable[[], list[dict[str, Any]]]]:
        url = sqs.create_queue(QueueName=f"{name}-{bus.number}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        many = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        return str(arn), lambda: sqs.receive_message(**many).get("Messages", [])

    return make


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: found["StringValue"] for name, found in message["MessageAttributes"].items()}


# Functions


def test_a_function_is_told_of_the_event_in_the_form_that_aws_has(bus: Bus, function: Callable[..., str]) -> None:
    rule = bus.rule(function(PRINT))
    bus.put("hello")
    (delivery,) = bus.deliveries()
    assert (delivery["rule"], delivery["outcome"], delivery["attempts"]) == (rule, "delivered", 1)
    told = json.loads(bus.log(delivery))
    assert (told["source"], told["detail-type"], told["detail"]) == (bus.source, "Word", {"word": "hello"})
    assert told["id"] == delivery["event"]
    assert told["time"].endswith("Z")
    assert set(told) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}


def test_events_reach_a_function_in_the_order_in_which_they_came(bus: Bus, function: Callable[..., str]) -> None:
    bus.rule(function(PRINT))
    bus.put(*"abcde")
    assert [json.loads(bus.log(delivery))["detail"]["word"] for delivery in bus.deliveries()] == list("abcde")


def test_a_function_that_fails_is_called_twice_more_after_pauses(bus: Bus, function: Callable[..., str]) -> None:
    bus.rule(function(FAIL_TWICE))
    before = len(bus.lab.clock.waited)
    bus.put("hello")
    (delivery,) = bus.deliveries()
    assert (delivery["attempts"], delivery["outcome"]) == (3, "delivered")
    assert bus.lab.clock.waited[before:] == [60.0, 120.0]
    assert bus.log(delivery).count("\nValueError: not yet") == 2


def test_what_a_function_fails_at_is_kept_in_its_dead_letter_queue(
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


def test_a_destination_for_failures_is_told_of_them_after_as_many_retries_as_it_says(
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
    told = json.loads(messages()[0]["Body"])
    assert told["requestPayload"]["detail"] == {"word": "luck"}
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert (told["responsePayload"]["errorType"], told["responsePayload"]["errorMessage"]) == ("ValueError", "no luck")


def test_a_function_whose_queue_is_gone_says_so(bus: Bus, function: Callable[..., str]) -> None:
    gone = "arn:aws:sqs:us-east-1:123456789012:gone"
    bus.rule(function(FAIL, DeadLetterConfig={"TargetArn": gone}))
    bus.put("luck")
    (delivery,) = bus.deliveries()
    assert delivery["kept"] == []
    assert f"{gone} did not take it" in delivery["reason"]


# Targets that cannot be reached


@pytest.mark.parametrize(
    ("permit", "target", "code"),
    [
        (False, None, "NO_PERMISSIONS"),
        (False, "arn:aws:lambda:us-east-1:123456789012:function:none", "RESOURCE_NOT_FOUND"),
        (False, "arn:aws:sagemaker:us-east-1:123456789012:pipeline/none", "ValidationException"),
        (False, "arn:aws:sqs:us-east-1:123456789012:none", "QueueDoesNotExist"),
    ],
    ids=["a function that lets nobody call it", "no such function", "no such pipeline", "no such queue"],
)
def test_an_event_for_a_target_out_of_reach_is_kept_in_the_targets_queue(
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


def test_an_event_that_nobody_keeps_is_written_down_all_the_same(bus: Bus) -> None:
    bus.rule("arn:aws:lambda:us-east-1:123456789012:function:none", permit=False)
    bus.put("hello")
    (delivery,) = bus.deliveries()
    assert (delivery["outcome"], delivery["kept"]) == ("undelivered", [])


def test_a_disabled_rule_tells_nobody(bus: Bus, function: Callable[..., str]) -> None:
    bus.rule(function(PRINT), state="DISABLED")
    bus.put("hello")
    assert bus.deliveries() == []


# What a target is told


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"Input": '{"fixed": true}'}, {"fixed": True}),
        ({"InputPath": "$.detail"}, {"word": "hello"}),
        (
            {"InputTransformer": {"InputPathsMap": {"w": "$.detail.word"}, "InputTemplate": '{"said": "<w>"}'}},
            {"said": "hello"},
        ),
    ],
    ids=["always the same", "a part", "in other words"],
)
def test_a_target_is_told_what_it_wants_to_be_told(
    bus: Bus, function: Callable[..., str], wanted: dict[str, Any], told: dict[str, Any]
) -> None:
    bus.rule(function(PRINT), **wanted)
    bus.put("hello")
    assert json.loads(bus.log(bus.deliveries()[0])) == told


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


# Calls through the API


def test_a_function_that_is_called_by_the_api_answers(bus: Bus, function: Callable[..., str]) -> None:
    arn = function("def main(event, context):\n    return {'got': event}\n")
    answer = bus.lab.cloud.client("lambda").invoke(FunctionName=arn, Payload=b'{"a": 1}')
    assert answer["StatusCode"] == 200
    assert json.load(answer["Payload"]) == {"got": {"a": 1}}


def test_a_function_that_fails_tells_whoever_called_it(bus: Bus, function: Callable[..., str]) -> None:
    answer = bus.lab.cloud.client("lambda").invoke(FunctionName=function(FAIL), Payload=b'{"detail": {"word": "luck"}}')
    assert answer["FunctionError"] == "Unhandled"
    told = json.load(answer["Payload"])
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "no luck")


def test_a_function_that_takes_too_long_tells_so(bus: Bus, function: Callable[..., str]) -> None:
    slow = function("import time\ndef main(event, context):\n    time.sleep(600)\n", seconds=1)
    answer = bus.lab.cloud.client("lambda").invoke(FunctionName=slow)
    assert "more than the 1 seconds" in json.load(answer["Payload"])["errorMessage"]


def test_a_function_may_be_called_without_waiting_for_it(bus: Bus, function: Callable[..., str]) -> None:
    answer = bus.lab.cloud.client("lambda").invoke(
        FunctionName=function(PRINT), InvocationType="Event", Payload=b'{"a": 1}'
    )
    assert answer["StatusCode"] == 202
    bus.lab.cloud.settle()
    assert json.loads(bus.log(bus.deliveries()[0])) == {"a": 1}


# Waiting for the end of it all


def test_settling_waits_for_what_an_execution_causes(bus: Bus, function: Callable[..., str]) -> None:
    pattern = {"source": ["aws.sagemaker"], "detail": {"currentPipelineExecutionStatus": ["Succeeded"]}}
    bus.rule(function(PRINT))
    bus.events.put_rule(Name=f"rule-{bus.number}-0", EventPattern=json.dumps(pattern))
    bus.lab.cloud.start(bus.lab.deploy(bus.lab.job("First")))
    bus.lab.cloud.settle()
    (delivery,) = bus.deliveries()
    assert delivery["detail_type"] == "SageMaker Model Building Pipeline Execution Status Change"


def test_settling_gives_up_at_some_time(bus: Bus) -> None:
    arn = bus.lab.cloud.start(bus.lab.deploy(bus.lab.job("Slow", "import time; time.sleep(600)", seconds=700)))
    with pytest.raises(TimeoutError, match="still under way"):
        bus.lab.cloud.settle(0.1)
    bus.lab.cloud.stop(arn)
    bus.lab.cloud.settle()


def test_what_nothing_starts_is_not_waited_for_without_end(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_kit.local_cloud.cloud.START_SECONDS", 0.1)
    with pytest.raises(TimeoutError, match="nothing has started the training pipeline"):
        bus.lab.cloud.next_execution("training", 0)
