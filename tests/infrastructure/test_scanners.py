"""What other people's rules say of the infrastructure."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from policies import policies
from stacks import Stack
from tools import tool

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

# Rules of checkov that are not kept, and why.
SKIPPED = {
    "CKV2_AWS_34": "the parameters are names and ids, no secrets",
    "CKV2_AWS_61": "there is a lifecycle; checkov does not see it through for_each",
    "CKV2_AWS_62": "the data bucket tells EventBridge, which checkov does not count; nobody waits for logs or states",
    "CKV_AWS_18": "the data bucket has access logs; those of the log bucket, and of the states, would be about CI only",
    "CKV_AWS_117": "the functions call AWS's API only, and a network would need an endpoint for each service",
    "CKV_AWS_144": "a second region is a decision about the law and money of a team, not a default",
    "CKV_AWS_145": "the data bucket has a key; S3 delivers no logs to one, and the states are there before any key is",
    "CKV_AWS_272": "the packages come from the CI that applies, under the role that signing would have to trust, too",
    "CKV_AWS_394": "the first two zones by name are taken, and a new one comes after them",
}


def test_every_action_in_every_policy_is_one_that_aws_knows(stack: Stack) -> None:
    named = {
        action
        for policy in policies(stack.made)
        for statement in policy.statements
        for action in statement.actions
        if "*" not in action
    }
    script = Path(__file__).with_name("scan_actions.py")
    done = subprocess.run([tool("python"), script, *sorted(named)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.fixture(scope="module")
def faults(projects: dict[str, Path]) -> dict[str, list[str]]:
    """The resources that each rule of checkov finds fault with."""
    infra = projects["default"] / "infra"
    done = subprocess.run(
        [tool("checkov"), "-d", infra, "--framework", "terraform", "--output", "json", "--compact", "--quiet"],
        capture_output=True,
        text=True,
    )
    found: dict[str, list[str]] = {}
    for fault in json.loads(done.stdout)["results"]["failed_checks"]:
        found.setdefault(fault["check_id"], []).append(f"{fault['resource']}: {fault['check_name']}")
    return found


def test_checkov_finds_nothing_but_what_is_skipped_for_a_reason(faults: dict[str, list[str]]) -> None:
    assert {rule: places for rule, places in faults.items() if rule not in SKIPPED} == {}


def test_each_rule_of_checkov_that_is_skipped_would_find_something(faults: dict[str, list[str]]) -> None:
    assert SKIPPED.keys() - faults.keys() == set()
