"""Checks that connected parts match: rules and functions, variables and code, schedules and definitions."""

from __future__ import annotations

import ast
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from policies import policies
from resources import Finding, Resource, of_kind
from sample_events import Expectation

RULES = "events.amazonaws.com"
KEY = re.compile(r"[A-Z][A-Z0-9_]+")  # the name of an environment variable
PARSING = threading.Lock()  # Python 3.11 cannot parse in two threads at the same time


def findings(made: Sequence[Resource]) -> list[Finding]:
    """Rules, targets, schedules, functions, buckets and queues with missing connections."""
    return [finding for check in CHECKS for finding in check(made)]


def _incomplete_rules(made: Sequence[Resource]) -> Iterator[Finding]:
    """A rule has a target that it may invoke, and a dead-letter queue for events that cannot be delivered."""
    allowed = {
        (found["source_arn"], found["function_name"])
        for found in of_kind(made, "aws_lambda_permission")
        if (found["action"], found["principal"]) == ("lambda:InvokeFunction", RULES)
    }
    for rule in of_kind(made, "aws_cloudwatch_event_rule"):
        targets = [found for found in of_kind(made, "aws_cloudwatch_event_target") if found["rule"] == rule["name"]]
        if not targets:
            yield Finding("rule without target", rule.address)
        for target in targets:
            if (rule["arn"], str(target["arn"]).rpartition(":")[2]) not in allowed:
                yield Finding("rule without permission", rule.address, target["arn"])
            yield from _without_queue(made, target, "dead_letter_config", "arn", rule["arn"])


def _incomplete_schedules(made: Sequence[Resource]) -> Iterator[Finding]:
    """A schedule passes its trigger to the pipeline, and has a dead-letter queue for failed starts."""
    for schedule in of_kind(made, "aws_scheduler_schedule"):
        if parameters_of(schedule).get("Trigger") != "schedule":
            yield Finding("schedule without Trigger", schedule.address)
        target = Resource(schedule.address, schedule.kind, schedule.block("target"))
        yield from _without_queue(made, target, "dead_letter_config", "arn")


def _incomplete_functions(made: Sequence[Resource]) -> Iterator[Finding]:
    """A function has a dead-letter queue, and a log group that Terraform manages."""
    groups = {group["name"] for group in of_kind(made, "aws_cloudwatch_log_group")}
    for function in of_kind(made, "aws_lambda_function"):
        yield from _without_queue(made, function, "dead_letter_config", "target_arn")
        if f"/aws/lambda/{function['function_name']}" not in groups:
            yield Finding("function without log", function.address)


def _buckets_without_events(made: Sequence[Resource]) -> Iterator[Finding]:
    """A bucket sends its events to EventBridge, except the one for access logs."""
    sending = {found["bucket"] for found in of_kind(made, "aws_s3_bucket_notification") if found["eventbridge"]}
    for bucket in of_kind(made, "aws_s3_bucket"):
        if bucket["bucket"] not in sending and not bucket["bucket"].endswith("-logs"):
            yield Finding("bucket without events", bucket.address)


def _queues_without_alarm(made: Sequence[Resource]) -> Iterator[Finding]:
    """A message in a dead-letter queue raises an alarm that is notified."""
    watched = {
        alarm["dimensions"].get("QueueName")
        for alarm in of_kind(made, "aws_cloudwatch_metric_alarm")
        if alarm["alarm_actions"]
    }
    for queue in of_kind(made, "aws_sqs_queue"):
        if queue["name"] not in watched:
            yield Finding("queue without alarm", queue.address)


def _without_queue(
    made: Sequence[Resource], source: Resource, block: str, key: str, sender: str | None = None
) -> Iterator[Finding]:
    """A finding unless a resource has one of the queues as its dead-letter queue, and the sender may write to it."""
    arn = source.block(block).get(key)
    queue = next((queue for queue in of_kind(made, "aws_sqs_queue") if queue["arn"] == arn), None)
    if queue is None:
        yield Finding("no dead-letter queue", source.address, str(arn))
    elif sender and not _takes_from(made, queue, sender):
        yield Finding("queue rejects rule", queue.address, sender)


def _takes_from(made: Sequence[Resource], queue: Resource, rule: str) -> bool:
    for policy in policies([queue, *of_kind(made, "aws_sqs_queue_policy")]):
        for statement in policy.allowing:
            sources = statement.condition("aws:SourceArn")
            if queue["arn"] in statement.resources and "events.amazonaws.com" in statement.principals.get(
                "Service", []
            ):
                return any(re.fullmatch(re.escape(source).replace(r"\*", ".*"), rule) for source in sources)
    return False


def parameters_of(schedule: Resource) -> dict[str, str]:
    """The parameters that a schedule passes to its pipeline."""
    target = schedule.block("target")
    parameters = (target.get("sagemaker_pipeline_parameters") or [{}])[0].get("pipeline_parameter") or []
    return {parameter["name"]: parameter["value"] for parameter in parameters}


def patterns(made: Sequence[Resource], name_prefix: str) -> dict[str, dict[str, Any]]:
    """The event pattern of each rule, by its short name."""
    return {
        rule["name"].removeprefix(f"{name_prefix}-"): json.loads(rule["event_pattern"])
        for rule in of_kind(made, "aws_cloudwatch_event_rule")
    }


def mismatched_rules(patterns: Mapping[str, Mapping[str, Any]], expectations: Iterable[Expectation]) -> list[Finding]:
    """Events that match the wrong rules.

    Args:
        patterns: the pattern of each rule.
        expectations: events, each with the only rule that must match it if that rule exists; None for no rule.
    """
    from moto.events.models import EventPattern  # slow to import, and not needed for policies

    found = []
    for rule, event in expectations:
        actual = {name for name, pattern in patterns.items() if EventPattern(None, dict(pattern)).matches_event(event)}
        expected = {rule} & patterns.keys()  # a rule may be disabled
        if actual != expected:
            found.append(Finding("mismatched rule", ", ".join(sorted(actual ^ expected)), json.dumps(event)))
    return found


def disagreements(made: Sequence[Resource], name_prefix: str, project: Path, facts: Iterable[str]) -> list[Finding]:
    """Names that Terraform writes and the project's code does not read, or the other way round.

    Args:
        made: the resources of infra/live.
        name_prefix: project and environment.
        project: the generated project.
        facts: the names that its pipelines read from SSM.
    """
    found = []
    for function in of_kind(made, "aws_lambda_function"):
        written_variables = set(function.block("environment").get("variables") or {})
        name = function["function_name"].removeprefix(f"{name_prefix}-")
        read = variables_read(project / "lambdas" / name.replace("-", "_"))
        found += [Finding("variable that differs", function.address, key) for key in sorted(written_variables ^ read)]
    name, _, environment = name_prefix.rpartition("-")
    written = {parameter["name"] for parameter in of_kind(made, "aws_ssm_parameter")}
    wanted = {f"/mlops/{name}/{environment}/{fact.replace('_', '-')}" for fact in facts}
    return [*found, *(Finding("parameter that differs", key) for key in sorted(written ^ wanted))]


def variables_read(folder: Path) -> set[str]:
    """The environment variables that a function's code reads from any mapping."""
    with PARSING:
        trees = [ast.parse(path.read_text("utf-8")) for path in folder.rglob("*.py")]
    keys = [key for tree in trees for node in ast.walk(tree) for key in _looked_up(node)]
    return {key for key in keys if KEY.fullmatch(key)}


def _looked_up(node: ast.AST) -> Iterator[str]:
    """The keys that a node reads from a mapping: mapping["KEY"] or mapping.get("KEY")."""
    if isinstance(node, ast.Subscript):
        found: ast.AST | None = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "getenv"):
        found = node.args[0] if node.args else None
    else:
        return
    if isinstance(found, ast.Constant) and isinstance(found.value, str):
        yield found.value


CHECKS: tuple[Callable[[Sequence[Resource]], Iterator[Finding]], ...] = (
    _incomplete_rules,
    _incomplete_schedules,
    _incomplete_functions,
    _buckets_without_events,
    _queues_without_alarm,
)
