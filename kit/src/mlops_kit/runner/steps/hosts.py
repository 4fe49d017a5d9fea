"""A job on several instances: each has a container, and their results are collected in one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mlops_kit.runner.container import Container
from mlops_kit.runner.steps.task import Task
from mlops_kit.runner.stop import Stop


@dataclass(frozen=True)
class Host:
    """An instance of a job.

    Attributes:
        index: counts from 0.
        name: as in SageMaker.
        names: of all hosts of the job.
    """

    index: int
    name: str
    names: tuple[str, ...]
    container: Container


def on_hosts(
    task: Task, count: int, work: Callable[[Host], None], places: Sequence[str], below: Sequence[str] = ()
) -> Container:
    """Run a job on all its instances at once; when one fails, the others are stopped.

    Args:
        task: the attempt that the job belongs to.
        count: the number of instances.
        work: runs the job on one instance.
        places: folders of results, which are collected from all containers.
        below: subfolders of the step's folder, for the containers.

    Returns:
        the container with the logs and the results of all instances.

    Raises:
        Exception: the exception of the first instance that failed.
    """
    names = tuple(f"algo-{number}" for number in range(1, count + 1))
    if count == 1:
        container = task.container(*below)
        work(Host(0, names[0], names, container))
        task.last_lines = container.last_line()
        container.drop_inputs()
        return container
    job_stop = Stop(task.stop)
    containers = [task.container(*below, name, stop=job_stop) for name in names]
    try:
        _run_in_parallel(
            work, [Host(index, names[index], names, containers[index]) for index in range(count)], job_stop
        )
    finally:
        job_stop.release()
        combined = _collect(containers, task.container(*below), places)
    task.last_lines = "; ".join(container.last_line() for container in containers)
    for container in containers:
        shutil.rmtree(container.folder / "opt")  # the results are collected already
    return combined


def _run_in_parallel(work: Callable[[Host], None], hosts: Sequence[Host], stop: Stop) -> None:
    failures: list[Exception] = []

    def guarded(host: Host) -> None:
        try:
            work(host)
        except Exception as error:
            failures.append(error)
            stop.set()

    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(guarded, hosts))
    if failures:
        raise failures[0]


def _collect(containers: Sequence[Container], combined: Container, places: Sequence[str]) -> Container:
    """Collect the logs and the results in one container."""
    with combined.log.open("a", encoding="utf-8", newline="\n") as log:
        for container in containers:
            log.write(f"--- {container.folder.name}\n{container.log_text()}")
    for place in places:
        for container in containers:
            if container.path(place).is_dir():
                shutil.copytree(container.path(place), combined.path(place), dirs_exist_ok=True)
    return combined
