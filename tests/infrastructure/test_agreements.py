"""What Terraform writes is what the code reads, name by name: variables, parameters, actions, switches, packages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import wiring
from policies import policies
from resources import of_kind
from stacks import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

# Every function may do these, which its docstring calls "those of every function's log", and the dead-letter queue, the
# key and the traces that Lambda itself needs.
OF_EVERY_FUNCTION = {
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
    """Run Python where a project's modules lie, and return what it prints."""
    done = subprocess.run([sys.executable, *arguments], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_variables_and_parameters_have_the_names_that_the_code_reads(live: Stack) -> None:
    facts = run(live.project, "-c", "from mlops_kit.aws import environment as e; print(*e.TERRAFORM_OUTPUTS)").split()
    assert wiring.disagreements(live.made, live.place.stem, live.project, facts) == []


def test_every_function_of_the_project_is_made(live: Stack) -> None:
    folders = {path.parent.name.replace("_", "-") for path in (live.project / "lambdas").glob("*/handler.py")}
    made = {function["function_name"] for function in of_kind(live.made, "aws_lambda_function")}
    assert made == {f"{live.place.stem}-{folder}" for folder in folders}


def test_each_function_may_do_what_its_docstring_asks_for_and_nothing_else(live: Stack) -> None:
    allowed: dict[str, set[str]] = {}
    for policy in policies(of_kind(live.made, "aws_iam_role_policy")):
        role = policy.resource["role"].removeprefix(f"{live.place.stem}-")
        actions = {action for statement in policy.allowing for action in statement.actions}
        allowed[role] = allowed.get(role, set()) | actions
    for path in sorted((live.project / "lambdas").glob("*/handler.py")):
        asked = actions_asked_for(path)
        name = path.parent.name.replace("_", "-")
        assert allowed[name] - OF_EVERY_FUNCTION == asked - OF_EVERY_FUNCTION, name


def actions_asked_for(handler: Path) -> set[str]:
    """The IAM actions that a docstring names, such as s3:GetObject, or dynamodb:GetItem and PutItem."""
    asked = handler.read_text("utf-8").partition("IAM actions")[2].partition('"""')[0]
    found = [(service, names) for service, names in NAMED_ACTIONS.findall(asked)]
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


@pytest.mark.parametrize("live", ["shop", "neighbour"], indirect=True)  # the default project is gone by now
def test_the_pipelines_find_what_terraform_made(live: Stack) -> None:
    found = json.loads(run(live.project, "-c", WITH_OUTPUTS, live.cloud.url, live.place.environment))
    made = live.terraform.outputs()
    for fact in ("bucket", "kms_key_arn", "role_arn", "model_package_group", "subnets", "security_groups"):
        assert found[fact] == made[fact], fact
    assert found["derived"] == []


def test_the_pipelines_declare_the_parameters_that_schedules_hand_over(shop: Stack, tmp_path: Path) -> None:
    schedules = of_kind(shop.made, "aws_scheduler_schedule")
    run(shop.project, "-m", "mlops_kit", "compile", "--output", str(tmp_path))
    assert len(schedules) == 2
    for schedule in schedules:
        kind = schedule["name"].removeprefix(f"{shop.place.stem}-")
        definition = json.loads((tmp_path / f"{kind}.json").read_text("utf-8"))
        declared = {parameter["Name"] for parameter in definition["Parameters"]}
        assert set(wiring.parameters_of(schedule)) <= declared


def test_each_switch_of_the_messages_is_a_rule_that_calls_notify(shop: Stack) -> None:
    switches = yaml.safe_load((shop.project / "config" / "events.yaml").read_text("utf-8"))["notifications"]["tell"]
    targets = of_kind(shop.made, "aws_cloudwatch_event_target")
    told = {target["rule"] for target in targets if target["arn"].endswith("-notify")}
    assert told == {f"{shop.place.stem}-{switch.replace('_', '-')}" for switch in switches}


def test_the_answers_reach_what_is_made(shop: Stack, neighbour: Stack) -> None:
    emails = [found["endpoint"] for found in of_kind(shop.made, "aws_sns_topic_subscription")]
    assert emails == ["ada@example.com"]
    assert of_kind(neighbour.made, "aws_sns_topic_subscription", "aws_vpc") == []
    assert len(of_kind(neighbour.made, "aws_scheduler_schedule")) == 2
