"""A local cloud that stays up between commands, in a process of its own.

While it is up, .local/cloud.json says where it answers, and .local/environment.yaml describes it to every command that
works with an environment: `mlops start training --env local` is then as good as any other.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import yaml

from mlops_jobs.errors import UserError
from mlops_kit.definition.code import content_hash
from mlops_kit.runner.record import now, write_atomically
from mlops_kit.runner.work_folder import DEPLOYED, ENVIRONMENT, STATE, OccupiedError

LOG = "cloud.log"
START_SECONDS = 120.0  # that a start may take on a machine that is busy
OTHERS_SECONDS = 15.0  # that the start of another command may still take
STOP_SECONDS = 60.0
BROUGHT = ("config", "jobs", "lambdas", "pipelines")  # folders that hold what is deployed
EMPTY = "--empty"  # asks for a cloud whose account Terraform is going to fill
OCCUPIED = 3  # the exit code of a cloud that found another one in its folder
LOOK_SECONDS = 0.05  # between two looks
ANSWER_SECONDS = 2.0  # that an answer may take
ALONE_SECONDS = 1.0  # between two looks of the cloud whether it is still the project's

START = "start it with: mlops local up"


def start(root: Path, empty_account: bool = False) -> bool:
    """Start the local cloud of a project, and come back when it answers.

    Args:
        root: the project.
        empty_account: leave its resources to Terraform.

    Returns:
        whether it was started; False when it was up already.

    Raises:
        UserError: it did not start, or one is up whose account is not empty.
    """
    work = root / ".local"
    if is_up(root):
        if empty_account and not has_infrastructure(root):
            raise UserError("the local cloud is up without the infrastructure; stop it first: mlops local down")
        return False
    work.mkdir(exist_ok=True)
    with (work / LOG).open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlops_kit.local_cloud.daemon", str(root), *([EMPTY] if empty_account else [])],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
        )
    deadline = time.monotonic() + START_SECONDS
    while not is_up(root):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            if process.wait() == OCCUPIED and _comes_up(root):
                return False
            said = (work / LOG).read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
            raise UserError(f"the local cloud did not start: {said}; all it said is in {work / LOG}")
        time.sleep(LOOK_SECONDS)
    ours = int(require(root)["pid"]) == process.pid
    if not ours:  # somebody was faster; left alone, it would become the cloud as soon as theirs has gone
        process.kill()
        process.wait()
    return ours


def _comes_up(root: Path) -> bool:
    """Whether the cloud that has the folder is one that is just being started by somebody else."""
    deadline = time.monotonic() + OTHERS_SECONDS
    while not is_up(root) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return is_up(root)


def stop(root: Path) -> None:
    """Have the local cloud of a project stop, and come back when it has.

    Raises:
        UserError: it is not up, or does not stop.
    """
    address = str(require(root)["address"])
    try:
        with build_opener(ProxyHandler({})).open(Request(address, method="POST")):
            pass
    except (URLError, OSError) as error:
        raise UserError(f"the local cloud does not take the request to stop ({error}); end its process") from error
    deadline = time.monotonic() + STOP_SECONDS
    while answers(address):
        if time.monotonic() > deadline:
            raise UserError(f"the local cloud has not stopped within {STOP_SECONDS:.0f} s; end its process")
        time.sleep(LOOK_SECONDS)


def note_deployed(root: Path) -> None:
    """Remember what was brought to the local cloud, for `has_changed`."""
    write_atomically(root / ".local" / DEPLOYED, _fingerprint(root))


def has_changed(root: Path) -> bool:
    """Whether the project's files differ from those that were brought to the local cloud."""
    path = root / ".local" / DEPLOYED
    return path.exists() and path.read_text(encoding="utf-8") != _fingerprint(root)


def _fingerprint(root: Path) -> str:
    paths = [path for name in BROUGHT for path in sorted((root / name).rglob("*"))]
    files = {path.relative_to(root).as_posix(): path for path in paths if path.suffix in (".py", ".yaml")}
    return content_hash({name: path.read_bytes() for name, path in files.items()})


def tidy(root: Path) -> None:
    """Remove what a cloud that has gone without leave says of itself."""
    if not is_up(root):
        for name in (ENVIRONMENT, STATE):
            (root / ".local" / name).unlink(missing_ok=True)


def answers(address: str) -> bool:
    """Whether a local cloud is there under its address."""
    if not address.startswith("http://127.0.0.1:"):
        return False
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=ANSWER_SECONDS):
            return True
    except (URLError, OSError):
        return False


def is_up(root: Path) -> bool:
    """Whether the local cloud of a project answers."""
    state = _state(root)
    return bool(state) and (root / ".local" / ENVIRONMENT).exists() and answers(str(state.get("address", "")))


def has_infrastructure(root: Path) -> bool:
    """Whether the resources of the local cloud that is up are Terraform's."""
    return bool(_state(root).get("infrastructure"))


def require(root: Path) -> dict[str, Any]:
    """What cloud.json says of the local cloud.

    Raises:
        UserError: it is not up, or has gone without leave.
    """
    state = _state(root)
    if not state:
        raise UserError(f"the local cloud is not up; {START}")
    if not answers(str(state.get("address", ""))):
        raise UserError(f"the local cloud is gone: nothing answers at {state.get('endpoint')} any more; {START}")
    return state


def _state(root: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((root / ".local" / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def serve(root: Path, empty_account: bool = False) -> None:
    """Be the local cloud of a project until somebody asks it to stop, or the project's folder knows it no longer.

    Args:
        root: the project.
        empty_account: leave its resources to Terraform.
    """
    from mlops_kit.local_cloud.cloud import LocalCloud  # whoever only asks whether it is up need not wait for moto

    with LocalCloud(root, empty_account=empty_account) as cloud:
        signal.signal(signal.SIGTERM, lambda *_: cloud.dismissed.set())
        signal.signal(signal.SIGINT, lambda *_: cloud.dismissed.set())
        state: dict[str, Any] = {
            "pid": os.getpid(),
            "endpoint": cloud.url,
            "address": cloud.address,
            "started": now(),
            "infrastructure": empty_account,
        }
        write_atomically(cloud.work / STATE, json.dumps(state, indent=1))
        write_atomically(cloud.work / ENVIRONMENT, yaml.safe_dump(_described(cloud.environment), sort_keys=False))
        while _state(root) == state and not cloud.dismissed.wait(ALONE_SECONDS):
            pass
        if _state(root) == state:
            for name in (ENVIRONMENT, STATE):
                (cloud.work / name).unlink(missing_ok=True)


def _described(environment: Any) -> dict[str, Any]:
    """An environment as its file has it: what the file's name and the project say is left out."""
    facts = {key: list(value) if isinstance(value, tuple) else value for key, value in vars(environment).items()}
    left_out = {"name", "project", "derived", *environment.derived} - {"subnets", "security_groups"}  # which are []
    return {key: value for key, value in facts.items() if key not in left_out}


if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]), EMPTY in sys.argv[2:])
    except OccupiedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(OCCUPIED)
