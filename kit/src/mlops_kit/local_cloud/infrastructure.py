"""The project's infrastructure in the local cloud: infra/live, made by the real Terraform.

It works on a copy in .local/infra/, so that nothing of a rehearsal gets between the team's files, and least of all its
state: that of the local cloud is gone with the cloud.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from rich.console import Console

from mlops_kit.aws.environment import LOCAL, Environment, environment_names
from mlops_kit.definition.code import content_hash
from mlops_kit.local_cloud.progress import one_line
from mlops_kit.local_cloud.terraform import Message, Terraform, TerraformError, why_not
from mlops_kit.report.elements import count
from mlops_kit.runner.record import write_atomically
from mlops_kit.runner.work_folder import APPLIED, TERRAFORM_STATE

FOLDER = "infra"  # below the working folder
LOG = "terraform.log"
COPIED = ("infra", "config")
OVERRIDE = "override.tf.json"
MADE_THERE = (".terraform", ".terraform.lock.hcl", OVERRIDE)  # in the copy: they stay when the files are brought anew
NOT_COPIED = (".terraform", "*.tfstate*", "*.tfplan", "__pycache__", "build")
UNCOUNTED = ("read", "noop")  # what is done to a resource that changes nothing
ATTEMPTS = 1  # what moto cannot do it cannot do the second time either, and the provider would try for minutes

Tell = Callable[[str], None]


class Infrastructure:
    """What Terraform makes in a local cloud.

    Args:
        environment: of the cloud, which is up.
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
        """Lay everything down that Terraform reads, and have it fetch what it needs.

        Raises:
            TerraformError: it cannot be applied on this machine.
        """
        if reason := why_not_here(self._root):
            raise TerraformError(reason)
        self._copy.mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            _mirror(self._root / name, self._copy / name)
        self._package()
        override = {
            "terraform": {"backend": {"local": {"path": str(self._work / TERRAFORM_STATE)}}},
            "provider": {"aws": {"max_retries": ATTEMPTS}},
        }
        (self._live / OVERRIDE).write_text(json.dumps(override), encoding="utf-8")
        account = {"account_id": self._environment.account_id, "region": self._environment.region}
        described = yaml.safe_dump({**account, "subnets": [], "security_groups": []})
        self._account_file.write_text(described, encoding="utf-8")
        self._terraform.init()

    def apply(self, tell: Tell) -> int:
        """Make it, or bring it up to date, once it is prepared.

        Args:
            tell: is told how far it is, now and then, in a few words.

        Returns:
            how many resources were made, changed or removed.

        Raises:
            TerraformError: it ended with an error.
        """
        counted = _Count(tell)
        self._terraform.apply(self._variables(), counted.hear)
        write_atomically(self._work / APPLIED, _fingerprint(self._root))
        return counted.done

    def apply_on(self, console: Console) -> None:
        """The same, told on a console."""
        words = "Terraform brings infra/live to the local cloud; the first time takes a minute or two ..."
        console.print(words, highlight=False, soft_wrap=True)
        started = time.monotonic()
        with one_line(console) as tell:
            resources = self.apply(tell)
        console.print(f"{count(resources, 'resource')} in {time.monotonic() - started:.0f} s.", highlight=False)

    @property
    def is_current(self) -> bool:
        """Whether nothing has changed in the project's files since it was applied here."""
        applied = self._work / APPLIED
        return applied.exists() and applied.read_text(encoding="utf-8") == _fingerprint(self._root)

    @property
    def _account_file(self) -> Path:
        return self._copy / f"{LOCAL}.yaml"

    def _package(self) -> None:
        program, build = self._root / "infra" / "package_lambdas.py", self._copy / "infra" / "build"
        packed = subprocess.run([sys.executable, program, "--build", build], capture_output=True, text=True)
        if packed.returncode:
            raise TerraformError(f"the Lambda functions cannot be packed: {packed.stderr.strip().splitlines()[-1]}")

    def _variables(self) -> list[str]:
        """What the first environment of the project says, but for what is another here."""
        files = [self._copy / "infra" / "envs" / f"{name}.tfvars" for name in environment_names(self._root)]
        found = [path for path in files if path.exists()]
        if not found:
            raise TerraformError("infra/envs/ has a file for none of the environments in config/environments/")
        own = {
            "environment": LOCAL,
            "environment_file": self._account_file.as_posix(),
            "force_destroy": "true",
            "use_permissions_boundary": "false",  # infra/bootstrap makes it, with what belongs to CI
        }
        return [f"-var-file={found[0]}", *(f"-var={name}={value}" for name, value in own.items())]


def require_terraform(root: Path) -> None:
    """Go no further where a project's infrastructure cannot be applied.

    Raises:
        TerraformError: it is so; the message says why.
    """
    if reason := why_not_here(root):
        raise TerraformError(f"the infrastructure cannot be applied here: {reason}")


def why_not_here(root: Path) -> str:
    """Why a project's infrastructure cannot be applied on this machine; empty where it can."""
    if not (root / "infra" / "live").is_dir():
        return "the project has no infra/live"
    return why_not()


def _mirror(source: Path, copy: Path) -> None:
    """Make a folder's copy like it, but for what was made there."""
    for path in sorted(copy.rglob("*"), reverse=True):
        within = path.relative_to(copy)
        if not (set(within.parts) & set(MADE_THERE)) and path.is_file() and not (source / within).exists():
            path.unlink()
    shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_COPIED))


def _fingerprint(root: Path) -> str:
    folders = [root / name for name in (*COPIED, "lambdas")]
    paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
    wanted = [
        path for path in paths if path.suffix in (".tf", ".tfvars", ".yaml", ".py") and ".terraform" not in path.parts
    ]
    return content_hash({path.relative_to(root).as_posix(): path.read_bytes() for path in wanted})


class _Count:
    """Counts what Terraform has done so far.

    Args:
        tell: is told, in a few words.

    Attributes:
        done: how many resources it has made, changed or removed.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.done = 0
        self._planned = 0
        self._began = time.monotonic()

    def hear(self, message: Message) -> None:
        """Hear one of Terraform's messages."""
        kind = message.get("type")
        if kind == "planned_change" and message["change"]["action"] not in UNCOUNTED:
            self._planned += 1
        elif kind == "apply_complete" and message["hook"]["action"] not in UNCOUNTED:
            self.done += 1
        elif kind != "apply_progress":
            return
        seconds = time.monotonic() - self._began
        self._tell(f"applying infra/live: {self.done} of {self._planned} resources, {seconds:.0f} s")
