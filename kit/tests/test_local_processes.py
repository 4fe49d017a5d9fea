"""Jobs are processes of their own, which end when they are told to, and with whoever asked for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_kit.runner.failures import StepStoppedError
from mlops_kit.runner.processes import Command, JobTimeoutError, Processes, start_processes
from mlops_kit.runner.processes.scripts import imported_modules, words_of_clients
from mlops_kit.runner.processes.warm import WarmProcesses
from mlops_kit.runner.stop import Stop

PATIENCE = 20.0
FOREVER = "import time\nprint('started', flush=True)\ntime.sleep(600)\n"


@pytest.fixture(params=["warm", "plain"])
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    monkeypatch.setenv("LOCAL_PROCESSES", request.param)
    started = start_processes([])
    yield started
    started.close()


def command(folder: Path, code: str, *arguments: str, **environment: str) -> Command:
    script = folder / "job.py"
    script.write_text(code, encoding="utf-8")
    return Command(("python3", str(script), *arguments), folder, folder / "log.txt", environment)


def log(folder: Path) -> str:
    return (folder / "log.txt").read_text(encoding="utf-8")


def wait_for(path: Path, text: str = "") -> str:
    """The content of a file, once it is there and holds a text."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or text not in path.read_text(encoding="utf-8") or not path.stat().st_size:
        assert time.monotonic() < deadline, f"{path} never came to hold {text!r}"
        time.sleep(0.01)
    return path.read_text(encoding="utf-8")


def is_running(process: int) -> bool:
    ps = ["ps", "-o", "stat=", "-p", str(process)]
    try:
        os.kill(process, 0)
        if not Path("/proc/self").exists():
            return not subprocess.run(ps, capture_output=True, text=True, check=False).stdout.startswith(("Z", "?"))
        return "Z" not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_for_end(process: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while is_running(process):
        assert time.monotonic() < deadline, f"process {process} still runs"
        time.sleep(0.01)


def test_a_script_runs_as_it_would_in_a_container(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("NAME = 'beside'\n", encoding="utf-8")
    code = (
        "import json, os, sys, beside\n"
        "print(json.dumps([sys.argv[1:], os.getcwd(), os.environ['GIVEN'], __name__, beside.NAME]))\n"
        "print('said \\u00fc', file=sys.stderr)\n"
    )
    ended = processes.run(command(tmp_path, code, "--a", "1", GIVEN="yes"), Stop())
    first, second = log(tmp_path).splitlines()
    assert json.loads(first) == [["--a", "1"], str(tmp_path), "yes", "__main__", "beside"]
    assert (second, ended.exit_code) == ("said ü", 0)
    assert ended.seconds > 0


def test_nothing_of_this_environment_reaches_a_job(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    code = "import os, sys\nprint(sorted(os.environ))\nprint([p for p in sys.path if 'processes' in p])\n"
    processes.run(command(tmp_path, code), Stop())
    names, paths = log(tmp_path).splitlines()
    assert "AWS_SECRET_ACCESS_KEY" not in names
    assert "OMP_NUM_THREADS" in names
    assert paths == "[]"


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("import sys\nsys.exit()", 0, ""),
        ("import sys\nsys.exit(3)", 3, ""),
        ("import sys\nsys.exit('error: no data')", 1, "error: no data"),
        ("{}['missing']", 1, "KeyError: 'missing'"),
        ("import os\nprint('last')\nos.kill(os.getpid(), 9)", -9, "last"),
    ],
)
def test_how_a_script_ends_is_told(processes: Processes, tmp_path: Path, code: str, exit_code: int, said: str) -> None:
    assert processes.run(command(tmp_path, code), Stop()).exit_code == exit_code
    assert said in log(tmp_path)


@pytest.mark.parametrize("arguments", [("sh", "-c", "exit 4"), ("python", "-c", "import sys; sys.exit(4)")])
def test_a_command_need_not_be_a_script(processes: Processes, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert processes.run(Command(arguments, tmp_path, tmp_path / "log.txt"), Stop()).exit_code == 4


def test_a_module_can_be_run(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text("import sys\nprint(sys.argv[1:], __name__)\n", encoding="utf-8")
    processes.run(Command(("python3", "-m", "tool", "x"), tmp_path, tmp_path / "log.txt"), Stop())
    assert log(tmp_path) == "['x'] __main__\n"


def test_a_script_waits_for_its_threads_and_says_goodbye(processes: Processes, tmp_path: Path) -> None:
    code = (
        "import atexit, threading\n"
        "atexit.register(print, 'goodbye')\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "ThreadPoolExecutor().submit(print, 'from a pool')\n"
        "threading.Timer(0.05, print, ['from a thread']).start()\n"
    )
    assert processes.run(command(tmp_path, code), Stop()).exit_code == 0
    *said, last = log(tmp_path).splitlines()
    assert (sorted(said), last) == (["from a pool", "from a thread"], "goodbye")


def test_what_takes_too_long_is_killed(processes: Processes, tmp_path: Path) -> None:
    code = "import os, pathlib\npathlib.Path('process').write_text(str(os.getpid()))\n" + FOREVER
    with pytest.raises(JobTimeoutError):
        processes.run(command(tmp_path, code), Stop(), timeout=3.0)
    wait_for_end(int(wait_for(tmp_path / "process")))


def test_what_a_job_leaves_running_ends_with_it(processes: Processes, tmp_path: Path) -> None:
    code = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
    )
    assert processes.run(command(tmp_path, code), Stop()).exit_code == 0
    wait_for_end(int(wait_for(tmp_path / "child")))


def test_to_stop_is_to_kill_a_job_with_all_that_it_started(processes: Processes, tmp_path: Path) -> None:
    code = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
        "child.wait()\n"
    )
    stop = Stop()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            processes.run(command(tmp_path, code), stop)
        except StepStoppedError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    child = int(wait_for(tmp_path / "child"))
    stop.set()
    thread.join(PATIENCE)
    assert len(failures) == 1
    wait_for_end(child)


def test_what_is_stopped_before_it_starts_does_not_run_to_its_end(processes: Processes, tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(StepStoppedError):
        processes.run(command(tmp_path, FOREVER), stop)


@pytest.mark.parametrize("kind", ["warm", "plain"])
def test_no_job_outlives_one_who_was_killed(kind: str, tmp_path: Path, project: Path) -> None:
    code = "import os, pathlib, time\npathlib.Path('process').write_text(str(os.getpid()))\ntime.sleep(600)\n"
    (tmp_path / "job.py").write_text(code, encoding="utf-8")
    parent = (
        "import sys\nfrom pathlib import Path\nfrom mlops_kit.runner.processes import Command, start_processes\n"
        "from mlops_kit.runner.stop import Stop\nfolder = Path(sys.argv[1])\n"
        "start_processes([]).run(Command(('python3', str(folder / 'job.py')), folder, folder / 'log.txt'), Stop())\n"
    )
    environment = {**os.environ, "LOCAL_PROCESSES": kind, "PYTHONPATH": str(project)}
    with subprocess.Popen([sys.executable, "-c", parent, str(tmp_path)], env=environment) as asking:
        job = int(wait_for(tmp_path / "process"))
        asking.send_signal(signal.SIGKILL)
    wait_for_end(job)


def test_jobs_of_several_threads_run_side_by_side(processes: Processes, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    meet = (
        "import pathlib, sys, time\n"
        "mine, other = map(pathlib.Path, sys.argv[1:])\n"
        "(mine / 'here').touch()\n"
        "while not (other / 'here').exists(): time.sleep(0.01)\n"
    )
    codes: list[int] = []

    def run(mine: Path, other: Path) -> None:
        mine.mkdir(exist_ok=True)
        codes.append(processes.run(command(mine, meet, str(mine), str(other)), Stop(), PATIENCE).exit_code)

    threads = [threading.Thread(target=run, args=pair) for pair in (folders, folders[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]


def test_forks_draw_different_random_numbers(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text("import random, numpy\nprint(random.random(), numpy.random.random())\n", encoding="utf-8")
    processes = WarmProcesses([script])
    for _ in range(2):
        processes.run(Command(("python3", str(script)), tmp_path, tmp_path / "log.txt"), Stop())
    processes.close()
    first, second = (line.split() for line in log(tmp_path).splitlines())
    assert not set(first) & set(second)


def test_what_is_forked_has_one_thread(tmp_path: Path) -> None:
    code = "import os, pathlib, pyarrow\nprint(len(os.listdir(f'/proc/{os.getppid()}/task')))\n"
    asked = command(tmp_path, code)
    processes = WarmProcesses([tmp_path / "job.py"])
    processes.run(asked, Stop())
    processes.close()
    assert log(tmp_path) == "1\n"


def test_the_process_that_waits_for_the_next_job_may_be_killed_and_ends_with_the_server(tmp_path: Path) -> None:
    processes = WarmProcesses([])
    asked = command(tmp_path, "print('ran')\n")
    assert processes.run(asked, Stop()).exit_code == 0
    killed = child_of(processes._server.pid)
    os.kill(killed, signal.SIGKILL)
    wait_for_end(killed)
    assert [processes.run(asked, Stop()).exit_code for _ in range(2)] == [0, 0]
    assert log(tmp_path) == "ran\nran\nran\n"
    waiting = child_of(processes._server.pid)
    processes.close()
    wait_for_end(waiting)


def child_of(process: int) -> int:
    """The only child of a process."""
    deadline = time.monotonic() + PATIENCE
    children: list[str] = []
    while len(children) != 1:
        assert time.monotonic() < deadline, f"process {process} has the children {children}"
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False
        )
        children = listed.stdout.split()
    return int(children[0])


def test_when_the_server_of_warm_processes_dies_its_jobs_end_and_have_failed(tmp_path: Path) -> None:
    processes = WarmProcesses([])
    code = "import os\nprint(os.getpid(), flush=True)\nos.kill(os.getppid(), 9)\n" + FOREVER
    with pytest.raises(OSError, match="the process that starts jobs has ended"):
        processes.run(command(tmp_path, code), Stop())
    with pytest.raises(OSError, match="the process that starts jobs has ended"):
        processes.run(command(tmp_path, code), Stop())
    wait_for_end(int(log(tmp_path).split()[0]))
    processes.close()


def test_what_scripts_import_is_imported_beforehand_but_not_themselves(tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("import os.path\nimport second\nfrom json import loads\n", encoding="utf-8")
    second.write_text("from first import x\n\ndef f():\n    import csv\n", encoding="utf-8")
    broken = tmp_path / "broken.py"
    broken.write_text("import csv\ndef (", encoding="utf-8")
    assert imported_modules([first, second, broken]) == ["os.path", "json", "json.loads"]


def test_the_services_of_a_script_are_named_where_it_creates_clients(tmp_path: Path) -> None:
    script = tmp_path / "handler.py"
    script.write_text(
        "import boto3\nGROUP = 'batch'\ndef handler(event):\n    return boto3.client('s3'), event['x']\n",
        encoding="utf-8",
    )
    assert words_of_clients([script]) == {"s3", "x"}


def test_a_service_s_model_is_parsed_once_for_all_jobs_and_never_shared_within_one(tmp_path: Path) -> None:
    code = (
        "import boto3, botocore.loaders as loaders, json\n"
        "parse, parsed = json.loads, []\n"
        "loaders.json.loads = lambda *a, **k: parsed.append(1) or parse(*a, **k)\n"
        "def client():\n"
        "    parsed.clear()\n"
        "    session = boto3.Session('a', 'b', region_name='eu-west-1')\n"
        "    session.client('sqs')\n"
        "    loader = session._session.get_component('data_loader')\n"
        "    return bool(parsed), loader.load_service_model('sqs', 'service-2')\n"
        "first, second = client(), client()\n"
        "print(first[0], second[0], first[1] == second[1], first[1] is second[1])\n"
    )
    asked = command(tmp_path, code)
    processes = WarmProcesses([tmp_path / "job.py"])
    for _ in range(2):
        processes.run(asked, Stop())
    processes.close()
    assert log(tmp_path) == 2 * "False True True False\n"


def test_a_job_may_have_modules_with_the_names_of_the_server_s_own(processes: Processes, tmp_path: Path) -> None:
    for name in ("child", "scripts", "service_models"):
        (tmp_path / f"{name}.py").write_text("OWN = True\n", encoding="utf-8")
    code = "import child, scripts, service_models\nprint(child.OWN, scripts.OWN, service_models.OWN)\n"
    processes.run(command(tmp_path, code), Stop())
    assert log(tmp_path) == "True True True\n"


@pytest.mark.parametrize(("system", "kind"), [("linux", "WarmProcesses"), ("darwin", "PlainProcesses")])
def test_jobs_are_forked_on_linux_only(monkeypatch: pytest.MonkeyPatch, system: str, kind: str) -> None:
    monkeypatch.delenv("LOCAL_PROCESSES", raising=False)
    monkeypatch.setattr("sys.platform", system)
    started = start_processes([])
    started.close()
    assert type(started).__name__ == kind


def test_a_library_that_cannot_be_imported_beforehand_holds_nobody_up(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text("import ctypes.wintypes.nothing\nimport this_is_not_there\n", encoding="utf-8")
    processes = WarmProcesses([script])
    assert processes.run(Command(("true",), tmp_path, tmp_path / "log.txt"), Stop()).exit_code == 0
    processes.close()


def test_a_request_to_stop_reaches_everybody_even_if_one_of_them_fails() -> None:
    reached: list[str] = []
    stop = Stop()

    def fail() -> None:
        raise ZeroDivisionError

    with (
        pytest.raises(ZeroDivisionError),
        stop.calling(lambda: reached.append("a")),
        stop.calling(fail),
        stop.calling(lambda: reached.append("b")),
    ):
        stop.set()
    assert sorted(reached) == ["a", "b"]
