"""The settings of a team's own steps: read by their definitions, and refused where none reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from example import Example
from mlops_jobs.errors import UserError
from mlops_kit.config.own_steps import OwnSteps
from mlops_kit.config.reader import ConfigSection
from mlops_kit.definition.compile import compile_all


def own_steps(**steps: object) -> OwnSteps:
    return OwnSteps(ConfigSection(steps, "config/pipelines.yaml", "steps."))


def read_rows(steps: OwnSteps) -> None:
    """Read the settings of a report as a definition does, then refuse what it has not read."""
    steps["report"].integer("rows", minimum=1)
    steps.refuse_the_rest()


def test_two_pipelines_may_read_the_same_settings() -> None:
    steps = own_steps(report={"rows": 20, "kind": "largest"})
    for _ in range(2):
        assert steps["report"].integer("rows", minimum=1) == 20
        assert steps["report"].choice("kind", "largest", "smallest") == "largest"
    steps.refuse_the_rest()


def test_an_optional_setting_is_the_same_in_two_pipelines() -> None:
    steps = own_steps(report={"title": "Errors"})
    for _ in range(2):
        assert steps["report"].optional_text("title", ".+", "a title") == "Errors"
        assert steps["report"].names == ["title"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"report": {"rows": 0}}, "steps.report.rows is 0; it must be a whole number of at least 1"),
        ({"report": {"row": 20}}, "steps.report.rows is missing; add it, or correct row, which nothing reads"),
        ({"reprot": {"rows": 20}}, "steps.report is missing; add it, or correct reprot, which nothing reads"),
        ({}, "steps.report is missing; add it"),
        ({"report": 20}, "steps.report is 20; it must be a mapping of keys to values"),
        ({"report": {"rows": 20, "colour": "red"}}, "steps.report.colour is a key that nothing reads"),
        ({"report": {"rows": 20}, "other": {}}, "steps.other is a key that nothing reads"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError) as refused:
        read_rows(own_steps(**settings))
    assert str(refused.value).startswith(f"config/pipelines.yaml: {reason}")


def test_a_project_without_such_settings_compiles_and_one_with_settings_that_nothing_reads_does_not(
    example: Example,
) -> None:
    project: Path = example()
    assert compile_all(project)
    config = project / "config" / "pipelines.yaml"
    config.write_text(config.read_text("utf-8") + "\nsteps:\n  report: {rows: 20}\n", "utf-8")
    with pytest.raises(UserError, match=r"config/pipelines.yaml: steps.report is a key that nothing reads; correct"):
        compile_all(project)
