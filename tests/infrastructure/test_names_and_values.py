"""Terraform and `mlops check` hold names and values to the same rules; the questions accept the same regions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from botocore.loaders import Loader

import cookiecutter_rules
from mlops_jobs.errors import UserError
from mlops_kit.config import names
from mlops_kit.config.reader import ConfigSection
from mlops_kit.config.regions import partition_of
from mlops_kit.config.tags import read_tags
from support import ROOT, TREE
from terraform import Terraform, require_terraform

pytestmark = pytest.mark.terraform

PARTITIONS = Loader().load_data("partitions")["partitions"]
SERVICES = {found["partition"]: found["services"] for found in Loader().load_data("endpoints")["partitions"]}
REGIONS = [
    (region, partition["id"], partition["outputs"]["dnsSuffix"])
    for partition in PARTITIONS
    for region in partition["regions"]
    if "global" not in region
]
NO_REGIONS = ["eu-west", "eu-west-1a", "europe-west-1", "us-isob-1", "eu-west-0", "EU-WEST-1", ""]

TAGS: list[dict[str, str]] = [
    {},
    {"cost-center": "4711", "Team": "größe: a/b@c=d+e-f_g"},
    {"k" * 128: "v" * 256},
    {f"tag {number}": "x" for number in range(45)},
    {"projects": "x", "my-environment": "x"},
    {f"tag {number}": "x" for number in range(46)},
    {"": "x"},
    {"k" * 129: "x"},
    {"team": "v" * 257},
    {"team": ""},
    {"team": "50%"},
    {"team?": "x"},
    {"team": "a\nb"},
    {"AWS:team": "x"},
    {"Team": "x", "team": "y"},
    {"Project": "x"},
    {"ENVIRONMENT": "x"},
    {"Managed-By": "x"},
    {"pipeline": "x"},
]


def kit_takes(tags: dict[str, str]) -> bool:
    try:
        read_tags(ConfigSection(dict(tags), "config/pipelines.yaml", "tags."))
    except UserError:
        return False
    return True


def run_block(name: str, variables: dict[str, object], body: str) -> str:
    assignments = "\n".join(f"    {key} = {json.dumps(value)}" for key, value in variables.items())
    return f'run "{name}" {{\n  command = plan\n  variables {{\n{assignments}\n  }}\n{body}\n}}\n'


def expecting(*refused: str) -> str:
    return f"  expect_failures = [{', '.join(f'var.{name}' for name in refused)}]" if refused else ""


def test_terraform_takes_the_same_tags_names_and_regions(tmp_path: Path) -> None:
    require_terraform()
    module = shutil.copytree(ROOT / TREE / "infra" / "modules" / "names", tmp_path / "names")
    usual: dict[str, object] = {"project": "shop", "environment": "dev", "region": "eu-west-1", "tags": {}}
    runs = [
        run_block(f"tags_{number}", usual | {"tags": tags}, expecting(*([] if kit_takes(tags) else ["tags"])))
        for number, tags in enumerate(TAGS)
    ]
    for region, partition, suffix in REGIONS:
        has_budgets = str("budgets" in SERVICES[partition]).lower()
        expected = f'{{ name = "{partition}", dns_suffix = "{suffix}", has_budgets = {has_budgets} }}'
        condition = f'  assert {{\n    condition = output.partition == {expected}\n    error_message = "{region}"\n  }}'
        runs.append(run_block(region.replace("-", "_"), usual | {"region": region}, condition))
    runs += [
        run_block(f"no_region_{number}", usual | {"region": region}, expecting("region"))
        for number, region in enumerate(NO_REGIONS)
    ]
    longest = names.MAX_NAME_PREFIX - len("-dev")
    runs.append(run_block("longest", usual | {"project": "x" * longest}, ""))
    runs.append(run_block("too_long", usual | {"project": "x" * (longest + 1)}, expecting("project")))
    (module / "cases.tftest.hcl").write_text("\n".join(runs), encoding="utf-8")
    terraform = Terraform(module)
    terraform.init()
    assert f"Success! {len(runs)} passed" in terraform.run("test", "-no-color").stdout


@pytest.mark.parametrize(("region", "partition", "_"), REGIONS)
def test_the_questions_and_the_kit_take_every_region(region: str, partition: str, _: str) -> None:
    assert partition_of(region) == partition
    assert asked(region) == ""


@pytest.mark.parametrize("region", NO_REGIONS)
def test_the_questions_refuse_what_is_no_region(region: str) -> None:
    assert "must be the code of an AWS Region" in asked(region)


def asked(region: str) -> str:
    """The sentence that refuses an answer; empty if it is valid."""
    return cookiecutter_rules.render(cookiecutter_rules.settings()["aws_region"]["validator"], {"aws_region": region})
