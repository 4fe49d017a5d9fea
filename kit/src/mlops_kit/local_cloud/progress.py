"""Show an execution while it runs: a live table on a terminal, one line for each finished step elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from types import TracebackType

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mlops_kit.runner.record import RUNNING, ExecutionRecord, StepRecord
from mlops_kit.text import colour, duration, step_duration

REFRESHES_PER_SECOND = 4
FINISHED = ("Succeeded", "Failed", "Stopped")  # in plain lines, a step appears once it has one of these

# The mark of a status, and its substitute on a console with ASCII only; the word is always beside it.
MARKS = {
    "Waiting": ("·", "."),
    "Starting": ("◌", "o"),
    "Executing": ("●", "*"),
    "Succeeded": ("✓", "+"),
    "Failed": ("✗", "x"),
    "Skipped": ("-", "-"),
    "Stopping": ("■", "#"),
    "Stopped": ("■", "#"),
}
UNKNOWN = ("?", "?")


def _now() -> datetime:
    return datetime.now(timezone.utc)


@contextmanager
def one_line(console: Console) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows its latest text in a line that disappears at the end; only on a terminal."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield status.update


class Progress:
    """Shows what `update` receives, from any thread; several executions may follow one another.

    with Progress(console) as progress:
        run(listener=progress.update)
    """

    def __init__(self, console: Console, clock: Callable[[], datetime] = _now) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        self._shown: ExecutionRecord | None = None
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                console=self._console, get_renderable=self._render, refresh_per_second=REFRESHES_PER_SECOND
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, record: ExecutionRecord) -> None:
        """Show an execution as it is now."""
        with self._lock:
            before, self._shown = self._shown, record
            if before and before.id != record.id:
                if self._live:
                    self._console.print(self._table(before))
                before = None
            if not self._live:
                self._print_changes(before, record)

    # Plain lines

    def _print_changes(self, before: ExecutionRecord | None, now: ExecutionRecord) -> None:
        known = {step.name: step.status for step in before.steps} if before else {}
        width = max((len(self._clean(step.name)) for step in now.steps), default=0)
        for step in now.steps:
            never_started = step.status == "Stopped" and not step.started
            if step.status in FINISHED and step.status != known.get(step.name) and not never_started:
                time = step_duration(step.seconds, step.cache_hit)
                self._print_line(now.kind, step.name, width, step.status, time, _words_of(step))
        if now.status not in RUNNING and (before is None or before.status != now.status):
            reason = "" if now.failed_steps else now.reason  # the lines of failed steps have given theirs
            self._print_line(now.kind, now.id, width, now.status, duration(now.seconds), reason)

    def _print_line(self, kind: str, name: str, width: int, status: str, time: str, words: str) -> None:
        line = f"{self._clean(kind)}  {self._clean(name):<{width}}  {status:<9}  {time:>7}  {self._clean(words)}"
        self._console.print(line.rstrip(), markup=False, highlight=False, soft_wrap=True)

    # The live table

    def _render(self) -> ConsoleRenderable:
        # Without the lock: the thread that draws holds rich's own, which a thread inside `update` may wait for.
        execution = self._shown
        return self._table(execution) if execution else Text("")

    def _table(self, execution: ExecutionRecord) -> ConsoleRenderable:
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

    def _title(self, execution: ExecutionRecord) -> Text:
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
        mark, ascii_mark = MARKS.get(status, UNKNOWN)
        shown = ascii_mark if self._console.options.ascii_only else mark
        return Text(f"{shown} {self._clean(status)}", style=colour(status))

    def _time_now(self, step: StepRecord) -> str:
        if step.status in RUNNING:
            return duration(self._since(step.started))
        return step_duration(step.seconds, step.cache_hit)

    def _since(self, started: datetime | None) -> float | None:
        return max((self._clock() - started).total_seconds(), 0.0) if started else None

    def _clean(self, text: str) -> str:
        """One line without control characters, in the console's encoding, whatever a job has printed."""
        printable = "".join(letter if letter.isprintable() else " " for letter in text)
        encoding = self._console.encoding
        return " ".join(printable.split()).encode(encoding, "replace").decode(encoding)


def _words_of(step: StepRecord) -> str:
    """The reason of a step's failure, or its note."""
    return step.reason or step.note
