"""Show an execution while it runs: a live table on a terminal, and one line for each change anywhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mlops_kit.report.times import duration
from mlops_kit.runner.past_executions import RUNNING, PastExecution, PastStep, read_execution

TICKS_PER_SECOND = 4
UNTOLD = ("Waiting", "Starting", "Skipped")  # in plain lines: nothing has happened
AT_ONCE = ("Condition", "Fail")  # types of steps that are over before a line about their beginning is read

# A mark, what stands for it where the console knows ASCII only, and a colour: the word stands beside them always.
MARKS = {
    "Waiting": ("·", ".", "dim"),
    "Starting": ("◌", "o", "cyan"),
    "Executing": ("●", "*", "cyan"),
    "Succeeded": ("✓", "+", "green"),
    "Failed": ("✗", "x", "red"),
    "Skipped": ("-", "-", "dim"),
    "Stopping": ("■", "#", "yellow"),
    "Stopped": ("■", "#", "yellow"),
}
UNKNOWN = ("?", "?", "default")


def _now() -> datetime:
    return datetime.now(timezone.utc)


@contextmanager
def one_line(console: Console) -> Iterator[Callable[[str], None]]:
    """Show what one is told last in a line that goes when it is over; on anything but a terminal, nothing."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield status.update


class Progress:
    """Shows what `update` is told, from whichever thread; several executions may follow one another.

    with Progress(console) as progress:
        run(listener=progress.update)
    """

    def __init__(self, console: Console, clock: Callable[[], datetime] = _now) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        self._shown: PastExecution | None = None
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=TICKS_PER_SECOND)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, record: Mapping[str, Any]) -> None:
        """Show an execution as it is now.

        Args:
            record: the content of its execution.json.
        """
        now = read_execution(record)
        with self._lock:
            before, self._shown = self._shown, now
            if before and before.id != now.id:
                if self._live:
                    self._console.print(self._table(before))
                before = None
            if not self._live:
                self._tell_changes(before, now)

    # Plain lines

    def _tell_changes(self, before: PastExecution | None, now: PastExecution) -> None:
        known = {step.name: step.status for step in before.steps} if before else {}
        width = max((len(self._clean(step.name)) for step in now.steps), default=0)
        for step in now.steps:
            begun = step.status == "Executing" and step.type in AT_ONCE
            if step.status not in (*UNTOLD, known.get(step.name)) and not begun:
                self._say(now.kind, step.name, width, step.status, step.shown_time, _words_of(step))
        if now.status not in RUNNING and (before is None or before.status != now.status):
            self._say(now.kind, now.id, width, now.status, duration(now.seconds), now.reason)

    def _say(self, kind: str, who: str, width: int, status: str, time: str, words: str) -> None:
        line = f"{self._clean(kind)}  {self._clean(who):<{width}}  {status:<9}  {time:>7}  {self._clean(words)}"
        self._console.print(line.rstrip(), markup=False, highlight=False, soft_wrap=True)

    # The live table

    def _render(self) -> ConsoleRenderable:
        # Without the lock: the thread that draws holds rich's own, which a thread inside `update` may wait for.
        execution = self._shown
        return self._table(execution) if execution else Text("")

    def _table(self, execution: PastExecution) -> ConsoleRenderable:
        steps = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
        steps.add_column(no_wrap=True)
        steps.add_column(no_wrap=True, min_width=10)
        steps.add_column(no_wrap=True, justify="right", min_width=8)
        steps.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for step in execution.steps:
            quiet = "dim" if step.status in ("Waiting", "Skipped") else ""
            words = Text(self._clean(_words_of(step)), style="red" if step.status == "Failed" else "dim")
            name = Text(self._clean(step.name), style=quiet)
            steps.add_row(name, self._status(step.status), Text(self._time_now(step), style="dim"), words)
        parts: list[ConsoleRenderable] = [self._title(execution), Padding(steps, (0, 0, 0, 2))]
        if execution.reason:
            parts.append(Padding(Text(self._clean(execution.reason), style="red"), (0, 0, 0, 2)))
        return Group(*parts)

    def _title(self, execution: PastExecution) -> Text:
        seconds = execution.seconds if execution.ended else self._since(execution.started)
        return Text("  ").join(
            [
                Text(self._clean(execution.kind), style="bold"),
                Text(self._clean(execution.id), style="dim"),
                self._status(execution.status),
                Text(duration(seconds), style="dim"),
            ]
        )

    def _status(self, status: str) -> Text:
        mark, ascii_mark, style = MARKS.get(status, UNKNOWN)
        return Text(f"{ascii_mark if self._console.options.ascii_only else mark} {self._clean(status)}", style=style)

    def _time_now(self, step: PastStep) -> str:
        if step.status in RUNNING:
            return duration(self._since(step.started))
        return step.shown_time

    def _since(self, started: datetime | None) -> float | None:
        return max((self._clock() - started).total_seconds(), 0.0) if started else None

    def _clean(self, text: str) -> str:
        """One line that a console can print and that cannot steer it, whatever a job has said."""
        printable = "".join(letter if letter.isprintable() else " " for letter in text)
        encoding = self._console.encoding
        return " ".join(printable.split()).encode(encoding, "replace").decode(encoding)


def _words_of(step: PastStep) -> str:
    """What is worth reading of a step: why it failed, or what it noted."""
    return step.reason or step.note
