"""However a local cloud ends, its executions end with it, and the next cloud starts empty."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from pipeline_harness import open_lab, statuses, step_of
from support import hear_ctrl_c
from test_local_processes import wait_for, wait_for_end

pytestmark = pytest.mark.slow

# A program that runs a pipeline whose first step writes its process id and then sleeps.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1])))
from pipeline_harness import open_lab
CODE = '''
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(600)
'''
with open_lab(Path(sys.argv[2])) as lab:
    lab.run(lab.job("Long", CODE, arguments=[sys.argv[3]]), lab.job("Next", DependsOn=["Long"]))
"""

Running = tuple["subprocess.Popen[str]", int]


@pytest.fixture(params=["warm", "plain"])
def run(request: pytest.FixtureRequest, project: Path, tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Starts the program, waits until its job runs, and returns the program and the job's process id."""
    environment = {**os.environ, "LOCAL_PROCESSES": request.param, "PYTHONPATH": str(project)}
    started: list[subprocess.Popen[str]] = []

    def start() -> Running:
        mark = tmp_path / "job-runs"
        arguments = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(tmp_path / "lab"), str(mark)]
        program = subprocess.Popen(
            arguments, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
        )
        started.append(program)
        return program, int(wait_for(mark))

    yield start
    for program in started:
        program.kill()
        program.communicate()


def records(folder: Path) -> list[dict[str, Any]]:
    paths = sorted((folder / ".local" / "executions").glob("*/*/execution.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def test_ctrl_c_stops_the_execution_and_leaves_nothing_behind(run: Callable[[], Running], tmp_path: Path) -> None:
    program, job = run()
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    wait_for_end(job)
    [record] = records(tmp_path / "lab")
    assert record["status"] == "Stopped"
    assert statuses(record) == {"Long": "Stopped", "Next": "Stopped"}
    assert record["ended"]


def test_after_a_kill_no_job_survives_and_the_next_cloud_starts_empty(
    run: Callable[[], Running], tmp_path: Path
) -> None:
    program, job = run()
    program.send_signal(signal.SIGKILL)
    program.communicate(timeout=20)
    wait_for_end(job)
    [abandoned] = records(tmp_path / "lab")
    assert abandoned["status"] == "Executing", "the process that writes the record was killed"
    with open_lab(tmp_path / "lab") as lab:
        assert records(tmp_path / "lab") == [], "the records of an earlier cloud are removed"
        assert step_of(lab.run(lab.job("Again", "print('works')")), "Again")["note"] == "works"


def test_a_second_cloud_in_the_same_folder_is_refused(run: Callable[[], Running], tmp_path: Path) -> None:
    run()
    with pytest.raises(UserError, match="another local cloud uses"), open_lab(tmp_path / "lab"):
        pass
    (tmp_path / "lab" / ".local" / "cloud.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="stop it first: mlops local down"), open_lab(tmp_path / "lab"):
        pass
    [running] = records(tmp_path / "lab")
    assert running["status"] == "Executing"


def test_a_cloud_removes_the_files_of_an_earlier_one(tmp_path: Path) -> None:
    with open_lab(tmp_path / "lab") as lab:
        lab.run(lab.job("Works"))
        work = lab.cloud.work
        lab.cloud.flush()
    for name in ("report.html", "cloud.json", "environment.yaml", "kept.txt"):
        (work / name).write_text("old", encoding="utf-8")
    with open_lab(tmp_path / "lab"):
        assert {path.name for path in work.iterdir()} <= {"lock", "kept.txt"}


def test_leaving_a_cloud_stops_its_executions(tmp_path: Path) -> None:
    with open_lab(tmp_path / "lab") as lab:
        lab.cloud.start(lab.deploy(lab.job("Long", "import time\ntime.sleep(600)")))
    [record] = records(tmp_path / "lab")
    assert record["status"] == "Stopped"


def test_an_exception_leaves_no_cloud_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_lab(tmp_path / "lab"):
        raise ZeroDivisionError
    with open_lab(tmp_path / "other") as lab:
        assert lab.run(lab.job("Works"))["status"] == "Succeeded"


def test_a_process_has_at_most_one_cloud_at_a_time(tmp_path: Path) -> None:
    with open_lab(tmp_path / "lab") as lab:
        with (
            pytest.raises(RuntimeError, match="there is a local cloud in this process already"),
            open_lab(tmp_path / "other"),
        ):
            pass
        assert lab.run(lab.job("Works"))["status"] == "Succeeded"


def test_a_cloud_whose_folder_was_removed_still_stops_its_executions(tmp_path: Path) -> None:
    mark = tmp_path / "job-runs"
    code = f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    with open_lab(tmp_path / "lab") as lab:
        arn = lab.cloud.start(lab.deploy(lab.job("Long", code)))
        job = int(wait_for(mark))
        shutil.rmtree(lab.cloud.work)
    wait_for_end(job)
    assert lab.cloud._parts.executor.find(arn).recorder.status == "Stopped"


def test_a_cloud_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("mlops_kit.local_cloud.cloud.make_account", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError), open_lab(tmp_path / "lab"):
            pass
    before = threading.active_count()
    with open_lab(tmp_path / "lab") as lab:
        assert lab.run(lab.job("Works"))["status"] == "Succeeded"
    assert threading.active_count() <= before
    assert "events" not in {thread.name for thread in threading.enumerate()}


def test_a_start_during_the_shutdown_is_refused(tmp_path: Path) -> None:
    with open_lab(tmp_path / "lab") as lab:
        kind = lab.deploy(lab.job("Works"))
        lab.cloud._parts.executor.close()
        with pytest.raises(ClientError, match="is shutting down"):
            lab.cloud.start(kind)
