"""The stacks that the tests look at: applied at the same time, by the one worker that all these tests are given to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import copier
import pytest

import stacks
from clouds import cloud_of
from stacks import Passing, Rising, Stack
from terraform import require_terraform

# What is generated, and differs in what infrastructure looks at. The names of the first two begin alike, and both are
# applied into one account: the neighbour's are the first's with one word more.
PROJECTS: dict[str, dict[str, Any]] = {
    "shop": {"project_slug": "shop", "triggers": "both", "notification_email": "ada@example.com"},
    "neighbour": {"project_slug": "shop-local", "triggers": "schedule", "batch_inference": "transform"},
    "default": {},
}


@pytest.fixture(scope="session")
def projects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The generated projects."""
    folder = tmp_path_factory.mktemp("projects")
    for name, answers in PROJECTS.items():
        copier.run_copy(str(template), folder / name, data=answers, defaults=True, quiet=True)
    return {name: folder / name for name in PROJECTS}


@pytest.fixture(scope="session")
def rising(projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rising]:
    """All stacks, while they are being applied; a test waits for the one that it looks at."""
    require_terraform()
    folder = tmp_path_factory.mktemp("stacks")
    with ExitStack() as opened, ThreadPoolExecutor() as at_once:
        shared = opened.enter_context(cloud_of(projects["shop"], folder / "shared.log"))
        other = opened.enter_context(cloud_of(projects["default"], folder / "other.log"))
        neighbour, network = projects["neighbour"], stacks.existing_network(shared)
        yield {
            "shop": at_once.submit(stacks.apply, projects["shop"], folder / "shop", shared, "local"),
            "neighbour": at_once.submit(
                stacks.apply, neighbour, folder / "neighbour", shared, "dev", ["force_destroy=true"], network
            ),
            "bootstrap": at_once.submit(stacks.bootstrap, neighbour, folder / "bootstrap", shared, "dev"),
            "default": at_once.submit(stacks.rise_and_fall, projects["default"], folder / "default", other),
        }


@pytest.fixture
def shop(rising: Rising) -> Stack:
    """A project with every trigger, somebody to tell and a network of its own; its pipelines can run."""
    found: Stack = rising["shop"].result()
    return found


@pytest.fixture
def neighbour(rising: Rising) -> Stack:
    """A project in the same account: batch transform, schedules, other people's subnets, limited by the boundary."""
    found: Stack = rising["neighbour"].result()
    return found


@pytest.fixture
def bootstrap(rising: Rising) -> Stack:
    """What the neighbour's CI stands on."""
    found: Stack = rising["bootstrap"].result()
    return found


@pytest.fixture
def passing(rising: Rising) -> Passing:
    """The default project, in an account of its own, and gone again."""
    found: Passing = rising["default"].result()
    return found


@pytest.fixture(params=["shop", "neighbour", "bootstrap", "default"])
def stack(rising: Rising, request: pytest.FixtureRequest) -> Stack:
    """Each of the stacks, as it was applied."""
    found: Stack | Passing = rising[request.param].result()
    return found.stack if isinstance(found, Passing) else found


@pytest.fixture(params=["shop", "neighbour", "default"])
def live(rising: Rising, request: pytest.FixtureRequest) -> Stack:
    """Each of the stacks that come from infra/live."""
    found: Stack | Passing = rising[request.param].result()
    return found.stack if isinstance(found, Passing) else found
