"""The whole story of `make local`, as a person tells it to a new project."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from conftest import Example
from mlops_jobs.errors import UserError
from mlops_kit.local_cloud.emails import read_mails
from mlops_kit.local_cloud.events.targets import read_deliveries
from mlops_kit.rehearsal.scenario import tell
from support import ROOT
from terraform import require_terraform

pytestmark = pytest.mark.slow

ABALONE = ROOT.parent / "shared" / "data" / "abalone.csv"


def told(project: Path, threshold: float | None = None, *, infrastructure: bool = False) -> str:
    """Tell the story and return what was said."""
    console = Console(file=io.StringIO(), width=160)
    tell(project, threshold, console, infrastructure=infrastructure)
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
def test_every_chapter_ends_as_it_should_on_the_sample(example: Example, answers: dict[str, Any]) -> None:
    project = example(**answers)
    said = told(project)
    assert said.startswith(("Each pipeline is started by hand: the infrastructure is not wanted.", "No data"))
    assert said.count("as it should be") == 8
    assert "The whole story held" in said
    page = (project / ".local" / "report.html").read_text("utf-8")
    for word in ("ModelQualityViolation", "NoApprovedModel", ">Approved<"):
        assert word in page


@pytest.mark.skipif(not ABALONE.exists(), reason="the Abalone data set does not lie beside this checkout")
def test_every_chapter_ends_as_it_should_on_the_real_abalone_data(example: Example) -> None:
    project = example()
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


def test_a_story_that_goes_otherwise_says_where_and_leaves_the_page(example: Example) -> None:
    project = example()
    console = Console(file=io.StringIO(), width=160)
    with pytest.raises(UserError, match=r"chapter 1 .*MetricNotMet|chapter 1 .*threshold"):
        tell(project, 0.0001, console)
    assert isinstance(console.file, io.StringIO)
    assert str(project / ".local" / "report.html") in console.file.getvalue()
    assert "MetricNotMet" in (project / ".local" / "report.html").read_text("utf-8")


# With the infrastructure


@pytest.mark.terraform
@pytest.mark.xdist_group("story")
def test_with_the_infrastructure_what_happens_starts_what_it_should(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(require_terraform()))
    project = example(notification_email="ada@example.com")
    said = told(project, infrastructure=True)
    assert "From here on, what happens starts what it should." in said
    assert said.count("as it should be") == 8
    assert "validation:rmse" in said.partition("6. ")[2], "rows to train on started the training pipeline"
    mails, _ = read_mails(project / ".local")
    assert {mail.to for mail in mails} == {"ada@example.com"}
    told_of = "\n".join(mail.subject for mail in mails)
    for subject in (
        "version 1 of the model waits for approval",
        "version 1 of the model is approved",
        "breaks its data baseline",
        "the model violates its threshold",
        "the model is being trained again",
        "version 3 of the model is approved",
    ):
        assert subject in told_of
    assert {delivery["outcome"] for delivery in read_deliveries(project / ".local")} == {"delivered"}
    page = (project / ".local" / "report.html").read_text("utf-8")
    assert "ada@example.com" in page
    assert "in 8 chapters" in page
    assert "Beside the story: training, started by new data" in page
    assert set(re.findall(r'<span class="ordinal">(\d+)</span>', page)) == set("12345678")


def test_without_terraform_the_story_says_why_it_does_without(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    said = told(example(), infrastructure=True)
    assert "Each pipeline is started by hand: terraform is not installed." in said
    assert "The whole story held" in said


@pytest.mark.terraform
def test_where_terraform_gets_no_provider_the_story_does_without(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_terraform()
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    said = told(example(), infrastructure=True)
    assert "Each pipeline is started by hand: terraform init failed:" in said
    assert "The whole story held" in said
