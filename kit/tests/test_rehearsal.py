"""The rehearsal of `make local`, as a new project runs it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from example import Example
from mlops_jobs.contract import load_contract
from mlops_jobs.errors import UserError
from mlops_kit.data.sample import sample_table, write_datasets
from mlops_kit.local_cloud.emails import read_emails
from mlops_kit.local_cloud.events.targets import read_deliveries
from mlops_kit.project import open_project
from mlops_kit.rehearsal.run import rehearse
from mlops_kit.rehearsal.scenario import STEPS
from support import ROOT
from terraform import require_terraform

pytestmark = pytest.mark.slow

ABALONE = ROOT.parent / "shared" / "data" / "abalone.csv"


def output_of(project: Path, threshold: float | None = None, *, infrastructure: bool = False) -> str:
    """Run the rehearsal, and return its output."""
    output = io.StringIO()
    console = Console(file=output, width=160)
    rehearse(open_project(project), threshold, console, infrastructure=infrastructure)
    return output.getvalue()


def assert_all_passed(output: str, project: Path) -> None:
    for number, step in enumerate(STEPS, start=1):
        assert f"\n{number}. {step.title}\n" in output
        assert f"\n   as expected: {step.expected}\n" in output
    page = project / ".local" / "report.html"
    assert re.fullmatch(rf"All 8 steps passed in \d+ s\. Report: {re.escape(str(page))}", output.splitlines()[-1])


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"problem_type": "binary", "id_column": "specimen", "header": False, "batch_inference": "transform"},
        {"problem_type": "multiclass", "numeric_columns": " "},
    ],
    ids=["regression", "binary, with ids, transformed", "multiclass, categories only"],
)
def test_every_step_passes_on_the_sample(example: Example, answers: dict[str, Any]) -> None:
    project = example(**answers)
    output = output_of(project)
    first, second, *_ = output.splitlines()
    assert "Each pipeline is started directly: the infrastructure is switched off." in (first, second)
    assert_all_passed(output, project)
    assert "Executing" not in output
    page = (project / ".local" / "report.html").read_text("utf-8")
    for word in ("ModelQualityViolation", "NoApprovedModel", ">Approved<", "All 8 steps passed"):
        assert word in page


@pytest.mark.skipif(not ABALONE.exists(), reason="the Abalone data set is not in ../shared/data")
def test_every_step_passes_on_the_real_abalone_data(example: Example) -> None:
    project = example()
    with ABALONE.open(newline="") as file:
        header, *rows = csv.reader(file)
    files = {
        "training-data": [header, *rows[:3500]],
        "inference-data": [row[:-1] for row in [header, *rows[3500:]]],
        "ground-truth": [row[-1:] for row in [header, *rows[3500:]]],
    }
    for name, content in files.items():
        with (project / "data" / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(content)
    assert_all_passed(output_of(project), project)


@pytest.mark.parametrize(
    "split", ["{by: group, column: sex}", "{by: time, column: length}", "{test_files: 'holdout-*.csv'}"]
)
def test_every_step_passes_however_the_rows_are_split(example: Example, split: str) -> None:
    project = example()
    with (project / "config" / "dataset.yaml").open("a") as file:
        file.write(f"split: {split}\n")
    assert_all_passed(output_of(project), project)
    assert (project / "data" / "holdout-1.csv").exists() == ("holdout" in split)


def test_steps_that_the_data_cannot_have_are_left_out_with_the_reason(example: Example) -> None:
    project, random = example(), np.random.default_rng(1)
    contract = load_contract(project / "config" / "dataset.yaml")
    table = sample_table(contract, 400, seed=1)
    at = table.column_names.index(contract.target)
    noise = table.set_column(at, contract.target, pa.array(random.permutation(table[contract.target].to_numpy())))
    write_datasets(contract, noise.slice(0, 300), noise.slice(300), project / "data")
    output = output_of(project)
    assert re.search(
        r"\n   left out: The model was not registered\. .* which the best constant prediction reaches", output
    )
    assert output.count("left out: it needs step ") == 6
    last = r"1 of 8 steps passed in \d+ s; left out, for the reasons above: steps 1, 3, 4, 5, 6, 7, 8\. Report: .*"
    assert re.fullmatch(last, output.splitlines()[-1])
    page = (project / ".local" / "report.html").read_text("utf-8")
    assert "1 of 8 steps passed, 7 left out" in page
    assert "no better than a constant prediction" in page


def test_a_step_that_fails_prints_what_was_expected_and_what_happened_and_leaves_the_page(example: Example) -> None:
    project = open_project(example())
    output = io.StringIO()
    with pytest.raises(UserError, match=r"step 1 \(A model is trained\) failed: .*MetricNotMet"):
        rehearse(project, 0.0001, Console(file=output, width=160))
    printed = output.getvalue()
    assert f"\n   expected: {STEPS[0].expected}\n" in printed
    assert re.search(r"\n   happened: the training pipeline Failed: MetricNotMet: .*0\.0001", printed)
    assert "as expected" not in printed
    assert printed.endswith(f"\nThe report so far: {project.work / 'report.html'}\n")
    page = (project.work / "report.html").read_text("utf-8")
    assert "MetricNotMet" in page
    assert "1 of 1 step failed" in page


# With the infrastructure


@pytest.mark.terraform
@pytest.mark.xdist_group("rehearsal")
def test_with_the_infrastructure_events_start_the_pipelines(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(require_terraform()))
    project = example(notification_email="ada@example.com")
    output = output_of(project, infrastructure=True)
    assert "From here on, events start the pipelines." in output
    assert_all_passed(output, project)
    assert "validation:rmse" in output.partition("6. ")[2], "training rows started the training pipeline"
    mails, _ = read_emails(project / ".local")
    assert {mail.to for mail in mails} == {"ada@example.com"}
    subjects = "\n".join(mail.subject for mail in mails)
    for subject in (
        "version 1 of the model waits for approval",
        "version 1 of the model is approved",
        "breaks its data baseline",
        "the model violates its threshold",
        "the model is being trained again",
        "version 3 of the model is approved",
    ):
        assert subject in subjects
    waiting = {mail.subject: mail.text for mail in mails if "waits for approval" in mail.subject}
    in_use = [re.findall("^In use at its training: (.*)$", text, re.MULTILINE) for text in waiting.values()]
    assert ["no version was approved yet"] in in_use, "the first version has no champion"
    assert any(re.fullmatch("version 1, rmse [0-9.]+ on the same rows", words) for (words,) in in_use)
    deliveries = read_deliveries(project / ".local")
    assert {delivery["outcome"] for delivery in deliveries} == {"delivered"}
    assert f"The functions received {len(deliveries)} events and sent {len(mails)} messages." in output
    page = (project / ".local" / "report.html").read_text("utf-8")
    assert "ada@example.com" in page
    assert "All 8 steps passed" in page
    assert "Also ran: training, started by new data" in page
    assert set(re.findall(r'<span class="ordinal">(\d+)</span>', page)) == set("12345678")


def obstacle_in(output: str) -> str:
    """The line that says why the infrastructure is not used."""
    lines = [line for line in output.splitlines() if line.startswith("Each pipeline is started directly: ")]
    assert len(lines) == 1
    assert len(lines[0]) <= 120
    return lines[0]


def test_without_terraform_one_line_says_why(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    project = example()
    output = output_of(project, infrastructure=True)
    assert obstacle_in(output) == "Each pipeline is started directly: terraform is not installed."
    assert_all_passed(output, project)


@pytest.mark.terraform
def test_without_the_provider_one_line_names_the_remedy(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_terraform()
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    project = example()
    output = output_of(project, infrastructure=True)
    reason = "Terraform cannot get the AWS provider; offline, set TF_PLUGIN_DIR"
    assert obstacle_in(output) == f"Each pipeline is started directly: {reason}."
    assert_all_passed(output, project)
