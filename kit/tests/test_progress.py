"""What is shown while an execution runs."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta

import pytest
from rich.console import Console
from rich.text import Text

from mlops_kit.local_cloud.progress import Progress
from sample_records import INFERENCE, START, TRAINING, moment, named, record_of, run

Kind = Callable[[], tuple[Console, io.StringIO]]
HOSTILE = "[bold]\x1b[31mred\x1b[0m\r\nsecond\tline \u202e [/nonsense]"


def plain(width: int = 60) -> tuple[Console, io.StringIO]:
    said = io.StringIO()
    return Console(file=said, width=width, force_terminal=False), said


def terminal(width: int = 100) -> tuple[Console, io.StringIO]:
    said = io.StringIO()
    return Console(file=said, width=width, height=60, force_terminal=True, legacy_windows=False, _environ={}), said


def last_table(said: io.StringIO) -> str:
    """The lines of the last drawing, without colours."""
    console, clean = plain(200)
    console.print(Text.from_ansi(said.getvalue().split("\x1b[2K")[-1]), soft_wrap=True)
    return clean.getvalue()


def test_without_a_terminal_each_change_of_a_step_is_one_line() -> None:
    console, said = plain()
    record = record_of("training", TRAINING)
    with Progress(console) as progress:
        progress.update(record)
        named(record, "ResolveInputs")["status"] = "Executing"
        progress.update(record)
        progress.update(record)
        run(record, skipped=("MetricNotMet",))
        progress.update(record)
    lines = said.getvalue().splitlines()
    assert lines[0].split() == ["training", "ResolveInputs", "Executing"]
    assert lines[2].split("  ")[-1] == "rows: train 1400, validation 300, test 300", "whole, however narrow"
    assert lines[2].split()[:5] == ["training", "Preprocess", "Succeeded", "0.8", "s"]
    happened = [step["name"] for step in record["steps"] if step["status"] != "Skipped"]
    assert [line.split()[1] for line in lines[1:-1]] == happened
    assert lines[-1].split() == ["training", record["id"], "Succeeded", "4.0", "s"]


def test_without_a_terminal_nothing_steers_what_shows_the_lines() -> None:
    console, said = plain()
    record = run(record_of("inference", INFERENCE), failing="BatchInference", reason=HOSTILE)
    with Progress(console) as progress:
        progress.update(record)
    failed = next(line for line in said.getvalue().splitlines() if " BatchInference " in line)
    assert failed.endswith("[bold] [31mred [0m second line [/nonsense]")
    assert all(letter.isprintable() or letter == "\n" for letter in said.getvalue())


def test_a_console_that_knows_few_letters_gets_a_line_all_the_same() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    record = record_of("training", TRAINING)
    named(record, "Preprocess").update(status="Executing", note="Größe → 5")
    with Progress(Console(file=file, force_terminal=False)) as progress:
        progress.update(record)
    file.seek(0)
    assert "Gr??e ? 5" in file.read()


def test_a_terminal_shows_mark_word_time_and_note_of_each_step() -> None:
    console, said = terminal()
    record = run(record_of("training", TRAINING), skipped=("MetricNotMet",))
    named(record, "Preprocess")["cache_hit"] = True
    with Progress(console) as progress:
        progress.update(record)
    shown = last_table(said)
    title, *rows = shown.splitlines()
    assert title.split() == ["training", record["id"], "✓", "Succeeded", "4.0", "s"]
    assert [row.split()[:3] for row in rows[:2]] == [
        ["ResolveInputs", "✓", "Succeeded"],
        ["Preprocess", "✓", "Succeeded"],
    ]
    assert "cached" in rows[1]
    assert rows[7].split() == ["MetricNotMet", "-", "Skipped"]
    assert "rmse 2.128 meets the threshold 2.5 on 300 test rows" in rows[4]


def test_the_seconds_of_what_runs_tick() -> None:
    console, _ = terminal()
    now = START + timedelta(seconds=60)
    progress = Progress(console, clock=lambda: now)
    record = record_of("training", TRAINING)
    named(record, "Preprocess").update(status="Executing", started=moment(61))
    progress.update(record)

    def seconds() -> list[str]:
        with console.capture() as captured:
            console.print(progress._render())
        lines = Text.from_ansi(captured.get()).plain.splitlines()
        return [lines[0].split("Executing")[1].strip(), lines[2].split("Executing")[1].split("s")[0].strip()]

    now = START + timedelta(seconds=63.5)
    assert seconds() == ["3.5 s", "2.5"]
    now = START + timedelta(seconds=125)
    assert seconds() == ["1 min 05 s", "1 min 04"]


def test_a_long_note_is_cropped_to_the_terminal() -> None:
    console, said = terminal(width=60)
    record = record_of("training", TRAINING)
    named(record, "Preprocess").update(status="Executing", note="word " * 40)
    with Progress(console) as progress:
        progress.update(record)
    row = next(line for line in last_table(said).splitlines() if "Preprocess" in line)
    assert row.rstrip().endswith("…")
    assert len(row.rstrip()) <= 60


def test_the_reason_of_a_failure_is_whole_below_the_table() -> None:
    console, said = terminal(width=60)
    reason = "No version is approved. Approve one: mlops approve --env local --version 1"
    with Progress(console) as progress:
        progress.update(run(record_of("inference", INFERENCE), failing="NoApprovedModel", reason=reason))
    assert reason in " ".join(last_table(said).split())


def test_a_terminal_is_not_steered_by_what_a_job_says() -> None:
    console, said = terminal()
    with Progress(console) as progress:
        progress.update(run(record_of("inference", INFERENCE), failing="BatchInference", reason=HOSTILE))
    assert "\x1b[31mred" not in said.getvalue()
    assert "[bold] [31mred [0m second line [/nonsense]" in last_table(said)


@pytest.mark.parametrize("kind", [plain, terminal])
def test_executions_follow_one_another_and_all_stay(kind: Kind) -> None:
    console, said = kind()
    with Progress(console) as progress:
        for number in (1, 2):
            progress.update(run(record_of("training", TRAINING, number)))
    ids = [record_of("training", TRAINING, number)["id"] for number in (1, 2)]
    assert said.getvalue().rindex(ids[0]) < said.getvalue().rindex(ids[1])


@pytest.mark.parametrize("kind", [plain, terminal])
def test_changes_may_come_from_any_thread(kind: Kind) -> None:
    console, said = kind()
    record = record_of("training", TRAINING)
    with Progress(console) as progress:
        progress.update(record)
        done = run(deepcopy(record))
        threads = [threading.Thread(target=progress.update, args=(done,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)
    assert "Preprocess" in said.getvalue()
    if kind is plain:
        assert said.getvalue().count("Preprocess") == 1
