"""Runs the real Terraform in tests.

Without Terraform a test is skipped with the reason; with REQUIRE_TERRAFORM=1, as in .ci/run, it fails. The AWS provider
comes from the folder TF_PLUGIN_DIR; without that variable one `terraform init` downloads it for all tests.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from support import ROOT, do_without

SWITCH = "REQUIRE_TERRAFORM"
MIN_VERSION = (1, 10)  # the first that locks a state in S3 without a table
FETCHED = ROOT / "build" / "terraform"

# Overrides a root module in tests: its state stays in the folder, and a call that moto does not implement fails soon
# instead of being retried for minutes.
OVERRIDE = """\
terraform {
  backend "local" {}
}
provider "aws" {
  max_retries = 2
}
"""


class AbsentError(Exception):
    """Terraform or its provider is not available; the message is the reason to skip."""


class Terraform:
    """Runs Terraform commands in the folder of a root module.

    Args:
        folder: the root module.
        endpoint: of AWS's API; None for a root module that makes no calls.
    """

    def __init__(self, folder: Path, endpoint: str | None = None) -> None:
        self.folder = folder
        self.environment = environment(endpoint)

    def run(self, *arguments: str, accepted: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run a Terraform command.

        Args:
            arguments: the command line.
            accepted: the exit codes that are not failures.

        Raises:
            AssertionError: another exit code; the message is the output.
        """
        done = subprocess.run(
            ["terraform", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode in accepted, f"terraform {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def init(self, *arguments: str) -> None:
        """Initialize the folder with the provider on this machine."""
        self.run("init", "-input=false", "-no-color", f"-plugin-dir={require_terraform()}", *arguments)

    def apply(self, *arguments: str) -> None:
        """Apply the root module."""
        self.run("apply", "-auto-approve", "-input=false", "-no-color", *arguments)

    def destroy(self, *arguments: str) -> None:
        """Destroy what was applied."""
        self.run("destroy", "-auto-approve", "-input=false", "-no-color", *arguments)

    def changes(self, *arguments: str) -> str:
        """The plan of what another apply would change; empty if nothing."""
        done = self.run("plan", "-detailed-exitcode", "-input=false", "-no-color", *arguments, accepted=(0, 2))
        return done.stdout if done.returncode == 2 else ""

    def state(self) -> dict[str, Any]:
        """The output of `terraform show -json` for the state."""
        return dict(json.loads(self.run("show", "-json").stdout))

    def planned(self, *arguments: str) -> dict[str, Any]:
        """The output of `terraform show -json` for a new plan."""
        self.run("plan", "-input=false", "-no-color", "-out=plan", *arguments)
        return dict(json.loads(self.run("show", "-json", "plan").stdout))

    def outputs(self) -> dict[str, Any]:
        """The values of its outputs."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json").stdout).items()}


def environment(endpoint: str | None = None) -> dict[str, str]:
    """The environment variables for Terraform: no AWS credentials, and no missing CLI configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    if not Path(kept.get("TF_CLI_CONFIG_FILE", "")).is_file():
        kept.pop("TF_CLI_CONFIG_FILE", None)
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
    endpoints = {"AWS_ENDPOINT_URL": endpoint} if endpoint else {}
    return {**kept, **credentials, **endpoints, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


def require_terraform() -> Path:
    """The folder with the providers; without Terraform or a provider, skip the test or fail it."""
    try:
        return _providers()
    except AbsentError as absent:
        do_without(str(absent), SWITCH)


def root_module(project: Path, folder: Path, name: str = "live") -> Path:
    """Copy a project's infrastructure for a test, with packages and overrides for a local cloud.

    Args:
        project: the generated project.
        folder: the folder to create.
        name: the root module: live or bootstrap.

    Returns:
        the root module's folder.
    """
    for part in ("infra", "config", "lambdas"):
        shutil.copytree(project / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, folder / "infra" / "package_lambdas.py"], check=True, capture_output=True)
    root = folder / "infra" / name
    (root / "override.tf").write_text(OVERRIDE, encoding="utf-8")
    return root


@cache
def _providers() -> Path:
    """The folder with the AWS provider.

    Raises:
        AbsentError: there is none, or no suitable Terraform.
    """
    if shutil.which("terraform") is None:
        raise AbsentError("terraform is not installed (1.10 or newer is needed)")
    version = json.loads(_output("terraform", "version", "-json"))["terraform_version"]
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < MIN_VERSION:
        raise AbsentError(f"terraform {version} is too old (1.10 or newer is needed)")
    plugin_dir = os.environ.get("TF_PLUGIN_DIR")
    if plugin_dir:
        if not Path(plugin_dir).is_dir():
            raise AbsentError(f"TF_PLUGIN_DIR is not a folder: {plugin_dir}")
        return Path(plugin_dir)
    with locked(FETCHED.with_suffix(".lock")):
        return _fetched()


def _fetched() -> Path:
    """Download the provider that the template requires with `terraform init`, unless it exists already."""
    versions = (ROOT / "{{cookiecutter.project_slug}}" / "infra" / "live" / "versions.tf").read_text("utf-8")
    required = re.search(r"required_providers \{.*?\n  \}", versions, re.DOTALL)
    assert required, "infra/live/versions.tf has no required_providers"
    FETCHED.mkdir(parents=True, exist_ok=True)
    (FETCHED / "versions.tf").write_text(f"terraform {{\n  {required[0]}\n}}\n", encoding="utf-8")
    done = subprocess.run(
        ["terraform", "init", "-input=false", "-no-color"],
        cwd=FETCHED,
        env=environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise AbsentError(f"terraform init finds no AWS provider; set TF_PLUGIN_DIR to its folder\n{done.stderr}")
    return FETCHED / ".terraform" / "providers"


def _output(*command: str) -> str:
    return subprocess.run(command, env=environment(), check=True, capture_output=True, text=True).stdout


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let only one worker at a time run this block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
