"""A Lambda step invokes the registered code of its function; so does the SDK's own LambdaStep."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pipeline_harness import Lab, condition, equals, open_lab, statuses, step_of

REGION = "us-east-1"
ADD = """
import os
import beside

def main(event, context):
    assert context.get_remaining_time_in_millis() > 0
    return {
        "sum": event["a"] + event["b"],
        "name": context.function_name,
        "greeting": beside.GREETING + os.environ["WHOM"],
        "large": True,
        "unused": None,
    }
"""
COUNT = """
import boto3

def main(event, context):
    bucket = boto3.client("s3").list_objects_v2(Bucket=event["bucket"], Prefix=event["prefix"])
    return {"count": str(bucket["KeyCount"])}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        opened.register("add", {"code.py": ADD, "beside.py": "GREETING = 'hello '\n"})
        opened.register("count", {"code.py": COUNT})
        opened.register("break", {"code.py": "def main(event, context):\n    raise ValueError('no data')\n"})
        opened.register("sleep", {"code.py": "import time\ndef main(event, context):\n    time.sleep(600)\n"}, 1)
        yield opened


def call(name: str, event: dict[str, Any], outputs: Sequence[tuple[str, str]], **more: Any) -> dict[str, Any]:
    """A Lambda step of a definition."""
    return {
        "Name": "Call",
        "Type": "Lambda",
        "FunctionArn": f"arn:aws:lambda:{REGION}:123456789012:function:{name}",
        "Arguments": event,
        "OutputParameters": [{"OutputName": output, "OutputType": kind} for output, kind in outputs],
        **more,
    }


def test_a_function_receives_its_event_and_variables_and_answers(lab: Lab) -> None:
    outputs = [("sum", "Integer"), ("name", "String"), ("greeting", "String"), ("large", "Boolean")]
    number = {"Name": "N", "Type": "Integer", "DefaultValue": 2}
    step = step_of(lab.run(call("add", {"a": {"Get": "Parameters.N"}, "b": 3}, outputs), parameters=[number]), "Call")
    expected = {"sum": 5, "name": "add", "greeting": "hello world", "large": True}
    assert step["result"] == {"OutputParameters": expected}
    assert step["note"] == "sum 5, name add, greeting hello world, large true"


def test_a_function_reaches_the_local_aws(lab: Lab) -> None:
    uri = lab.store("data", {"a.csv": "1", "b.csv": "2"})
    prefix = uri.partition(f"{lab.bucket}/")[2]
    record = lab.run(call("count", {"bucket": lab.bucket, "prefix": prefix}, [("count", "String")]))
    assert step_of(record, "Call")["result"]["OutputParameters"] == {"count": "2"}


def test_a_condition_may_refer_to_an_output(lab: Lab) -> None:
    check = condition("Check", equals({"Get": "Steps.Call.OutputParameters['sum']"}, 5), then=[lab.job("Yes")])
    record = lab.run(call("add", {"a": 2, "b": 3}, [("sum", "Integer")]), check)
    assert statuses(record) == {"Call": "Succeeded", "Check": "Succeeded", "Yes": "Succeeded"}


@pytest.mark.parametrize(
    ("name", "outputs", "reason"),
    [
        ("break", [], "the Lambda function break failed: ValueError: no data"),
        ("sleep", [], "the Lambda function sleep failed: ClientError: the job took more than the 1 seconds"),
        ("missing", [], f"there is no Lambda function arn:aws:lambda:{REGION}:123456789012:function:missing"),
        ("add", [("product", "String")], "the response of the Lambda function has no 'product'"),
        ("add", [("sum", "String")], "has 5 as 'sum', which is not of type String"),
        ("add", [("large", "Integer")], "has True as 'large', which is not of type Integer"),
    ],
)
def test_a_failure_has_its_reason(lab: Lab, name: str, outputs: list[tuple[str, str]], reason: str) -> None:
    assert reason in lab.run(call(name, {"a": 2, "b": 3}, outputs))["reason"]


def test_the_sdks_own_lambda_step_runs(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    from sagemaker.core.lambda_helper import Lambda
    from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
    from sagemaker.mlops.workflow.pipeline import Pipeline

    from mlops_kit.definition.steps import OfflineSession

    step = LambdaStep(
        name="Add",
        lambda_func=Lambda(function_arn=f"arn:aws:lambda:{REGION}:123456789012:function:add", session=OfflineSession()),
        inputs={"a": 40, "b": 2},
        outputs=[LambdaOutput(output_name="sum", output_type=LambdaOutputTypeEnum.Integer)],
    )
    definition = json.loads(Pipeline(name="p", steps=[step], sagemaker_session=OfflineSession()).definition())
    assert step_of(lab.run(*definition["Steps"]), "Add")["result"] == {"OutputParameters": {"sum": 42}}
