"""Whether what Terraform ties together fits: rules and functions, variables and code, schedules and definitions."""

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
from told import Told

RULES = "events.amazonaws.com"
KEY = re.compile(r"[A-Z][A-Z0-9_]+")  # how environment variables are written
PARSING = threading.Lock()  # Python 3.11 cannot parse in two threads at once


def findings(made: Sequence[Resource]) -> list[Finding]:
    """Everything about rules, targets, schedules and functions that is not tied as it should be."""
    return [finding for check in CHECKS for finding in check(made)]


def _untied_rules(made: Sequence[Resource]) -> Iterator[Finding]:
    """A rule calls a function that lets it, and an event that cannot be delivered is kept."""
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
                yield Finding("rule that may not call", rule.address, target["arn"])
            yield from _without_queue(made, target, "dead_letter_config", "arn", rule["arn"])


def _untied_schedules(made: Sequence[Resource]) -> Iterator[Finding]:
    """A schedule tells the pipeline that it was a schedule, and a start that failed is kept."""
    for schedule in of_kind(made, "aws_scheduler_schedule"):
        if parameters_of(schedule).get("Trigger") != "schedule":
            yield Finding("schedule without Trigger", schedule.address)
        target = Resource(schedule.address, schedule.kind, schedule.block("target"))
        yield from _without_queue(made, target, "dead_letter_config", "arn")


def _untied_functions(made: Sequence[Resource]) -> Iterator[Finding]:
    """A call that failed each time is kept, and what a function says is in a log that Terraform made."""
    groups = {group["name"] for group in of_kind(made, "aws_cloudwatch_log_group")}
    for function in of_kind(made, "aws_lambda_function"):
        yield from _without_queue(made, function, "dead_letter_config", "target_arn")
        if f"/aws/lambda/{function['function_name']}" not in groups:
            yield Finding("function without log", function.address)


def _deaf_buckets(made: Sequence[Resource]) -> Iterator[Finding]:
    """A bucket tells EventBridge what comes in, but for the one that only takes logs."""
    telling = {found["bucket"] for found in of_kind(made, "aws_s3_bucket_notification") if found["eventbridge"]}
    for bucket in of_kind(made, "aws_s3_bucket"):
        if bucket["bucket"] not in telling and not bucket["bucket"].endswith("-logs"):
            yield Finding("bucket without events", bucket.address)


def _silent_queues(made: Sequence[Resource]) -> Iterator[Finding]:
    """Whatever lands in a dead-letter queue raises an alarm that somebody is told of."""
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
    """A finding unless a resource names one of the queues, which a sender must be allowed to send to."""
    arn = source.block(block).get(key)
    queue = next((queue for queue in of_kind(made, "aws_sqs_queue") if queue["arn"] == arn), None)
    if queue is None:
        yield Finding("no dead-letter queue", source.address, str(arn))
    elif sender and not _takes_from(made, queue, sender):
        yield Finding("queue that refuses", queue.address, sender)


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
    """The parameters that a schedule hands to its pipeline."""
    target = schedule.block("target")
    given = (target.get("sagemaker_pipeline_parameters") or [{}])[0].get("pipeline_parameter") or []
    return {parameter["name"]: parameter["value"] for parameter in given}


def patterns(made: Sequence[Resource], stem: str) -> dict[str, dict[str, Any]]:
    """What each rule listens for, by its short name."""
    return {
        rule["name"].removeprefix(f"{stem}-"): json.loads(rule["event_pattern"])
        for rule in of_kind(made, "aws_cloudwatch_event_rule")
    }


def misheard(listening: Mapping[str, Mapping[str, Any]], told: Iterable[Told]) -> list[Finding]:
    """Events that a rule hears which should not, or does not hear which should.

    Args:
        listening: the pattern of each rule.
        told: events, each with the one rule that must hear it where there is that rule; None for no rule.
    """
    from moto.events.models import EventPattern  # whoever only reads policies need not wait for moto

    found = []
    for expected, event in told:
        heard = {name for name, pattern in listening.items() if EventPattern(None, dict(pattern)).matches_event(event)}
        due = {expected} & listening.keys()  # a rule may be switched off
        if heard != due:
            found.append(Finding("rule that mishears", ", ".join(sorted(heard ^ due)), json.dumps(event)))
    return found


def disagreements(made: Sequence[Resource], stem: str, project: Path, facts: Iterable[str]) -> list[Finding]:
    """What Terraform writes and the project's code does not read, or the other way round.

    Args:
        made: the resources of infra/live.
        stem: project and environment.
        project: the generated project.
        facts: what its pipelines read from SSM.
    """
    found = []
    for function in of_kind(made, "aws_lambda_function"):
        given = set(function.block("environment").get("variables") or {})
        name = function["function_name"].removeprefix(f"{stem}-")
        read = variables_read(project / "lambdas" / name.replace("-", "_"))
        found += [Finding("variable that differs", function.address, key) for key in sorted(given ^ read)]
    name, _, environment = stem.rpartition("-")
    written = {parameter["name"] for parameter in of_kind(made, "aws_ssm_parameter")}
    wanted = {f"/mlops/{name}/{environment}/{fact.replace('_', '-')}" for fact in facts}
    return [*found, *(Finding("parameter that differs", key) for key in sorted(written ^ wanted))]


def variables_read(folder: Path) -> set[str]:
    """The environment variables that a function's code looks up, under whatever name it has them."""
    with PARSING:
        trees = [ast.parse(path.read_text("utf-8")) for path in folder.rglob("*.py")]
    keys = [key for tree in trees for node in ast.walk(tree) for key in _looked_up(node)]
    return {key for key in keys if KEY.fullmatch(key)}


def _looked_up(node: ast.AST) -> Iterator[str]:
    """What a piece of code looks up in a mapping: mapping["KEY"] or mapping.get("KEY")."""
    if isinstance(node, ast.Subscript):
        found: ast.AST | None = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "getenv"):
        found = node.args[0] if node.args else None
    else:
        return
    if isinstance(found, ast.Constant) and isinstance(found.value, str):
        yield found.value


CHECKS: tuple[Callable[[Sequence[Resource]], Iterator[Finding]], ...] = (
    _untied_rules,
    _untied_schedules,
    _untied_functions,
    _deaf_buckets,
    _silent_queues,
)
