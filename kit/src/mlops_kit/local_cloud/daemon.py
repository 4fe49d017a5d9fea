"""A local cloud in its own process, which stays up between commands.

While it is up, cloud.json in the working folder contains its address, and environment.yaml describes it as an
environment: `mlops start training --env local` then works as with any other environment.
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
from mlops_kit.definition.code import fingerprint
from mlops_kit.project import open_project
from mlops_kit.runner.record import now, write_atomically
from mlops_kit.runner.work_folder import DEPLOYED, ENVIRONMENT, STATE, OccupiedError

LOG = "cloud.log"
START_TIMEOUT = 120.0  # seconds, for a busy machine
CONCURRENT_START_TIMEOUT = 15.0  # seconds for the cloud that another command is starting
STOP_TIMEOUT = 60.0  # seconds
RESPONSE_TIMEOUT = 2.0  # seconds
POLL_INTERVAL = 0.05  # seconds
OWNER_CHECK_INTERVAL = 1.0  # seconds after which a cloud checks whether cloud.json still names it
EMPTY = "--empty"  # the argument for a cloud whose resources Terraform will create
OCCUPIED = 3  # the exit code of a cloud whose working folder another cloud uses

START = "start it with: mlops local up"


def start(root: Path, empty_account: bool = False) -> bool:
    """Start the local cloud of a project, and wait until it answers.

    Args:
        root: the project.
        empty_account: create none of the project's resources, because Terraform will.

    Returns:
        whether this call started it; False if it was up already.

    Raises:
        UserError: it did not start, or is up with an account that is not empty.
    """
    if is_up(root):
        if empty_account and not has_infrastructure(root):
            raise UserError("the local cloud is up without the infrastructure; stop it first: mlops local down")
        return False
    process = _spawn(root, empty_account)
    deadline = time.monotonic() + START_TIMEOUT
    while not is_up(root):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            if process.wait() == OCCUPIED and _concurrent_start_succeeds(root):
                return False
            log = _work(root) / LOG
            last_line = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
            raise UserError(f"the local cloud did not start: {last_line}; the complete log is {log}")
        time.sleep(POLL_INTERVAL)
    is_own = int(require(root)["pid"]) == process.pid
    if not is_own:  # another command was faster; our process would take over as soon as that cloud ends
        process.kill()
        process.wait()
    return is_own


def _spawn(root: Path, empty_account: bool) -> subprocess.Popen[bytes]:
    work = _work(root)
    work.mkdir(parents=True, exist_ok=True)
    with (work / LOG).open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "mlops_kit.local_cloud.daemon", str(root), *([EMPTY] if empty_account else [])],
            cwd=Path(__file__).parents[2],  # python -m imports from here first: it must not be the project
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
        )


def _concurrent_start_succeeds(root: Path) -> bool:
    """Whether the cloud that uses the working folder comes up, started by another command."""
    deadline = time.monotonic() + CONCURRENT_START_TIMEOUT
    while not is_up(root) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return is_up(root)


def stop(root: Path) -> None:
    """Stop the local cloud of a project, and wait until it has stopped.

    Raises:
        UserError: it is not up, or does not stop.
    """
    address = str(require(root)["address"])
    try:
        with build_opener(ProxyHandler({})).open(Request(address, method="POST")):
            pass
    except (URLError, OSError) as error:
        raise UserError(f"the local cloud refuses the request to stop ({error}); end its process") from error
    deadline = time.monotonic() + STOP_TIMEOUT
    while answers(address):
        if time.monotonic() > deadline:
            raise UserError(f"the local cloud has not stopped within {STOP_TIMEOUT:.0f} s; end its process")
        time.sleep(POLL_INTERVAL)


def note_deployed(root: Path) -> None:
    """Store a fingerprint of what is deployed to the local cloud, for `has_changed`."""
    write_atomically(_work(root) / DEPLOYED, fingerprint(root))


def has_changed(root: Path) -> bool:
    """Whether the project's files differ from those that are deployed to the local cloud."""
    path = _work(root) / DEPLOYED
    return path.exists() and path.read_text(encoding="utf-8") != fingerprint(root)


def tidy(root: Path) -> None:
    """Remove the files that describe a cloud whose process has died."""
    if not is_up(root):
        for name in (ENVIRONMENT, STATE):
            (_work(root) / name).unlink(missing_ok=True)


def answers(address: str) -> bool:
    """Whether a local cloud answers at an address."""
    if not address.startswith("http://127.0.0.1:"):
        return False
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=RESPONSE_TIMEOUT):
            return True
    except (URLError, OSError):
        return False


def is_up(root: Path) -> bool:
    """Whether the local cloud of a project answers."""
    state = _state(_work(root))
    return bool(state) and (_work(root) / ENVIRONMENT).exists() and answers(str(state.get("address", "")))


def has_infrastructure(root: Path) -> bool:
    """Whether Terraform created the resources of the local cloud that is up."""
    return bool(_state(_work(root)).get("infrastructure"))


def require(root: Path) -> dict[str, Any]:
    """The content of the local cloud's cloud.json.

    Raises:
        UserError: the cloud is not up, or its process has died.
    """
    state = _state(_work(root))
    if not state:
        raise UserError(f"the local cloud is not up; {START}")
    if not answers(str(state.get("address", ""))):
        raise UserError(f"the local cloud is gone: nothing answers at {state.get('endpoint')} any more; {START}")
    return state


def _work(root: Path) -> Path:
    return open_project(root).work


def _state(work: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((work / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def serve(root: Path, empty_account: bool = False) -> None:
    """Run the local cloud of a project until it is asked to stop, or cloud.json no longer names it.

    Args:
        root: the project.
        empty_account: create none of the project's resources, because Terraform will.
    """
    from mlops_kit.local_cloud.cloud import LocalCloud  # not at the top: `is_up` and `require` do not need moto

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
        write_atomically(cloud.work / ENVIRONMENT, yaml.safe_dump(_settings(cloud.environment), sort_keys=False))
        while _state(cloud.work) == state and not cloud.dismissed.wait(OWNER_CHECK_INTERVAL):
            pass
        if _state(cloud.work) == state:
            for name in (ENVIRONMENT, STATE):
                (cloud.work / name).unlink(missing_ok=True)


def _settings(environment: Any) -> dict[str, Any]:
    """The content of an environment's file, without what the file's name and the project already determine."""
    facts = {key: list(value) if isinstance(value, tuple) else value for key, value in vars(environment).items()}
    omitted = {"name", "project", "derived", *environment.derived} - {"subnets", "security_groups"}  # these are []
    return {key: value for key, value in facts.items() if key not in omitted}


if __name__ == "__main__":
    try:
        serve(Path(sys.argv[1]), EMPTY in sys.argv[2:])
    except OccupiedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(OCCUPIED)
    except UserError as error:
        sys.exit(str(error))  # `start` prints this line, the last of the log
