"""Runs Terraform against the local cloud."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlops_jobs.errors import UserError

MIN_VERSION = (1, 10)  # what infra/live requires
PLUGIN_DIR = "TF_PLUGIN_DIR"  # a folder with the AWS provider, for machines that cannot reach Terraform's registry
PARALLELISM = 30  # most of an apply is waiting, and the waits of a dozen resources would fill Terraform's default of 10

# The output of `terraform init` when it cannot get a provider: no network, or a folder without it.
NO_PROVIDER = re.compile(r"Failed to (query available provider packages|install provider)|registry service")

Message = dict[str, Any]


class TerraformError(UserError):
    """Terraform is missing, or a command failed."""


class Terraform:
    """Runs Terraform commands in the folder of a root module.

    Args:
        folder: the root module.
        url: the endpoint of AWS's API.
        region: the AWS region.
        log: the file that collects Terraform's output.
    """

    def __init__(self, folder: Path, url: str, region: str, log: Path) -> None:
        self._folder = folder
        self._environment = {**_clean_environment(), "AWS_ENDPOINT_URL": url, "AWS_REGION": region}
        self._log = log

    def init(self) -> None:
        """Install the provider and the modules.

        Raises:
            TerraformError: the provider is not available, or the configuration is invalid.
        """
        plugin_dir = os.environ.get(PLUGIN_DIR)
        options = [f"-plugin-dir={plugin_dir}"] if plugin_dir else []
        lines: list[str] = []
        if self._run("init", "-input=false", "-no-color", *options, on_line=lines.append):
            if NO_PROVIDER.search("\n".join(lines)):
                raise TerraformError(
                    f"Terraform cannot get the AWS provider; offline, set {PLUGIN_DIR} (see {self._shown_log})"
                )
            raise TerraformError(f"terraform init failed: {_first_error(lines)} (see {self._shown_log})")

    def apply(self, arguments: Sequence[str], on_message: Callable[[Message], None]) -> None:
        """Apply the root module.

        Args:
            arguments: further command-line arguments, for example variables.
            on_message: receives each message of Terraform's machine-readable output.

        Raises:
            TerraformError: Terraform reported an error.
        """
        errors: list[str] = []

        def on_line(line: str) -> None:
            if message := _message(line):
                on_message(message)
                if message.get("@level") == "error" and "diagnostic" in message:
                    errors.append(_summary(message["diagnostic"]))

        options = ("-auto-approve", "-input=false", "-json", f"-parallelism={PARALLELISM}")
        if code := self._run("apply", *options, *arguments, on_line=on_line):
            reason = "; ".join(dict.fromkeys(errors)) or f"exit code {code}"
            raise TerraformError(f"terraform apply failed: {reason} (see {self._shown_log})")

    def _run(self, *arguments: str, on_line: Callable[[str], None]) -> int:
        """Run a command, pass each line of its output on, and return its exit code."""
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
                on_line(line.rstrip("\n"))
        return process.returncode

    @property
    def _shown_log(self) -> str:
        """The log's path, relative to the current folder where it is below it."""
        here = Path.cwd()
        return str(self._log.relative_to(here) if self._log.is_relative_to(here) else self._log)


def why_not() -> str:
    """Why Terraform cannot be used on this machine; empty if it can."""
    if not _program():
        return "terraform is not installed"
    answer = subprocess.run([_program(), "version", "-json"], env=_clean_environment(), capture_output=True, text=True)
    try:
        version = str(json.loads(answer.stdout)["terraform_version"])
    except (ValueError, KeyError):
        return f"`terraform version` failed: {answer.stderr.strip()[:200]}"
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < MIN_VERSION:
        return f"terraform {version} is too old: {'.'.join(map(str, MIN_VERSION))} or newer is needed"
    return ""


def _program() -> str:
    return shutil.which("terraform") or ""


def _clean_environment() -> dict[str, str]:
    """This process's environment variables without AWS credentials, and without a missing Terraform CLI configuration.

    Terraform fails if TF_CLI_CONFIG_FILE names a file that does not exist.
    """
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_", "TF_CLI_ARGS"))
    }
    if not Path(kept.get("TF_CLI_CONFIG_FILE", "")).is_file():
        kept.pop("TF_CLI_CONFIG_FILE", None)
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
    return {**kept, **credentials, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


def _message(line: str) -> Message | None:
    """A line of the machine-readable output; None if the line is not JSON."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _summary(diagnostic: Message) -> str:
    """The resource, the summary and the detail of a diagnostic, in one line."""
    parts = filter(None, (diagnostic.get("address"), diagnostic.get("summary"), diagnostic.get("detail")))
    return " ".join(": ".join(parts).split())


def _first_error(lines: Sequence[str]) -> str:
    """The first sentence of the first error in output meant for people."""
    text = " ".join(" ".join(line.strip(" │╷╵") for line in lines).split())
    return text.rpartition("Error: ")[2].partition(". ")[0][:120]
