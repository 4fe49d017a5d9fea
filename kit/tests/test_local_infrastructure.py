"""Terraform, run against the local cloud: what it is given, what it says, and what a person hears of it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from mlops_kit.local_cloud.account import local_environment
from mlops_kit.local_cloud.infrastructure import Infrastructure, require_terraform, why_not_here
from mlops_kit.local_cloud.terraform import TerraformError, why_not
from mlops_kit.local_cloud.terraform_overrides import PACKAGES, override_slow_resources
from mlops_kit.runner.work_folder import APPLIED
from terraform import require_terraform as needed

GOOD = """
variable "environment" {
  type = string
}
variable "environment_file" {
  type = string
}
variable "force_destroy" {
  type = bool
}
variable "use_permissions_boundary" {
  type = bool
}
variable "word" {
  type = string
}
resource "terraform_data" "said" {
  input = "${var.word} ${yamldecode(file(var.environment_file)).account_id}"
}
resource "terraform_data" "packed" {
  input = filesha256("../build/say.zip")
}
"""
BAD = """
resource "terraform_data" "bad" {
  lifecycle {
    precondition {
      condition     = var.word == "other"
      error_message = "The word must be another."
    }
  }
}
"""


@pytest.fixture
def project(project: Path, tmp_path: Path) -> Path:
    """A project whose infrastructure needs no provider."""
    root = tmp_path / "project"
    files = {
        "config/pipelines.yaml": "project: lab\n",
        "config/events.yaml": (project / "config/events.yaml").read_text("utf-8"),
        "config/environments/dev.yaml": (project / "config/environments/dev.yaml").read_text("utf-8"),
        "infra/live/main.tf": GOOD,
        "infra/envs/dev.tfvars": 'word = "hello"\n',
        "infra/package_lambdas.py": (project / "infra/package_lambdas.py").read_text("utf-8"),
        "lambdas/say/handler.py": "def handler(event, context):\n    pass\n",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


@pytest.fixture
def made(project: Path) -> Infrastructure:
    needed()
    environment = local_environment(project, "http://127.0.0.1:9", empty_account=True)
    return Infrastructure(environment, project, project / ".local")


def state(project: Path) -> dict[str, str]:
    """What was made, by name."""
    content = json.loads((project / ".local" / "terraform.tfstate").read_text(encoding="utf-8"))
    return {found["name"]: found["instances"][0]["attributes"]["output"]["value"] for found in content["resources"]}


@pytest.mark.terraform
def test_it_is_made_with_what_the_first_environment_says_in_the_local_account(
    made: Infrastructure, project: Path
) -> None:
    told: list[str] = []
    made.prepare()
    assert made.apply(told.append) == 2
    assert state(project)["said"] == "hello 123456789012"
    assert told[-1].startswith("applying infra/live: 2 of 2 resources, ")
    assert not list((project / "infra").rglob("*.zip")), "nothing is left between the team's own files"
    assert not list((project / "infra").rglob(".terraform*"))


@pytest.mark.terraform
def test_it_is_made_again_when_a_file_has_changed_and_only_then(made: Infrastructure, project: Path) -> None:
    made.prepare()
    made.apply(lambda _: None)
    before = state(project)
    assert made.is_current
    (project / "lambdas" / "say" / "handler.py").write_text("def handler(event, context):\n    return 1\n")
    assert not made.is_current
    (project / "infra" / "live" / "main.tf").write_text(GOOD.replace('"said"', '"spoken"'))
    made.prepare()
    made.apply(lambda _: None)
    assert set(state(project)) == {"spoken", "packed"}
    assert state(project)["packed"] != before["packed"]
    assert made.is_current


@pytest.mark.terraform
def test_what_goes_wrong_is_said_in_a_sentence_with_the_place_of_the_log(made: Infrastructure, project: Path) -> None:
    with (project / "infra" / "live" / "main.tf").open("a") as file:
        file.write(BAD)
    made.prepare()
    with pytest.raises(TerraformError, match=r"terraform apply failed: .*The word must be another\..*terraform\.log"):
        made.apply(lambda _: None)
    assert not (project / ".local" / APPLIED).exists()


@pytest.mark.terraform
def test_a_folder_without_the_provider_is_said_to_be_none(
    made: Infrastructure, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    (project / "infra" / "live" / "main.tf").write_text(f'{GOOD}\nprovider "aws" {{\n  region = "eu-west-1"\n}}\n')
    with pytest.raises(TerraformError, match=r"^Terraform cannot get the AWS provider; offline, set TF_PLUGIN_DIR "):
        made.prepare()


@pytest.mark.terraform
def test_a_configuration_file_that_is_not_there_is_not_looked_for(
    made: Infrastructure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "nowhere"))
    made.prepare()


@pytest.mark.terraform
def test_a_console_hears_how_many_resources_there_are(made: Infrastructure) -> None:
    console = Console(file=io.StringIO(), width=200)
    made.prepare()
    made.apply_on(console)
    assert isinstance(console.file, io.StringIO)
    assert "2 resources in " in console.file.getvalue()


@pytest.mark.terraform
def test_functions_that_cannot_be_packed_are_told_of(made: Infrastructure, project: Path) -> None:
    (project / "lambdas" / "say" / "handler.py").unlink()
    with pytest.raises(TerraformError, match=r"cannot be packed: .*handler\.py"):
        made.prepare()


@pytest.mark.terraform
def test_without_variables_there_is_nothing_to_apply(made: Infrastructure, project: Path) -> None:
    (project / "infra" / "envs" / "dev.tfvars").unlink()
    made.prepare()
    with pytest.raises(TerraformError, match=r"infra/envs/ has no \.tfvars file for any environment"):
        made.apply(lambda _: None)


def test_without_infrastructure_or_terraform_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert why_not_here(project) == "terraform is not installed"
    with pytest.raises(TerraformError, match="cannot be applied here: terraform is not installed"):
        require_terraform(project)
    assert why_not_here(project / "config") == "the project has no infra/live"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('{"terraform_version": "1.5.7"}', "terraform 1.5.7 is too old: 1.10 or newer is needed"),
        ("not JSON", "`terraform version` failed"),
    ],
)
def test_a_terraform_that_will_not_do_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, reason: str
) -> None:
    program = tmp_path / "terraform"
    program.write_text(f"#!/bin/sh\necho '{said}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_not().startswith(reason)


SLOW = """
resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = "data"
}
resource "aws_s3_bucket_lifecycle_configuration" "each" {
  for_each = local.buckets
}
resource "aws_lambda_function" "this" {
  for_each = local.functions

  filename = local.packages[each.key]
}
resource "aws_lambda_function" "image" {
  image_uri = var.image
}
"""


def test_what_the_provider_waits_for_in_vain_is_overridden_whatever_it_is_called(tmp_path: Path) -> None:
    module = tmp_path / "modules" / "any"
    module.mkdir(parents=True)
    (module / "main.tf").write_text(SLOW, encoding="utf-8")
    assert override_slow_resources(tmp_path)
    assert json.loads((module / "override.tf.json").read_text("utf-8"))["resource"] == {
        "aws_s3_bucket_lifecycle_configuration": {"data": {"count": 0}, "each": {"for_each": {}}},
        "aws_lambda_function": {
            "this": {"filename": None, "s3_bucket": PACKAGES, "s3_key": "${basename(local.packages[each.key])}"}
        },
    }


def test_an_override_is_removed_with_its_resource(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(SLOW, encoding="utf-8")
    override_slow_resources(tmp_path)
    (tmp_path / "main.tf").write_text("", encoding="utf-8")
    assert not override_slow_resources(tmp_path)
    assert not (tmp_path / "override.tf.json").exists()
