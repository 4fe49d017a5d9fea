"""Terraform writes the names that the code reads: variables, parameters, actions, switches, functions."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import integration_contracts
from policies import policies
from resources import of_kind
from stacks import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

# Actions that every function has: its log, and the dead-letter queue, the key and the traces that Lambda itself needs.
COMMON_ACTIONS = {
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
NAMED_ACTIONS = re.compile(r"([a-z0-9]+):([A-Z]\w+(?:(?:,|,? and)\s+[A-Z]\w+)*)")  # dynamodb:GetItem, PutItem and Query


def run(project: Path, *arguments: str) -> str:
    """Run Python in a project, and return its output."""
    done = subprocess.run([sys.executable, *arguments], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_variables_and_parameters_have_the_names_that_the_code_reads(live: Stack) -> None:
    facts = run(live.project, "-c", "from mlops_kit.aws import environment as e; print(*e.TERRAFORM_OUTPUTS)").split()
    assert integration_contracts.disagreements(live.made, live.place.name_prefix, live.project, facts) == []


def test_every_function_of_the_project_is_created(live: Stack) -> None:
    folders = {path.parent.name.replace("_", "-") for path in (live.project / "lambdas").glob("*/handler.py")}
    made = {function["function_name"] for function in of_kind(live.made, "aws_lambda_function")}
    assert made == {f"{live.place.name_prefix}-{folder}" for folder in folders}


def test_each_function_has_the_actions_in_its_docstring_and_no_others(live: Stack) -> None:
    allowed: dict[str, set[str]] = {}
    for policy in policies(of_kind(live.made, "aws_iam_role_policy")):
        role = policy.resource["role"].removeprefix(f"{live.place.name_prefix}-")
        actions = {action for statement in policy.allowing for action in statement.actions}
        allowed[role] = allowed.get(role, set()) | actions
    for path in sorted((live.project / "lambdas").glob("*/handler.py")):
        documented = documented_actions(path)
        name = path.parent.name.replace("_", "-")
        assert allowed[name] - COMMON_ACTIONS == documented - COMMON_ACTIONS, name


def documented_actions(handler: Path) -> set[str]:
    """The IAM actions in a docstring, such as s3:GetObject, or dynamodb:GetItem and PutItem."""
    text = handler.read_text("utf-8").partition("IAM actions")[2].partition('"""')[0]
    found = [(service, names) for service, names in NAMED_ACTIONS.findall(text)]
    return {f"{service}:{name}" for service, names in found for name in re.findall(r"[A-Z]\w+", names)}


WITH_OUTPUTS = """
import json, sys
from dataclasses import replace
from pathlib import Path
from mlops_kit.aws.environment import load_environment
from mlops_kit.aws.terraform_outputs import with_outputs
environment = replace(load_environment("dev", Path()), name=sys.argv[2], endpoint_url=sys.argv[1])
print(json.dumps(vars(with_outputs(environment))))
"""


@pytest.mark.parametrize("live", ["shop", "neighbour"], indirect=True)  # the default project is already destroyed
def test_the_pipelines_read_what_terraform_created(live: Stack) -> None:
    found = json.loads(run(live.project, "-c", WITH_OUTPUTS, live.cloud.url, live.place.environment))
    made = live.terraform.outputs()
    for fact in ("bucket", "kms_key_arn", "role_arn", "model_package_group", "subnets", "security_groups"):
        assert found[fact] == made[fact], fact
    assert found["derived"] == []


def test_the_pipelines_declare_the_parameters_of_schedules(shop: Stack, tmp_path: Path) -> None:
    schedules = of_kind(shop.made, "aws_scheduler_schedule")
    run(shop.project, "-m", "mlops_kit", "compile", "--output", str(tmp_path))
    assert len(schedules) == 2
    for schedule in schedules:
        kind = schedule["name"].removeprefix(f"{shop.place.name_prefix}-")
        definition = json.loads((tmp_path / f"{kind}.json").read_text("utf-8"))
        declared = {parameter["Name"] for parameter in definition["Parameters"]}
        assert set(integration_contracts.parameters_of(schedule)) <= declared


def test_each_notification_switch_has_a_rule_that_calls_notify(shop: Stack) -> None:
    switches = yaml.safe_load((shop.project / "config" / "events.yaml").read_text("utf-8"))["notifications"]["tell"]
    targets = of_kind(shop.made, "aws_cloudwatch_event_target")
    notified = {target["rule"] for target in targets if target["arn"].endswith("-notify")}
    assert notified == {f"{shop.place.name_prefix}-{switch.replace('_', '-')}" for switch in switches}


def test_the_answers_configure_the_resources(shop: Stack, neighbour: Stack) -> None:
    emails = [found["endpoint"] for found in of_kind(shop.made, "aws_sns_topic_subscription")]
    assert emails == ["ada@example.com"]
    assert of_kind(neighbour.made, "aws_sns_topic_subscription", "aws_vpc") == []
    assert len(of_kind(neighbour.made, "aws_scheduler_schedule")) == 2
