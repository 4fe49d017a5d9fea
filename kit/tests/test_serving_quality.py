"""What a batch holds that the model cannot use ends in a violation, an event, a message and the report page."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from example import make_example
from mlops_kit.report.build import report_on
from mlops_kit.runner.record import ExecutionRecord
from scenarios import DeployedProject, deployed, failed, output_of

pytestmark = pytest.mark.xdist_group("serving quality")  # they share one deployed project
CODES = [f"{number:05d}" for number in range(10, 100, 10)] + ["10250", "A7"]
COLUMNS = {
    "numeric_columns": "depth.m",
    "categorical_columns": "code",
    "id_column": "site",
    "target_column": "flow",
    "metric": "r2",
    "metric_threshold": "0.7",
}
ROWS = 600


def write_data(folder: Path) -> None:
    """Rows whose target depends on a code with leading zeros; a few codes occur once."""
    draw = random.Random(1)
    rows = []
    for number in range(ROWS + 200):
        code = draw.choice(CODES) if draw.random() > 0.01 else f"rare {number}"
        depth = draw.random()
        flow = CODES.index(code) * 5 + depth if code in CODES else depth
        rows.append((f"{number:05d}", f"{depth:.3f}", code, f"{flow:.3f}"))
    folder.mkdir(exist_ok=True)
    parts = {
        "training-data": (rows[:ROWS], 4, "site,depth.m,code,flow"),
        "inference-data": (rows[ROWS:], 3, "site,depth.m,code"),
    }
    for name, (part, width, header) in parts.items():
        lines = [header, *(",".join(row[:width]) for row in part)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    labels = ["site,flow", *(f"{row[0]},{row[3]}" for row in rows[ROWS:])]
    (folder / "ground-truth.csv").write_text("\n".join(labels) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedProject]:
    """A project whose model was trained on codes with leading zeros, and on a column with a dot in its name."""
    project = make_example(tmp_path_factory.mktemp("codes") / "project", **COLUMNS)
    write_data(project / "data")
    with deployed(project) as opened:
        yield opened


def without_zeros(rows: list[list[str]], column: str) -> list[list[str]]:
    """The rows as a spreadsheet saves them that took a column of codes for numbers."""
    place = rows[0].index(column)
    changed = [str(int(row[place])) if row[place].isdigit() else row[place] for row in rows[1:]]
    return [rows[0], *([*row[:place], text, *row[place + 1 :]] for row, text in zip(rows[1:], changed, strict=True))]


def message(project: DeployedProject, event: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """The text of the message that the function notify sends about an event."""
    monkeypatch.syspath_prepend(str(project.cloud.root / "lambdas" / "notify"))
    import changes
    import mail
    import messages

    environment = project.cloud.environment
    change = changes.parse_event(event, environment.project, environment.name)
    written = messages.Writer(environment.name, SimpleNamespace(failed_steps=lambda _: {})).write(change)
    return str(mail.text(written, change, environment.project, environment.name, ""))


def verdict_of(project: DeployedProject, record: ExecutionRecord) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        (output_of(project, record, "ModelQuality", "verdict") / "verdict.json").read_text("utf-8")
    )
    return content


def test_a_batch_like_the_training_data_passes_though_it_holds_a_category_that_training_never_saw(
    codes: DeployedProject,
) -> None:
    record = codes.infer("inference", "labels")
    assert record.status == "Succeeded", record.reason
    counts = json.loads(next(output_of(codes, record, "QualityInput", "counts").iterdir()).read_text("utf-8"))
    assert {(entry["check"], entry["column"]) for entry in counts["counts"]} == {("unseen", "code")}
    assert record.step("ReportDataQuality").outputs["DataQuality"] == "PASS"
    assert record.step("ReportDataQuality").note == "DataQuality PASS, Violations 0"
    assert record.step("DataQualityCheck").note.startswith("the comparison of distributions found no violations")
    assert verdict_of(codes, record)["verdict"] == "PASS"


def test_codes_that_lost_their_zeros_are_a_violation_in_event_message_and_page(
    codes: DeployedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes.put(without_zeros(codes.rows("inference-data"), "code"), "no-zeros")
    received = codes.subscribe("Data Quality Violation")
    record = codes.infer("no-zeros")
    assert record.status == "Succeeded", record.reason
    assert record.step("ReportDataQuality").outputs["DataQuality"] == "VIOLATION"
    [event] = received()
    [first] = event["detail"]["violations"]  # each of the codes is too rare for the distance of the distributions
    assert (first["feature"], first["check"]) == ("code", "respelled_category_check")
    assert "of 200 rows have a category that training has in another spelling" in first["description"]
    examples = re.findall(r"'(\d+)' \(training has '(\d+)'\)", first["description"])
    assert len(examples) == 3
    assert all(known == found.zfill(5) for found, known in examples)
    text = message(codes, event, monkeypatch)
    assert f"> code: respelled_category_check: {first['description']}" in text
    page = report_on(codes.cloud.environment, codes.cloud.work).read_text("utf-8")
    assert "Cells that the model cannot use" in page
    assert "The comparison of distributions found no drift" in page
    assert "Every feature matches" not in page
    assert "1 data-quality violation: code (respelled category check)" in page


def test_codes_of_which_a_few_lost_their_zeros_are_a_violation(codes: DeployedProject) -> None:
    rows = codes.rows("inference-data")
    usual = [row for row in rows[1:] if row[2] in CODES][:52]
    damaged = [row for row in usual if row[2].startswith("000")][:5]
    for row in damaged:
        row[2] = str(int(row[2]))
    codes.put([rows[0], *usual], "few-zeros-lost")
    record = codes.infer("few-zeros-lost")
    outputs = record.step("ReportDataQuality").outputs
    assert (outputs["DataQuality"], outputs["Violations"]) == ("VIOLATION", "1")
    [found] = json.loads(outputs["Counted"])
    note = "DataQuality VIOLATION, Violations 1, code: 9.6% of 52 rows, "
    assert record.step("ReportDataQuality").note.startswith(f"{note}'{damaged[0][2]}' (training has '000")
    assert found["description"].startswith("9.6% of 52 rows have a category that training has in another spelling")


def test_labels_whose_ids_lost_their_zeros_are_no_match_and_fail_a_step_of_their_own(
    codes: DeployedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes.put(without_zeros(codes.rows("ground-truth"), "site"), "no-zero-labels")
    record = codes.infer("inference", "no-zero-labels")
    assert failed(record) == ["LabelsNotMatched"]
    verdict = verdict_of(codes, record)
    assert (verdict["verdict"], verdict["value"]) == ("NO_MATCH", None)
    reason = record.step("LabelsNotMatched").reason
    assert "0 of 200 labels match a prediction; for example '00600' was predicted and '600' is a label" in reason
    assert "leading zeros were lost" in reason
    page = report_on(codes.cloud.environment, codes.cloud.work).read_text("utf-8")
    assert "leading zeros were lost" in page


def test_the_monitor_gets_codes_as_text_and_columns_without_dots(codes: DeployedProject) -> None:
    record = codes.infer("inference")
    folder = output_of(codes, record, "QualityInput", "monitored")
    header, *rows = next(folder.iterdir()).read_text("utf-8").splitlines()
    assert header == '"code","depth%2Em"'
    assert {row.partition(",")[0] for row in rows} >= {'"\'00060"', '"\'10250"', '"A7"'}
    statistics = json.loads(
        next(output_of(codes, record, "DataQualityCheck", "quality_check_output").rglob("statistics.json")).read_text()
    )
    types = {feature["name"]: feature["inferred_type"] for feature in statistics["features"]}
    assert types == {"depth%2Em": "Fractional", "code": "String"}


def test_several_instances_count_together(codes: DeployedProject) -> None:
    rows = without_zeros(codes.rows("inference-data"), "code")
    for index in range(3):
        part = [rows[0], *rows[1 + 60 * index : 61 + 60 * index]]
        path = codes.cloud.root / ".local" / "part.csv"
        path.write_text("".join(",".join(row) + "\n" for row in part), encoding="utf-8")
        codes.cloud.upload(path, f"{codes.data}/parts/part{index}.csv")
    received = codes.subscribe("Data Quality Violation")
    record = codes.infer("parts", InstanceCount=2)
    assert record.status == "Succeeded", record.reason
    [event] = received()
    assert "of 180 rows" in event["detail"]["violations"][0]["description"]


def test_labels_that_do_not_define_the_metric_leave_the_verdict_open(codes: DeployedProject) -> None:
    codes.put(codes.rows("ground-truth")[:2], "one-label")
    record = codes.infer("inference", "one-label")
    assert record.status == "Succeeded", record.reason
    verdict = verdict_of(codes, record)
    assert (verdict["verdict"], verdict["value"]) == ("UNDEFINED", None)
    assert verdict["reason"] == "r2 is not defined for a single row"
    page = report_on(codes.cloud.environment, codes.cloud.work).read_text("utf-8")
    assert "r2 is not defined for a single row" in page
