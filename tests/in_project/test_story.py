"""The whole story of `make local`, as a person tells it to a new project."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from errors import JobError
from local.story import tell
from support import ROOT, Bake

ABALONE = ROOT.parent / "shared" / "data" / "abalone.csv"


def told(project: Path, threshold: float | None = None) -> str:
    """Tell the story and return what was said."""
    console = Console(file=io.StringIO(), width=160)
    tell(project, threshold, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"problem_type": "binary", "id_column": "specimen", "header": False, "batch_inference": "transform"},
        {"problem_type": "multiclass", "numeric_columns": " "},
    ],
    ids=["regression", "binary, with ids, transformed", "multiclass, categories only"],
)
def test_every_chapter_ends_as_it_should_on_the_sample(bake: Bake, answers: dict[str, Any]) -> None:
    project = bake("copier", **answers)
    said = told(project)
    assert said.count("as it should be") == 8
    assert "The whole story held" in said
    page = (project / ".local" / "report.html").read_text("utf-8")
    for word in ("ModelQualityViolation", "NoApprovedModel", ">Approved<"):
        assert word in page


@pytest.mark.skipif(not ABALONE.exists(), reason="the Abalone data set does not lie beside this checkout")
def test_every_chapter_ends_as_it_should_on_the_real_abalone_data(bake: Bake) -> None:
    project = bake("copier")
    with ABALONE.open(newline="") as file:
        header, *rows = csv.reader(file)
    kinds = {
        "training-data": [header, *rows[:3500]],
        "inference-data": [row[:-1] for row in [header, *rows[3500:]]],
        "ground-truth": [row[-1:] for row in [header, *rows[3500:]]],
    }
    for name, content in kinds.items():
        with (project / "data" / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(content)
    assert "The whole story held" in told(project)


def test_a_story_that_goes_otherwise_says_where_and_leaves_the_page(bake: Bake) -> None:
    project = bake("copier")
    console = Console(file=io.StringIO(), width=160)
    with pytest.raises(JobError, match=r"chapter 1 .*MetricNotMet|chapter 1 .*threshold"):
        tell(project, 0.0001, console)
    assert isinstance(console.file, io.StringIO)
    assert str(project / ".local" / "report.html") in console.file.getvalue()
    assert "MetricNotMet" in (project / ".local" / "report.html").read_text("utf-8")
