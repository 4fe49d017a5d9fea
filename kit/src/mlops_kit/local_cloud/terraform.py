"""Terraform, run against the AWS of this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mlops_jobs.errors import UserError

OLDEST = (1, 10)  # what infra/live asks for
PLUGINS = "TF_PLUGIN_DIR"  # names a folder with the AWS provider, for machines that cannot reach Terraform's registry

Message = dict[str, Any]


class TerraformError(UserError):
    """Terraform cannot be run, or did not do what it was asked for."""


class Terraform:
    """A root module, worked on in its folder.

    Args:
        folder: of the root module.
        url: where AWS's API answers.
        region: of the resources.
        log: the file that gets all that Terraform says.
    """

    def __init__(self, folder: Path, url: str, region: str, log: Path) -> None:
        self._folder = folder
        self._environment = {**_own_environment(), "AWS_ENDPOINT_URL": url, "AWS_REGION": region}
        self._log = log

    def init(self) -> None:
        """Fetch the provider, unless it is there already.

        Raises:
            TerraformError: it cannot be had.
        """
        plugins = os.environ.get(PLUGINS)
        given = [f"-plugin-dir={plugins}"] if plugins else []
        said = list(self._run("init", "-input=false", "-no-color", *given))
        if said[-1] != "0":
            raise TerraformError(
                f"terraform init failed: {_error(said)}; on a machine without a network, let {PLUGINS} name a folder "
                f"that holds the AWS provider; all it said is in {self._log}"
            )

    def apply(self, arguments: Sequence[str], tell: Callable[[Message], None]) -> None:
        """Make what the root module describes.

        Args:
            arguments: of the command line, variables for example.
            tell: is called with each message of Terraform's machine-readable output.

        Raises:
            TerraformError: it ended with an error.
        """
        errors, code = [], ""
        for line in self._run("apply", "-auto-approve", "-input=false", "-json", *arguments):
            message = _message(line)
            if message is None:
                code = line
                continue
            tell(message)
            if message.get("@level") == "error" and "diagnostic" in message:
                errors.append(_sentence(message["diagnostic"]))
        if code != "0":
            told = "; ".join(dict.fromkeys(errors)) or f"exit code {code}"
            raise TerraformError(f"terraform apply failed: {told}; all it said is in {self._log}")

    def _run(self, *arguments: str) -> Iterator[str]:
        """Run a command of Terraform's; give back what it says line by line, and its exit code in the end."""
        with (
            self._log.open("a", encoding="utf-8", newline="\n") as log,
            subprocess.Popen(
                [_program(), *arguments],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            ) as process,
        ):
            for line in process.stdout or ():
                log.write(line)
                yield line.rstrip("\n")
        yield str(process.returncode)


def why_not() -> str:
    """Why there is no Terraform to be had on this machine; empty where there is."""
    if not _program():
        return "terraform is not installed"
    said = subprocess.run([_program(), "version", "-json"], env=_own_environment(), capture_output=True, text=True)
    try:
        version = str(json.loads(said.stdout)["terraform_version"])
    except (ValueError, KeyError):
        return f"terraform does not even tell its version: {said.stderr.strip()[:200]}"
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
        return f"terraform {version} is too old: {'.'.join(map(str, OLDEST))} or newer is needed"
    return ""


def _program() -> str:
    return shutil.which("terraform") or ""


def _own_environment() -> dict[str, str]:
    """This environment without anybody's AWS account, and without a configuration of Terraform that is not there."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_", "TF_CLI_ARGS"))
    }
    if not Path(kept.get("TF_CLI_CONFIG_FILE", "")).is_file():
        kept.pop("TF_CLI_CONFIG_FILE", None)
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
    return {**kept, **credentials, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


def _message(line: str) -> Message | None:
    """A line of the machine-readable output; None for one that is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _sentence(diagnostic: Message) -> str:
    """What went wrong, and with what."""
    words = ": ".join(filter(None, (diagnostic.get("summary"), diagnostic.get("detail"))))
    where = diagnostic.get("address")
    return " ".join(f"{where}: {words}".split() if where else words.split())


def _error(said: Sequence[str]) -> str:
    """The first error in what Terraform said for people."""
    lines = [line.strip(" │╷╵") for line in said[:-1]]
    begin = next((place for place, line in enumerate(lines) if line.startswith("Error:")), max(0, len(lines) - 1))
    return " ".join(" ".join(lines[begin : begin + 6]).removeprefix("Error:").split())[:500]
