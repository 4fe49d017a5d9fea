"""The stacks under test, applied concurrently by the one worker that runs all these tests."""

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
from stacks import DestroyedStack, PendingStacks, Stack
from terraform import require_terraform

# The generated projects, with different answers about infrastructure. The first two are applied to the same account,
# and the neighbour's name is that of the shop with another word.
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
def pending(projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PendingStacks]:
    """All stacks, while they are being applied; a test waits for the stack it needs."""
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
            "default": at_once.submit(stacks.apply_and_destroy, projects["default"], folder / "default", other),
        }


@pytest.fixture
def shop(pending: PendingStacks) -> Stack:
    """A project with all triggers, an e-mail address and a created network; its pipelines can run."""
    found: Stack = pending["shop"].result()
    return found


@pytest.fixture
def neighbour(pending: PendingStacks) -> Stack:
    """A project in the same account with batch transform, schedules, existing subnets and the boundary."""
    found: Stack = pending["neighbour"].result()
    return found


@pytest.fixture
def bootstrap(pending: PendingStacks) -> Stack:
    """The bootstrap of the neighbour."""
    found: Stack = pending["bootstrap"].result()
    return found


@pytest.fixture
def destroyed(pending: PendingStacks) -> DestroyedStack:
    """The default project, applied to its own account and destroyed."""
    found: DestroyedStack = pending["default"].result()
    return found


@pytest.fixture(params=["shop", "neighbour", "bootstrap", "default"])
def stack(pending: PendingStacks, request: pytest.FixtureRequest) -> Stack:
    """Each of the applied stacks."""
    found: Stack | DestroyedStack = pending[request.param].result()
    return found.stack if isinstance(found, DestroyedStack) else found


@pytest.fixture(params=["shop", "neighbour", "default"])
def live(pending: PendingStacks, request: pytest.FixtureRequest) -> Stack:
    """Each of the applied stacks of infra/live."""
    found: Stack | DestroyedStack = pending[request.param].result()
    return found.stack if isinstance(found, DestroyedStack) else found
