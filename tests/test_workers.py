"""The suite's own workers: tests that share something expensive must be run by the same one."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("workers")
def test_tests_of_a_group_are_kept_together(request: pytest.FixtureRequest) -> None:
    has_workers = hasattr(request.config, "workerinput")
    # pytest-xdist goes by this suffix, and once said nothing when a new pytest took no suffix any more.
    assert request.node.nodeid.endswith("@workers") == has_workers
