"""The progress of an execution: a live table on a terminal, one line for each finished step elsewhere."""

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
from mlops_kit.runner.record import read_record
from sample_records import INFERENCE, START, TRAINING, moment, named, record_of, run

Kind = Callable[[], tuple[Console, io.StringIO]]
HOSTILE = "[bold]\x1b[31mred\x1b[0m\r\nsecond\tline \u202e [/nonsense]"


def plain(width: int = 60) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, width=width, force_terminal=False), output


def terminal(width: int = 100) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, width=width, height=60, force_terminal=True, legacy_windows=False, _environ={}), output


def last_table(output: io.StringIO) -> str:
    """The lines of the last drawing, without colours."""
    console, clean = plain(200)
    console.print(Text.from_ansi(output.getvalue().split("\x1b[2K")[-1]), soft_wrap=True)
    return clean.getvalue()


def test_without_a_terminal_each_finished_step_is_one_line() -> None:
    console, output = plain()
    record = record_of("training", TRAINING)
    with Progress(console) as progress:
        progress.update(read_record(record))
        named(record, "ResolveInputs")["status"] = "Executing"
        progress.update(read_record(record))
        progress.update(read_record(record))
        run(record, skipped=("MetricNotMet",))
        progress.update(read_record(record))
    lines = output.getvalue().splitlines()
    assert "Executing" not in output.getvalue()
    assert lines[1].split("  ")[-1] == "rows: train 1400, validation 300, test 300", "not cropped, however narrow"
    assert lines[1].split()[:5] == ["training", "Preprocess", "Succeeded", "0.8", "s"]
    finished = [step["name"] for step in record["steps"] if step["status"] != "Skipped"]
    assert [line.split()[1] for line in lines[:-1]] == finished
    assert lines[-1].split() == ["training", record["id"], "Succeeded", "4.0", "s"]


def test_without_a_terminal_the_lines_hold_no_control_characters() -> None:
    console, output = plain()
    record = run(record_of("inference", INFERENCE), failing="BatchInference", reason=HOSTILE)
    with Progress(console) as progress:
        progress.update(read_record(record))
    failed = next(line for line in output.getvalue().splitlines() if " BatchInference " in line)
    assert failed.endswith("[bold] [31mred [0m second line [/nonsense]")
    assert all(letter.isprintable() or letter == "\n" for letter in output.getvalue())


def test_letters_that_the_console_cannot_encode_are_replaced() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    record = record_of("training", TRAINING)
    named(record, "Preprocess").update(status="Succeeded", note="Größe → 5")
    with Progress(Console(file=file, force_terminal=False)) as progress:
        progress.update(read_record(record))
    file.seek(0)
    assert "Gr??e ? 5" in file.read()


def test_a_terminal_shows_mark_word_time_and_note_of_each_step() -> None:
    console, output = terminal()
    record = run(record_of("training", TRAINING), skipped=("MetricNotMet",))
    named(record, "Preprocess")["cache_hit"] = True
    with Progress(console) as progress:
        progress.update(read_record(record))
    shown = last_table(output)
    title, *rows = shown.splitlines()
    assert title.split() == ["training", record["id"], "✓", "Succeeded", "4.0", "s"]
    assert [row.split()[:3] for row in rows[:2]] == [
        ["ResolveInputs", "✓", "Succeeded"],
        ["Preprocess", "✓", "Succeeded"],
    ]
    assert "cached" in rows[1]
    assert rows[7].split() == ["MetricNotMet", "-", "Skipped"]
    assert "rmse 2.128 meets the threshold 2.5 on 300 test rows" in rows[4]


def test_the_duration_of_a_running_step_is_updated() -> None:
    console, _ = terminal()
    now = START + timedelta(seconds=60)
    progress = Progress(console, clock=lambda: now)
    record = record_of("training", TRAINING)
    named(record, "Preprocess").update(status="Executing", started=moment(61))
    progress.update(read_record(record))

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
    console, output = terminal(width=60)
    record = record_of("training", TRAINING)
    named(record, "Preprocess").update(status="Executing", note="word " * 40)
    with Progress(console) as progress:
        progress.update(read_record(record))
    row = next(line for line in last_table(output).splitlines() if "Preprocess" in line)
    assert row.rstrip().endswith("…")
    assert len(row.rstrip()) <= 60


def test_the_reason_of_a_failure_is_not_cropped_below_the_table() -> None:
    console, output = terminal(width=60)
    reason = "No version is approved. Approve one: mlops approve --env local --version 1"
    with Progress(console) as progress:
        progress.update(read_record(run(record_of("inference", INFERENCE), failing="NoApprovedModel", reason=reason)))
    assert reason in " ".join(last_table(output).split())


def test_a_terminal_gets_no_control_characters_of_a_job() -> None:
    console, output = terminal()
    with Progress(console) as progress:
        progress.update(read_record(run(record_of("inference", INFERENCE), failing="BatchInference", reason=HOSTILE)))
    assert "\x1b[31mred" not in output.getvalue()
    assert "[bold] [31mred [0m second line [/nonsense]" in last_table(output)


@pytest.mark.parametrize("kind", [plain, terminal])
def test_executions_follow_one_another_and_all_remain_visible(kind: Kind) -> None:
    console, output = kind()
    with Progress(console) as progress:
        for number in (1, 2):
            progress.update(read_record(run(record_of("training", TRAINING, number))))
    ids = [record_of("training", TRAINING, number)["id"] for number in (1, 2)]
    assert output.getvalue().rindex(ids[0]) < output.getvalue().rindex(ids[1])


@pytest.mark.parametrize("kind", [plain, terminal])
def test_changes_may_come_from_any_thread(kind: Kind) -> None:
    console, output = kind()
    record = record_of("training", TRAINING)
    with Progress(console) as progress:
        progress.update(read_record(record))
        done = read_record(run(deepcopy(record)))
        threads = [threading.Thread(target=progress.update, args=(done,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)
    assert "Preprocess" in output.getvalue()
    if kind is plain:
        assert output.getvalue().count("Preprocess") == 1


def test_without_a_terminal_steps_that_never_started_are_not_printed() -> None:
    console, output = plain()
    with Progress(console) as progress:
        progress.update(read_record(run(record_of("inference", INFERENCE), failing="BatchInference", reason="no rows")))
    assert " BatchInference " in output.getvalue()
    assert "QualityInput" not in output.getvalue()


def test_without_a_terminal_the_reason_of_a_failure_is_printed_once() -> None:
    console, output = plain()
    failed = run(record_of("inference", INFERENCE), failing="BatchInference", reason="no rows")
    refused = record_of("inference", "", 2) | {"status": "Failed", "reason": "unknown step type EMR"}
    with Progress(console) as progress:
        progress.update(read_record(failed))
        progress.update(read_record(refused))
    assert output.getvalue().count("no rows") == 1
    assert output.getvalue().count("unknown step type EMR") == 1
