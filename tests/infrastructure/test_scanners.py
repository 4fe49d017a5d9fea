"""The infrastructure passes external scanners."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from policies import policies
from stacks import Stack
from tools import tool

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]

# Rules of checkov that are skipped, and why.
SKIPPED = {
    "CKV2_AWS_34": "the parameters are names and ids, not secrets",
    "CKV2_AWS_61": "there is a lifecycle; checkov does not resolve for_each",
    "CKV2_AWS_62": "the data bucket sends events to EventBridge, which checkov ignores; logs and states need no events",
    "CKV_AWS_18": "the data bucket has access logs; those of the log and state buckets would only show CI",
    "CKV_AWS_117": "the functions only call AWS's API, and in a network each service would need an endpoint",
    "CKV_AWS_144": "replication to a second region is a legal and financial decision of the team",
    "CKV_AWS_145": "the data bucket has a key; S3 cannot deliver logs to one with a key, and states exist before keys",
    "CKV_AWS_272": "CI builds and applies the packages with the same role that signing would have to trust",
    "CKV_AWS_394": "the first two zones by name are used, and a new zone is sorted after them",
}


def test_every_action_in_every_policy_exists(stack: Stack) -> None:
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
    """The resources that fail each rule of checkov."""
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


def test_checkov_reports_only_skipped_rules(faults: dict[str, list[str]]) -> None:
    assert {rule: places for rule, places in faults.items() if rule not in SKIPPED} == {}


def test_every_skipped_rule_of_checkov_would_be_reported(faults: dict[str, list[str]]) -> None:
    assert SKIPPED.keys() - faults.keys() == set()
