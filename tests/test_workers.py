"""The suite's own workers: tests that share something expensive must be run by the same one."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("workers")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there are no workers to group tests for")
def test_tests_of_a_group_are_kept_together(request: pytest.FixtureRequest) -> None:
    # pytest-xdist goes by this suffix, and once said nothing when a new pytest took no suffix any more.
    assert request.node.nodeid.endswith("@workers")
