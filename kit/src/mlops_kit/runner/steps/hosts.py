"""A job on several instances: each has a container, and in the end there is one that holds what all of them made."""

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
        name: what SageMaker calls it.
        names: what it calls all of them.
    """

    index: int
    name: str
    names: tuple[str, ...]
    container: Container


def on_hosts(
    task: Task, count: int, work: Callable[[Host], None], places: Sequence[str], below: Sequence[str] = ()
) -> Container:
    """Do the work of a job on all its instances at once; when one fails, the others are told to stop.

    Args:
        task: what it is done for.
        count: how many instances there are.
        work: what each does.
        places: folders that each leaves, which are brought together.
        below: folders below the step's own, in which the containers lie.

    Returns:
        the container with the logs and the folders of all of them.

    Raises:
        Exception: what the first that failed raised.
    """
    names = tuple(f"algo-{number}" for number in range(1, count + 1))
    if count == 1:
        container = task.container(*below)
        work(Host(0, names[0], names, container))
        task.said = container.last_line()
        container.drop_inputs()
        return container
    together = Stop(task.stop)
    containers = [task.container(*below, name, stop=together) for name in names]
    try:
        _side_by_side(work, [Host(index, names[index], names, containers[index]) for index in range(count)], together)
    finally:
        together.release()
        whole = _gathered(containers, task.container(*below), places)
    task.said = "; ".join(container.last_line() for container in containers)
    for container in containers:
        shutil.rmtree(container.folder / "opt")  # what each made is in the whole
    return whole


def _side_by_side(work: Callable[[Host], None], hosts: Sequence[Host], stop: Stop) -> None:
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


def _gathered(containers: Sequence[Container], whole: Container, places: Sequence[str]) -> Container:
    """Bring the logs and some folders together, to be looked at in one place."""
    with whole.log.open("a", encoding="utf-8", newline="\n") as log:
        for container in containers:
            log.write(f"--- {container.folder.name}\n{container.log_text()}")
    for place in places:
        for container in containers:
            if container.path(place).is_dir():
                shutil.copytree(container.path(place), whole.path(place), dirs_exist_ok=True)
    return whole
