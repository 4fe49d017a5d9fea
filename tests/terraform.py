"""The real Terraform, as the tests run it.

Where it is absent a test is skipped and says why; with REQUIRE_TERRAFORM=1, as in .ci/run, it fails. The AWS provider
comes from the folder that TF_PLUGIN_DIR names; where that is not set, one `terraform init` fetches it, and all
others take it from there.
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
OLDEST = (1, 10)  # the first that locks a state in S3 without a table
FETCHED = ROOT / "build" / "terraform"

# What stands beside a root in the tests only: its state stays in the folder, and a call that moto does not know fails
# soon, where the provider would try again for minutes.
OVERRIDE = """\
terraform {
  backend "local" {}
}
provider "aws" {
  max_retries = 2
}
"""


class AbsentError(Exception):
    """Terraform or its provider is not on this machine; the message is the reason to skip."""


class Terraform:
    """A root module, worked on in its folder.

    Args:
        folder: of the root module.
        endpoint: where AWS's API answers; None for a root that talks to nobody.
    """

    def __init__(self, folder: Path, endpoint: str | None = None) -> None:
        self.folder = folder
        self.environment = environment(endpoint)

    def run(self, *arguments: str, accepted: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run a command of Terraform's.

        Args:
            arguments: of the command line.
            accepted: the exit codes that are no failure.

        Raises:
            AssertionError: it ended with another; the message is what it said.
        """
        done = subprocess.run(
            ["terraform", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode in accepted, f"terraform {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def init(self, *arguments: str) -> None:
        """Get ready, with the provider that is on this machine."""
        self.run("init", "-input=false", "-no-color", f"-plugin-dir={require_terraform()}", *arguments)

    def apply(self, *arguments: str) -> None:
        """Make what the root describes."""
        self.run("apply", "-auto-approve", "-input=false", "-no-color", *arguments)

    def destroy(self, *arguments: str) -> None:
        """Remove what it made."""
        self.run("destroy", "-auto-approve", "-input=false", "-no-color", *arguments)

    def changes(self, *arguments: str) -> str:
        """What another apply would change; empty where nothing would."""
        done = self.run("plan", "-detailed-exitcode", "-input=false", "-no-color", *arguments, accepted=(0, 2))
        return done.stdout if done.returncode == 2 else ""

    def state(self) -> dict[str, Any]:
        """What `terraform show -json` tells of what was applied."""
        return dict(json.loads(self.run("show", "-json").stdout))

    def planned(self, *arguments: str) -> dict[str, Any]:
        """What `terraform show -json` tells of a plan that was made but not applied."""
        self.run("plan", "-input=false", "-no-color", "-out=plan", *arguments)
        return dict(json.loads(self.run("show", "-json", "plan").stdout))

    def outputs(self) -> dict[str, Any]:
        """The values of its outputs."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json").stdout).items()}


def environment(endpoint: str | None = None) -> dict[str, str]:
    """The variables that Terraform is run with: nobody's AWS account, and no CLI configuration that is not there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    if not Path(kept.get("TF_CLI_CONFIG_FILE", "")).is_file():
        kept.pop("TF_CLI_CONFIG_FILE", None)
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
    there = {"AWS_ENDPOINT_URL": endpoint} if endpoint else {}
    return {**kept, **credentials, **there, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


def require_terraform() -> Path:
    """The folder that providers come from; where there is no Terraform, or no provider, skip the test or fail it."""
    try:
        return _providers()
    except AbsentError as absent:
        do_without(str(absent), SWITCH)


def root_module(project: Path, folder: Path, name: str = "live") -> Path:
    """Copy a project's infrastructure to where a test may work, packaged and ready for an AWS on this machine.

    Args:
        project: that was generated.
        folder: that is made.
        name: of the root: live or bootstrap.

    Returns:
        the root's folder.
    """
    for part in ("infra", "config", "lambdas"):
        shutil.copytree(project / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, folder / "infra" / "package_lambdas.py"], check=True, capture_output=True)
    root = folder / "infra" / name
    (root / "override.tf").write_text(OVERRIDE, encoding="utf-8")
    return root


@cache
def _providers() -> Path:
    """Where the AWS provider lies.

    Raises:
        AbsentError: there is none, or no Terraform that could use it.
    """
    if shutil.which("terraform") is None:
        raise AbsentError("terraform is not installed (1.10 or newer is needed)")
    version = json.loads(_output("terraform", "version", "-json"))["terraform_version"]
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        raise AbsentError(f"terraform {version} is too old (1.10 or newer is needed)")
    given = os.environ.get("TF_PLUGIN_DIR")
    if given:
        if not Path(given).is_dir():
            raise AbsentError(f"TF_PLUGIN_DIR names no folder: {given}")
        return Path(given)
    with locked(FETCHED.with_suffix(".lock")):
        return _fetched()


def _fetched() -> Path:
    """Have `terraform init` fetch the provider that the template asks for, unless it did so before."""
    wanted = (ROOT / "{{cookiecutter.project_slug}}" / "infra" / "live" / "versions.tf").read_text("utf-8")
    required = re.search(r"required_providers \{.*?\n  \}", wanted, re.DOTALL)
    assert required, "infra/live/versions.tf names no provider"
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
        raise AbsentError(f"terraform init finds no AWS provider; name its folder as TF_PLUGIN_DIR\n{done.stderr}")
    return FETCHED / ".terraform" / "providers"


def _output(*command: str) -> str:
    return subprocess.run(command, env=environment(), check=True, capture_output=True, text=True).stdout


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one worker at a time into this block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
