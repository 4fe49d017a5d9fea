"""Applies the project's infrastructure, infra/live, to the local cloud with the real Terraform.

It works on a copy in .local/infra/, so that a rehearsal leaves nothing among the team's files. The Terraform state
belongs to one local cloud and is deleted with it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from rich.console import Console

from mlops_kit.aws.environment import LOCAL, Environment, environment_names
from mlops_kit.definition.code import content_hash
from mlops_kit.local_cloud.account import create_bucket
from mlops_kit.local_cloud.functions.packaging import PackagingError, write_packages
from mlops_kit.local_cloud.progress import one_line
from mlops_kit.local_cloud.terraform import Message, Terraform, TerraformError, why_not
from mlops_kit.local_cloud.terraform_overrides import OVERRIDE, PACKAGES, override_slow_resources
from mlops_kit.project import FILE as PYPROJECT
from mlops_kit.runner.record import write_atomically
from mlops_kit.runner.work_folder import APPLIED, TERRAFORM_STATE
from mlops_kit.text import count

FOLDER = "infra"  # below the working folder
LOG = "terraform.log"
COPIED = ("infra", "config")
KEPT_IN_COPY = (".terraform", ".terraform.lock.hcl", OVERRIDE)  # survive when the copy is refreshed
NOT_COPIED = (".terraform", "*.tfstate*", "*.tfplan", "__pycache__", "build")
UNCOUNTED = ("read", "noop")  # actions that change nothing
MAX_RETRIES = 1  # a request that the local cloud rejects never succeeds later; the provider would retry for minutes

OnProgress = Callable[[str], None]


class Infrastructure:
    """The infrastructure in a local cloud.

    Args:
        environment: of the cloud, which is running.
        root: the project.
        work: the cloud's working folder.
    """

    def __init__(self, environment: Environment, root: Path, work: Path) -> None:
        self._environment = environment
        self._root = root
        self._work = work
        self._copy = work / FOLDER
        self._live = self._copy / "infra" / "live"
        url, log = environment.endpoint_url or "", self._copy / LOG
        self._terraform = Terraform(self._live, url, environment.region, log)

    def prepare(self) -> None:
        """Copy the configuration, package the Lambda functions, and run `terraform init`.

        Raises:
            TerraformError: the infrastructure cannot be applied on this machine.
        """
        if reason := why_not_here(self._root):
            raise TerraformError(reason)
        self._copy.mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            _mirror(self._root / name, self._copy / name)
        if (self._root / PYPROJECT).is_file():  # names the pipelines
            shutil.copy(self._root / PYPROJECT, self._copy)
        self._package()
        if override_slow_resources(self._copy / "infra"):
            self._upload_packages()
        self._override_root()
        account = {"account_id": self._environment.account_id, "region": self._environment.region}
        description = yaml.safe_dump({**account, "subnets": [], "security_groups": []})
        self._account_file.write_text(description, encoding="utf-8")
        self._terraform.init()

    def apply(self, on_progress: OnProgress) -> int:
        """Create or update the infrastructure; call `prepare` first.

        Args:
            on_progress: receives a short line of progress now and then.

        Returns:
            the number of resources that were created, changed or removed.

        Raises:
            TerraformError: Terraform reported an error.
        """
        counter = _Counter(on_progress)
        self._terraform.apply(self._variables(), counter.on_message)
        write_atomically(self._work / APPLIED, _fingerprint(self._root))
        return counter.done

    def apply_on(self, console: Console) -> None:
        """Apply, and show the progress on a console."""
        text = "Terraform applies infra/live to the local cloud (about 40 s the first time) ..."
        console.print(text, highlight=False, soft_wrap=True)
        started = time.monotonic()
        with one_line(console) as show:
            resources = self.apply(show)
        console.print(f"{count(resources, 'resource')} in {time.monotonic() - started:.0f} s.", highlight=False)

    @property
    def is_current(self) -> bool:
        """Whether the project's files are unchanged since the last apply."""
        applied = self._work / APPLIED
        return applied.exists() and applied.read_text(encoding="utf-8") == _fingerprint(self._root)

    @property
    def _account_file(self) -> Path:
        return self._copy / f"{LOCAL}.yaml"

    @property
    def _build(self) -> Path:
        return self._copy / "infra" / "build"

    def _package(self) -> None:
        try:
            write_packages(self._root, self._build)
        except PackagingError as error:
            raise TerraformError(str(error)) from error

    def _upload_packages(self) -> None:
        """Put the packages where the override of the functions expects them."""
        s3 = self._environment.client("s3")
        if PACKAGES not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            create_bucket(self._environment, PACKAGES)
        for package in sorted(self._build.glob("*.zip")):
            s3.put_object(Bucket=PACKAGES, Key=package.name, Body=package.read_bytes())

    def _override_root(self) -> None:
        """Keep the state in the working folder, and let the provider give up early."""
        path = self._live / OVERRIDE
        override = json.loads(path.read_text("utf-8")) if path.exists() else {}
        override["terraform"] = {"backend": {"local": {"path": str(self._work / TERRAFORM_STATE)}}}
        override["provider"] = {"aws": {"max_retries": MAX_RETRIES}}
        path.write_text(json.dumps(override), encoding="utf-8")

    def _variables(self) -> list[str]:
        """The variables of the project's first environment, with what differs in the local cloud."""
        files = [self._copy / "infra" / "envs" / f"{name}.tfvars" for name in environment_names(self._root)]
        existing = [path for path in files if path.exists()]
        if not existing:
            raise TerraformError("infra/envs/ has no .tfvars file for any environment in config/environments/")
        local = {
            "environment": LOCAL,
            "environment_file": self._account_file.as_posix(),
            "force_destroy": "true",
            "use_permissions_boundary": "false",  # infra/bootstrap creates it, and is not applied locally
        }
        return [f"-var-file={existing[0]}", *(f"-var={name}={value}" for name, value in local.items())]


def require_terraform(root: Path) -> None:
    """Check that a project's infrastructure can be applied on this machine.

    Raises:
        TerraformError: it cannot; the message gives the reason.
    """
    if reason := why_not_here(root):
        raise TerraformError(f"the infrastructure cannot be applied here: {reason}")


def why_not_here(root: Path) -> str:
    """Why a project's infrastructure cannot be applied on this machine; empty if it can."""
    if not (root / "infra" / "live").is_dir():
        return "the project has no infra/live"
    return why_not()


def _mirror(source: Path, copy: Path) -> None:
    """Make a folder's copy equal to it, and keep what Terraform and the overrides put there."""
    for path in sorted(copy.rglob("*"), reverse=True):
        within = path.relative_to(copy)
        if not (set(within.parts) & set(KEPT_IN_COPY)) and path.is_file() and not (source / within).exists():
            path.unlink()
    shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_COPIED))


def _fingerprint(root: Path) -> str:
    folders = [root / name for name in (*COPIED, "lambdas")]
    paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
    relevant = [
        path for path in paths if path.suffix in (".tf", ".tfvars", ".yaml", ".py") and ".terraform" not in path.parts
    ]
    return content_hash({path.relative_to(root).as_posix(): path.read_bytes() for path in relevant})


class _Counter:
    """Counts the resources that Terraform has finished.

    Args:
        on_progress: receives a line with the count.

    Attributes:
        done: the number of resources created, changed or removed so far.
    """

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self.done = 0
        self._planned = 0
        self._started = time.monotonic()

    def on_message(self, message: Message) -> None:
        """Count what a message of Terraform reports."""
        kind = message.get("type")
        if kind == "planned_change" and message["change"]["action"] not in UNCOUNTED:
            self._planned += 1
        elif kind == "apply_complete" and message["hook"]["action"] not in UNCOUNTED:
            self.done += 1
        elif kind != "apply_progress":
            return
        seconds = time.monotonic() - self._started
        self._on_progress(f"applying infra/live: {self.done} of {self._planned} resources, {seconds:.0f} s")
