"""The report page: its content, and how a browser renders it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import sample_records as records
from browser import Browser, started
from mlops_jobs.contract import load_contract
from mlops_kit.aws.registry import model_packages
from mlops_kit.data.sample import write_sample
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.progress import Progress
from mlops_kit.report.build import write_report
from mlops_kit.report.entries import RehearsedStep
from mlops_kit.report.layout import Layout, Sizes, lay_out
from mlops_kit.text import duration

SCHEMES = ("light", "dark")
WIDTHS = (360, 800, 1024, 1160, 1600)
HOSTILE = "<script>window.hostile = 1</script><img src=x onerror='window.hostile = 1'>\"'&\ud800\x00"


def report_of_rehearsal(work: Path, **arguments: Any) -> Path:
    packages, rehearsal = records.rehearsal(work)
    return write_report(work, packages=packages, project="Abalone Rings", rehearsal=rehearsal, **arguments)


def words(page: Path) -> str:
    """The text of a page, with single spaces."""
    unseen = r'<style>.*?</style>|<span class="label".*?</span>'
    body = re.sub(unseen, "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def page_of(work: Path, *executions: records.Record) -> str:
    for record in executions:
        records.write(work, record)
    return words(write_report(work, packages=[], project="Abalone Rings"))


# Its content


def test_the_summary_lists_each_step_in_order_with_its_result(tmp_path: Path) -> None:
    text = words(report_of_rehearsal(tmp_path))
    table = text[text.index("Time Result") : text.index("1 A model is trained", text.index("Time Result") + 60)]
    titles = [
        "1 A model is trained",
        "2 A batch arrives before approval",
        "3 A reviewer approves version 1",
        "4 The labels of the batch arrive",
        "5 A drifted batch arrives",
        "6 The model is tuned on the new rows",
    ]
    assert [table.index(title) for title in titles] == sorted(table.index(title) for title in titles)
    assert "All 6 steps passed" in text
    assert "as expected: the metric meets the threshold; version 1 awaits approval" in table
    assert "rmse 2.128 meets the threshold 2.5 model version 1, waits for approval" in table
    assert "2 data-quality violations model quality VIOLATION: rmse 3.871, threshold 2.5" in table
    assert "6 training jobs, the best with validation:rmse 2.031" in table
    assert "1.848 better than the champion" in table


def test_a_step_that_failed_is_shown_with_what_was_expected(tmp_path: Path) -> None:
    record = records.trained(tmp_path)
    step = RehearsedStep("Training", "it fails", "it did not", record["id"])
    page = write_report(tmp_path, packages=[], project="P", rehearsal=[step])
    assert "1 of 1 step failed" in words(page)
    assert "it did not expected: it fails" in words(page)


def test_a_rehearsal_that_left_steps_out_is_not_shown_as_a_success(tmp_path: Path) -> None:
    steps = [
        RehearsedStep("Training", "", "", records.trained(tmp_path)["id"]),
        RehearsedStep("Approval", "", "", left_out="no model"),
    ]
    page = write_report(tmp_path, packages=[], project="P", rehearsal=steps)
    verdict = re.search('<p class="verdict">(.*?)</p>', page.read_text("utf-8"), re.DOTALL)
    assert verdict
    assert "1 of 2 steps passed, 1 left out" in verdict[1]
    assert "quiet" in verdict[1]
    assert "good" not in verdict[1]


def test_executions_outside_the_steps_are_placed_where_they_started(tmp_path: Path) -> None:
    first, second, third = (records.trained(tmp_path, number) for number in (1, 2, 3))
    steps = [RehearsedStep("Recorded", "", "", second["id"]), RehearsedStep("Lost", "", "", "lost")]
    text = words(write_report(tmp_path, packages=[], project="P", rehearsal=steps))
    table = text[text.index("Time Result") :]
    outside = "Also ran: training training"
    rows = (outside, first["id"], "1 Recorded", second["id"], "2 Lost", outside, third["id"])
    assert re.search(".*".join(map(re.escape, rows)), table)
    assert "the record of lost is missing" in table
    assert "All 2 steps passed" in text


@pytest.mark.parametrize(
    ("trigger", "title"),
    [
        ("new-data", "training, started by new data"),
        ("quality-violation", "training, started by a violation"),
        ("schedule", "training, started by its schedule"),
        ("manual", "training"),
    ],
)
def test_the_title_of_an_execution_outside_the_steps_names_its_cause(tmp_path: Path, trigger: str, title: str) -> None:
    record = records.trained(tmp_path)
    record["parameters"]["Trigger"] = trigger
    records.write(tmp_path, record)
    page = write_report(tmp_path, packages=[], project="P", rehearsal=[RehearsedStep("Recorded", "")])
    heading = re.search('<h2 id="execution-2-title">(.*?)</h2>', page.read_text(encoding="utf-8"))
    assert heading
    assert heading[1] == f"Also ran: {title}"


def test_without_a_rehearsal_the_executions_are_numbered(tmp_path: Path) -> None:
    text = page_of(tmp_path, records.trained(tmp_path, 1), records.trained(tmp_path, 2))
    assert "1 training" in text
    assert "2 training" in text
    assert "Also ran" not in text


def test_the_same_records_make_the_same_page(tmp_path: Path) -> None:
    pages = [report_of_rehearsal(tmp_path / "a" / ".local"), report_of_rehearsal(tmp_path / "b" / ".local")]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert not list(tmp_path.rglob("*.partial"))


def test_the_page_is_self_contained(tmp_path: Path) -> None:
    content = report_of_rehearsal(tmp_path).read_text(encoding="utf-8")
    style = re.search(r"<style>(.*?)</style>", content, flags=re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'content="{policy}"'.replace("'", "&#x27;") in content
    assert "<script" not in content
    assert not re.findall(r'\s(?:src|href)="(?!#|data:|executions/)[^"]*"', content)
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_every_link_has_a_target(tmp_path: Path) -> None:
    page = report_of_rehearsal(tmp_path)
    content = page.read_text(encoding="utf-8")
    links = set(re.findall(r'href="([^"]+)"', content))
    anchors = {link[1:] for link in links if link.startswith("#")}
    assert anchors <= set(re.findall(r'\sid="([^"]+)"', content))
    files = [link for link in links if link.startswith("executions/")]
    assert len(files) > 20
    assert all((tmp_path / unquote(link)).exists() for link in files)


def test_a_link_opens_a_file_whatever_its_name(tmp_path: Path) -> None:
    record = records.trained(tmp_path)
    folder = records.output(tmp_path, record, "Evaluate", "a b#c%d?é:\"'")
    (folder / "é & ?.txt").write_text("", encoding="utf-8")
    records.write(tmp_path, record)
    content = write_report(tmp_path, packages=[], project="P").read_text(encoding="utf-8")
    links = [unquote(link) for link in re.findall(r'href="(executions/[^"]+)"', content)]
    assert folder.relative_to(tmp_path).as_posix() in links
    assert (folder / "é & ?.txt").relative_to(tmp_path).as_posix() in links


def test_model_versions_show_their_lineage(tmp_path: Path) -> None:
    text = words(report_of_rehearsal(tmp_path))
    versions = text[text.rindex("Model versions") :]
    assert versions.index("Version 2 Pending approval") < versions.index("Version 1 Approved")
    for part in (
        "The evaluation looks right.",
        "git commit 0c9e4ee1f2a3b4c5d6e7f8091a2b3c4d5e6f7081",
        "data version 3f9a5c01d2e4",
        "execution 05c0ffee0005",
        "tuned eta 0.03123 max_depth 3",
        "artifact s3://abalone-rings-local-123456789012/executions/Train/model.tar.gz",
        "created 2026-11-21 10:01:10 UTC",
    ):
        assert part in versions


def test_model_versions_show_what_their_cards_say_and_the_champion(tmp_path: Path) -> None:
    text = words(report_of_rehearsal(tmp_path))
    card = "model card pending review owner shells team risk Low purpose Tell the age of shells."
    assert f"rmse 2.128 {card}" in text, "the first version has no champion"
    assert f"rmse 2.128 champion version 1: 3.912 {card}" in text


@pytest.mark.parametrize("content", ["{", "[]", '{"intended_uses": 7}'])
def test_a_model_card_of_another_shape_does_not_prevent_the_page(tmp_path: Path, content: str) -> None:
    execution = records.trained(tmp_path)
    version = records.package(1, "Approved", execution) | {"ModelCard": {"ModelCardContent": content}}
    assert "model card cannot be read" in words(write_report(tmp_path, packages=[version], project="Abalone Rings"))


def test_events_are_counted_by_kind(tmp_path: Path) -> None:
    text = words(report_of_rehearsal(tmp_path))
    assert "54 on the bus" in text
    assert "SageMaker Model Package State Change 4" in text


def test_messages_show_their_recipients_and_link_to_the_execution(tmp_path: Path) -> None:
    record = records.record_of("training", "Train Training")
    records.write(tmp_path, record)
    text = f"Execution: {record['arn']}\nLook at it."
    records.mails(tmp_path, to="ada@example.com", subject="Training succeeded", text=text)
    records.mails(tmp_path, to=None, subject=HOSTILE, text=HOSTILE)
    with (tmp_path / "emails.jsonl").open("a", encoding="utf-8") as file:
        file.write("{\n")
    page = write_report(tmp_path, packages=[], project="Abalone Rings")
    text = words(page)
    for expected in (
        "ada@example.com",
        "Training succeeded",
        "Look at it.",
        "no subscriber yet",
        "1 line of emails.jsonl cannot be read",
    ):
        assert expected in text
    written = page.read_text(encoding="utf-8")
    section = written[written.index('id="messages"') :]
    assert 'href="#execution-1"' in section
    assert "<script" not in section


def test_without_messages_there_is_no_section_for_them(tmp_path: Path) -> None:
    assert "Messages" not in page_of(tmp_path)


def test_the_best_training_job_is_marked(tmp_path: Path) -> None:
    record = records.tuned(tmp_path)
    content = write_report(tmp_path, packages=[], project="P").read_text(encoding="utf-8")
    marked = re.findall(r'<tr role="row" class="best">(.*?)</tr>', content)
    assert len(marked) == 1
    assert ">000<" in marked[0]
    assert f"All names start with <code>Tune-{record['id']}-</code>" in content
    assert ">best<" in marked[0]


@pytest.mark.parametrize(
    ("champion", "sentence"),
    [
        (None, "not compared: there is no champion yet"),
        (2.0, "rmse 2.25 meets the threshold 2.5, 0.25 worse than the champion"),
        (2.25, "rmse 2.25 meets the threshold 2.5, no better than the champion"),
    ],
)
def test_an_evaluation_is_compared_with_the_champion(tmp_path: Path, champion: float | None, sentence: str) -> None:
    record = records.run(records.record_of("training", records.TRAINING), skipped=("MetricNotMet",))
    content = records.evaluation(2.25, champion=champion)
    records.output(tmp_path, record, "Evaluate", "evaluation", evaluation__json=content)
    assert sentence in page_of(tmp_path, record)


GATES = {
    "missed": 1,
    "judged": [
        {"metric": "mae", "value": 1.25, "threshold": 2, "met": True, "limit": "at most 2"},
        {
            "metric": "mae",
            "by": "sex",
            "value": 0.5,
            "threshold": 0.25,
            "min_rows": 30,
            "counted": "rows that define it",
            "met": False,
            "limit": "at most 0.25",
            "groups": [
                {"group": "<F>", "rows": 40, "counted_rows": 40, "value": 1.0, "counts": True},
                {"group": "M", "rows": 35, "counted_rows": 35, "value": 1.5, "counts": True},
                {"group": "I", "rows": 9, "counted_rows": 9, "value": None, "counts": False},
            ],
            "groups_left_out": 7,
        },
    ],
}


def test_gates_are_a_table_and_each_group_of_rows_is_a_line(tmp_path: Path) -> None:
    record = records.run(records.record_of("training", records.TRAINING), skipped=("RegisterModel",))
    content = records.evaluation(2.25) | {"gates": GATES}
    records.output(tmp_path, record, "Evaluate", "evaluation", evaluation__json=content)
    text = page_of(tmp_path, record)
    for expected in (
        "rmse 2.25 meets the threshold 2.5, misses 1 gate",
        "gap of mae by sex missed 0.5 at most 0.25",
        "mae met 1.25 at most 2",
        "<F> 40 1",
        "I 9 not defined does not count: 9 rows that define it",
        "and 7 smaller groups",
    ):
        assert expected in text


def test_the_decision_threshold_is_shown_with_its_aim(tmp_path: Path) -> None:
    record = records.run(records.record_of("training", records.TRAINING), skipped=("MetricNotMet",))
    decision = {"threshold": 0.3125, "aim": "recall", "at_least": {"precision": 0.9}, "reaches": {}, "rows": 300}
    content = records.evaluation(2.25) | {"decision": decision}
    records.output(tmp_path, record, "Evaluate", "evaluation", evaluation__json=content)
    assert "positive from 0.3125, chosen for recall with precision at least 0.9" in page_of(tmp_path, record)


def test_a_metric_of_the_teams_own_is_drawn_in_its_direction(tmp_path: Path) -> None:
    record = records.run(records.record_of("training", records.TRAINING), skipped=("MetricNotMet",))
    content = records.evaluation(-12.5, threshold=-10) | {"metric": "cost", "lower_is_better": True}
    records.output(tmp_path, record, "Evaluate", "evaluation", evaluation__json=content)
    assert "threshold at most -10" in page_of(tmp_path, record)


def test_every_metric_stands_beside_the_champions(tmp_path: Path) -> None:
    record = records.tuned(tmp_path)
    text = page_of(tmp_path, record)
    assert "Metric This model Champion rmse 2.064 3.912 mae 1.445 2.738 r2 0.5612 " in text


def test_precision_and_recall_are_shown_for_each_class(tmp_path: Path) -> None:
    record = records.trained(tmp_path)
    classes = [
        {"class": "no", "precision": 0.9, "recall": 0.75, "rows": 40},
        {"class": "yes", "precision": None, "recall": 0.0, "rows": 2},
    ]
    content = records.evaluation(2.0) | {"classes": classes}
    records.output(tmp_path, record, "Evaluate", "evaluation", evaluation__json=content)
    assert "Class Precision Recall Rows no 0.9 0.75 40 yes undefined 0 2 " in page_of(tmp_path, record)


def test_missing_cells_are_shown_for_the_training_data_and_a_batch(tmp_path: Path) -> None:
    training = records.trained(tmp_path)
    text = page_of(tmp_path, training, records.violated(tmp_path, training))
    assert "No cell is missing in the training split." in text
    assert "Missing cells in In training This batch shell_weight none 3 (0.96%)" in text


def test_the_columns_with_most_missing_cells_come_first(tmp_path: Path) -> None:
    def column(name: str, missing: int) -> records.Record:
        return {"name": name, "string_statistics": {"common": {"num_present": 100 - missing, "num_missing": missing}}}

    training = records.trained(tmp_path)
    statistics = {"features": [column(f"c{number}", number) for number in range(14)]}
    records.output(tmp_path, training, "DataQualityBaseline", "report", statistics__json=statistics)
    text = page_of(tmp_path, training)
    assert "Missing cells in Training split c13 13 (13.00%) c12 12 (12.00%)" in text
    assert "c4 4 (4.00%) and fewer in 3 other columns" in text


@pytest.mark.parametrize(
    ("metric", "value", "threshold", "met"),
    [("r2", -0.4, 0.5, False), ("roc_auc", 0.97, 0.9, True), ("log_loss", 0.0, 0.6, True), ("mae", 1e300, 1e-9, False)],
)
def test_a_bar_is_drawn_within_its_track(
    tmp_path: Path, metric: str, value: float, threshold: float, met: bool
) -> None:
    record = records.run(records.record_of("training", records.TRAINING), skipped=("MetricNotMet",))
    content = {**records.evaluation(value, threshold=threshold), "metric": metric, "met": met}
    records.output(tmp_path, record, "Evaluate", "evaluation", evaluation__json=content)
    records.write(tmp_path, record)
    drawn = write_report(tmp_path, packages=[], project="P").read_text(encoding="utf-8")
    bullet = re.search(r'<svg class="bullet".*?</svg>', drawn)
    assert bullet
    lengths = [float(length) for length in re.findall(r'"(-?[\d.]+)%"', bullet[0])]
    assert len(lengths) >= 8
    assert all(0 <= length <= 100 for length in lengths)


# Missing pieces


def test_nothing_has_run_yet(tmp_path: Path) -> None:
    text = page_of(tmp_path)
    assert "nothing has run yet" in text
    assert "No executions are recorded yet." in text
    assert "No model has been registered." in text


def test_an_execution_still_runs(tmp_path: Path) -> None:
    record = records.record_of("training", records.TRAINING)
    records.named(record, "ResolveInputs").update(status="Executing", started=records.moment(60))
    text = page_of(tmp_path, record)
    assert "Executing training" in text
    assert "not finished" in text
    assert "not all have ended" in text


def test_an_execution_was_refused_before_its_first_step(tmp_path: Path) -> None:
    record = records.record_of("training", "") | {
        "status": "Failed",
        "reason": "unknown step type EMR",
        "started": None,
    }
    assert "unknown step type EMR" in page_of(tmp_path, record)


def test_an_incomplete_record_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "executions" / "p" / "x" / "execution.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"id": "x", "steps": [{"name": "A", "needs": ["nobody", "A"]}]}', encoding="utf-8")
    assert "Unknown" in page_of(tmp_path)


@pytest.mark.parametrize("content", ["", "[1", "[]", '{"steps": [1]}', '{"started": "yesterday"}'])
def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "executions" / "p" / "x" / "execution.json"
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    records.trained(tmp_path)
    text = page_of(tmp_path)
    assert "executions/p/x/execution.json cannot be read" in text
    assert "rmse 2.128 meets the threshold" in text


def test_missing_files_are_named(tmp_path: Path) -> None:
    record = records.trained(tmp_path)
    folder = tmp_path / "executions" / record["pipeline"] / record["id"]
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.name != "execution.json":
            path.rmdir() if path.is_dir() else path.unlink()
    text = page_of(tmp_path)
    assert "log is missing" in text
    assert "evaluation is missing" in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("evaluation.json", "{"),
        ("evaluation.json", "[]"),
        ("evaluation.json", '{"champion": 3, "value": 1, "threshold": 1}'),
        ("evaluation.json", '{"value": NaN, "threshold": 1}'),
        ("verdict.json", '{"verdict": "NO_LABELS", "metric": "rmse", "value": null}'),
        ("verdict.json", '{"rows": [1]}'),
        ("constraint_violations.json", '{"violations": 4}'),
        ("constraint_violations.json", '{"violations": [{"feature_name": null}]}'),
        ("events.jsonl", "nonsense\n[]"),
    ],
)
def test_results_of_another_shape_do_not_prevent_the_page(tmp_path: Path, name: str, content: str) -> None:
    record = records.trained(tmp_path)
    folder = tmp_path if name == "events.jsonl" else records.output(tmp_path, record, "Evaluate", "odd")
    if name == "evaluation.json":
        folder = tmp_path / record["steps"][4]["files"][0]["path"]
    (folder / name).write_text(content, encoding="utf-8")
    text = page_of(tmp_path, record)
    assert "What happened" in text
    assert "Steps" in text


def test_a_result_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    record = records.trained(tmp_path)
    (tmp_path / record["steps"][4]["files"][0]["path"] / "evaluation.json").write_text("{", encoding="utf-8")
    assert re.search(r"Evaluate/opt/ml/processing/output/evaluation/evaluation\.json cannot be read", page_of(tmp_path))


def test_drift_is_shown_without_its_baseline(tmp_path: Path) -> None:
    training = records.trained(tmp_path / "elsewhere")
    records.violated(tmp_path, training)
    text = page_of(tmp_path)
    assert "Baseline drift distance: 0.6412 exceeds threshold: 0.1" in text
    assert "in training" not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (61.2, "1 min 01 s"), (3720, "1 h 02 min")],
)
def test_durations_are_easy_to_read(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


# The layout


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    nodes = [f"Step{number}" for number in range(draw(st.integers(1, 9)))]
    pairs = [(a, b) for index, b in enumerate(nodes) for a in nodes[:index]]
    return nodes, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


@given(graphs())
def test_no_nodes_overlap_and_every_edge_points_down(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    nodes, edges = graph
    sizes = Sizes(width=100, height=40, gap_x=10, gap_y=20)
    layout = lay_out(nodes, edges, sizes)
    assert list(layout.places) == nodes
    for x, y in layout.places.values():
        assert -1e-6 <= x <= layout.width - sizes.width + 1e-6
        assert 0 <= y <= layout.height - sizes.height
    assert not _overlapping(layout, sizes)
    for (source, target), points in layout.routes.items():
        assert points[0][1] < points[-1][1]
        assert layout.places[source][1] < layout.places[target][1]
        assert not _under_a_node(points, layout, sizes)


def _overlapping(layout: Layout, sizes: Sizes) -> list[tuple[str, str]]:
    places = list(layout.places.items())
    return [
        (one, other)
        for index, (one, (x, y)) in enumerate(places)
        for other, (u, v) in places[:index]
        if abs(x - u) < sizes.width - 1e-6 and abs(y - v) < sizes.height
    ]


def _under_a_node(points: list[tuple[float, float]], layout: Layout, sizes: Sizes) -> bool:
    """Whether the straight pieces inside layers run through a node."""
    inside = points[1:-1]
    return any(
        left < x < left + sizes.width and top <= y <= top + sizes.height
        for x, y in inside
        for left, top in layout.places.values()
    )


def test_an_implied_edge_is_not_drawn_and_a_cycle_is_broken() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "a"), ("nobody", "a")]
    layout = lay_out(["a", "b", "c"], edges, Sizes(100, 40, 10, 20))
    assert list(layout.routes) == [("a", "b"), ("b", "c")]


def test_the_main_path_of_a_training_is_a_straight_line() -> None:
    record = records.record_of("training", records.TRAINING)
    edges = [(need, step["name"]) for step in record["steps"] for need in step["needs"]]
    layout = lay_out([step["name"] for step in record["steps"]], edges, Sizes(100, 40, 10, 20))
    main = ("ResolveInputs", "Preprocess", "Train", "Evaluate", "CheckMetric", "MetricNotMet")
    assert len({round(layout.places[name][0]) for name in main}) == 1
    assert layout.places["RegisterModel"][0] == layout.places["DataQualityBaseline"][0]
    assert layout.width == pytest.approx(210)


# In a browser

CONTRAST = """
const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const colour = text => text.match(/[\\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
const opaque = text => text !== 'none' && (colour(text)[3] ?? 1) > 0;
const behind = node => {
  const box = node.closest('.node')?.querySelector('.box');
  if (box && opaque(getComputedStyle(box).fill)) return colour(getComputedStyle(box).fill);
  for (let at = node; at; at = at.parentElement) {
    const background = getComputedStyle(at).backgroundColor;
    if (opaque(background)) return colour(background);
  }
  return [255, 255, 255];
};
const texts = [...document.body.querySelectorAll('*')].filter(node =>
  node.checkVisibility() && [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
return texts.map(node => {
  const style = getComputedStyle(node);
  const ink = luminance(colour(node instanceof SVGElement ? style.fill : style.color));
  const ground = luminance(behind(node));
  const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
  return [node.textContent.trim().slice(0, 40), Math.round(ratio * 100) / 100];
});
"""
OVERFLOW = """
document.querySelectorAll('details').forEach(details => details.open = true);
const end = document.documentElement.clientWidth;
const outside = [...document.querySelectorAll('main *')].filter(node => node.getBoundingClientRect().right > end + 1
  && getComputedStyle(node).position !== 'absolute' && !node.closest('caption, .scroll'));
return [document.documentElement.scrollWidth - end, outside.map(node => node.textContent.slice(0, 40))];
"""
NODES = """
return [...document.querySelectorAll('svg.graph')].map(graph => [...graph.querySelectorAll('a.node')].map(node => {
  const box = node.querySelector('.box').getBoundingClientRect();
  const spilled = [...node.querySelectorAll('text')].some(text => {
    const words = text.getBoundingClientRect();
    return words.left < box.left || words.right > box.right + 0.5;
  });
  return {name: node.dataset.step, left: box.left, right: box.right, top: box.top, bottom: box.bottom, spilled};
}));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_of_rehearsal(tmp_path_factory.mktemp("rehearsal") / ".local")


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rehearsal in which every text from outside is an attack or an endless word."""
    work = tmp_path_factory.mktemp("hostile") / ".local"
    training = records.trained(work)
    endless = "word" * 100
    record = records.run(
        records.record_of("inference", records.INFERENCE, 2), failing="ModelQualityViolation", reason=HOSTILE + endless
    )
    violations = [
        {"feature_name": name, "constraint_check_type": name, "description": name} for name in (HOSTILE, endless)
    ]
    records.checked(work, record, training, {"violations": violations}, shift=0.1)
    records.output(work, record, "ModelQuality", HOSTILE.replace("/", "").replace("\0", "").replace("\ud800", ""))
    file = records.write(work, record)
    records.named(record, "BatchInference").update(note=HOSTILE + endless, log=f"executions/{endless}")
    records.named(record, "ModelQuality").update(log=HOSTILE)
    records.named(record, "Preprocess")["name"] = HOSTILE
    records.named(record, "QualityInput")["name"] = endless
    record["parameters"] |= {HOSTILE: HOSTILE, "InputDataUri": endless}
    file.write_text(json.dumps(record), encoding="utf-8")
    package = records.package(1, "Approved", training) | {"ModelPackageDescription": HOSTILE + endless}
    package["CustomerMetadataProperties"] |= {HOSTILE: endless, endless: HOSTILE}
    (work / "events.jsonl").write_text(json.dumps({"detail-type": HOSTILE}), encoding="utf-8")
    records.mails(work, to=HOSTILE + endless, subject=HOSTILE + endless, text=HOSTILE + endless)
    steps = [RehearsedStep(HOSTILE + endless, endless, HOSTILE, id_) for id_ in (record["id"], HOSTILE)]
    return write_report(work, packages=[package], project=HOSTILE, rehearsal=steps)


@pytest.fixture(scope="module")
def real_page(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two executions that really ran: a training that registers a model, an inference without an approved model."""
    folder = tmp_path_factory.mktemp("real")
    write_sample(load_contract(project / "config" / "dataset.yaml"), folder / "data")
    with LocalCloud(project, folder / ".local") as cloud, Progress(Console(file=io.StringIO())) as progress:
        data = f"s3://{cloud.environment.bucket}/data/training/training-data.csv"
        cloud.upload(folder / "data" / "training-data.csv", data)
        cloud.deploy()
        cloud.run("training", listener=progress.update)
        cloud.run("inference", {"InputDataUri": data.rpartition("/")[0]}, listener=progress.update)
        sagemaker = cloud.client("sagemaker")
        arns = [package.arn for package in model_packages(cloud.environment)]
        packages = [sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]
        return write_report(cloud.work, packages=packages, project="Abalone Rings")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_page_opens_without_errors_and_requests_nothing(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page, scheme=scheme)
    assert browser.requests() == [page.as_uri()]
    browser.open(page, scheme=scheme)
    assert browser.complaints() == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_all_text_has_enough_contrast(browser: Browser, page: Path, scheme: str, width: int) -> None:
    browser.open(page, scheme=scheme, width=width)
    contrasts = browser.ask(CONTRAST)
    assert {"Succeeded", "Failed", "Skipped", "Pending approval", "Approved", "yes", "cached"} <= {
        text for text, _ in contrasts
    }
    assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []


def test_the_schemes_differ(browser: Browser, page: Path) -> None:
    grounds = []
    for scheme in SCHEMES:
        browser.open(page, scheme=scheme)
        grounds.append(browser.ask("return getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(246, 247, 248)", "rgb(15, 20, 25)"]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("which", ["page", "hostile_page"])
def test_nothing_scrolls_sideways(browser: Browser, which: str, width: int, request: pytest.FixtureRequest) -> None:
    browser.open(request.getfixturevalue(which), width=width)
    assert browser.ask(OVERFLOW) == [0, []]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_real_executions_are_rendered(browser: Browser, real_page: Path, scheme: str) -> None:
    browser.open(real_page, scheme=scheme, width=360)
    assert browser.requests() == [real_page.as_uri()]
    assert [(text, ratio) for text, ratio in browser.ask(CONTRAST) if ratio < 4.5] == []
    assert browser.ask("return [...document.images].map(image => image.naturalWidth > 0)") == [True] * 4
    training, inference = browser.ask(NODES)
    assert (len(training), len(inference)) == (8, 14)
    assert [node["name"] for node in (*training, *inference) if node["spilled"]] == []
    assert browser.ask(OVERFLOW) == [0, []]
    text = browser.ask("return document.body.innerText")
    for words in ("meets the threshold 2.5", "There is no approved model", "Version 1", "Pending approval"):
        assert words in text
    content = real_page.read_text(encoding="utf-8")
    links = re.findall(r'href="(executions/[^"]+)"', content)
    assert len(links) > 10
    assert all((real_page.parent / unquote(link)).exists() for link in links)
    assert " is missing" not in text


@pytest.mark.parametrize("width", WIDTHS)
def test_each_graph_has_a_node_for_each_step_and_none_overlap(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width=width)
    graphs = browser.ask(NODES)
    written = [json.loads(path.read_text()) for path in page.parent.glob("executions/*/*/execution.json")]
    expected = {record["started"]: [step["name"] for step in record["steps"]] for record in written}
    assert [[node["name"] for node in graph] for graph in graphs] == [expected[time] for time in sorted(expected)]
    for nodes in graphs:
        assert [node["name"] for node in nodes if node["spilled"]] == []
        for index, one in enumerate(nodes):
            for other in nodes[:index]:
                beside = one["right"] <= other["left"] or other["right"] <= one["left"]
                assert beside or one["bottom"] <= other["top"] or other["bottom"] <= one["top"]


def test_all_plots_are_rendered(browser: Browser, page: Path) -> None:
    browser.open(page)
    pictures = browser.ask("return [...document.images].map(image => [image.alt, image.naturalWidth])")
    assert [alt for alt, _ in pictures].count("Plot: feature importance") == 2
    assert len(pictures) == 4
    assert all(width > 0 for _, width in pictures)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_violation_and_its_reason_can_be_read(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width=width)
    text = browser.ask("return document.body.innerText")
    assert "rmse 3.871 on 500 labelled rows does not meet the threshold 2.5" in text
    assert "Baseline drift distance: 0.6412 exceeds threshold: 0.1" in text
    assert "rmse 3.871, and at most 2.5 is accepted" in text


def test_a_drifted_feature_is_drawn_as_in_training_and_now(browser: Browser, page: Path) -> None:
    browser.open(page)
    drawn = browser.ask(
        "return [...document.querySelectorAll('svg.histogram')].map(one => [one.getAttribute('aria-label'),"
        "['before', 'after'].map(name => one.querySelector('path.' + name).getBBox().x)])"
    )
    assert len(drawn) == 1
    label, (before, after) = drawn[0]
    assert label == "Distribution of shell_weight: mean 0.46 to 0.81"
    assert before < after


def test_a_node_links_to_its_row(browser: Browser, page: Path) -> None:
    browser.open(page)
    pairs = browser.ask(
        "return [...document.querySelectorAll('a.node')].map(node => [node.dataset.step,"
        "document.querySelector(node.getAttribute('href')).querySelector('code').textContent])"
    )
    assert len(pairs) == 3 * 14 + 2 * 8
    assert all(node == row for node, row in pairs)


def test_everything_is_labelled_for_screen_readers(browser: Browser, page: Path) -> None:
    browser.open(page)
    headings = browser.ask("return [...document.querySelectorAll('h1, h2, h3')].map(one => Number(one.tagName[1]))")
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    unnamed = browser.ask(
        "return [...document.querySelectorAll('img:not([alt]), table:not(:has(caption)), th:not([scope]),"
        "svg:not([role], [aria-hidden], svg svg), nav:not([aria-label])')].map(one => one.outerHTML.slice(0, 80))"
    )
    assert unnamed == []
    repeated = browser.ask(
        "const ids = [...document.querySelectorAll('[id]')].map(one => one.id);"
        "return ids.filter((id, at) => ids.indexOf(id) !== at)"
    )
    assert repeated == []


def test_text_from_outside_is_never_interpreted(browser: Browser, hostile_page: Path) -> None:
    browser.open(hostile_page)
    assert browser.complaints() == []
    assert browser.ask("return [window.hostile ?? null, document.querySelectorAll('script, img[src=x]').length]") == [
        None,
        0,
    ]
    text = browser.ask("return document.body.innerText")
    assert text.count("<script>window.hostile = 1</script><img src=x onerror=") > 5
