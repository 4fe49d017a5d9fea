"""How the pipelines and the models of an environment are doing, as tables to read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from mlops_kit.aws import executions, registry
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.executions import Execution, StepRun
from mlops_kit.aws.registry import ModelPackage
from mlops_kit.definition import triggers

COLOURS = {
    "Succeeded": "green",
    "Approved": "green",
    "Failed": "red",
    "Rejected": "red",
    "Stopped": "yellow",
    "Stopping": "yellow",
    "PendingManualApproval": "yellow",
    "Executing": "cyan",
    "Starting": "cyan",
}
MODELS = 10  # versions that are shown


def show_all(environment: Environment, kinds: Iterable[str], limit: int, console: Console) -> None:
    """Show the latest executions of each pipeline, and the latest versions of the model."""
    for kind in kinds:
        found = executions.latest(environment, kind, limit)
        console.print(Text(environment.pipeline_name(kind), "bold"))
        if found is None:
            console.print(Text(f"  not deployed; mlops deploy --env {environment.name}"))
        elif not found:
            console.print(Text(f"  never started; mlops start {kind} --env {environment.name}"))
        for execution in found or []:
            _show(environment, execution, console)
    console.print(Text(environment.model_package_group, "bold"))
    packages = registry.model_packages(environment, MODELS)
    _print(console, models_table(packages) if packages else Text("  no model yet"))


def show_one(environment: Environment, execution: Execution, console: Console) -> None:
    """Show one execution."""
    console.print(Text(execution.arn, "bold"))
    _show(environment, execution, console)


def status_console() -> Console:
    """Standard output: a terminal as it is, anything else without colours and without a line ever being broken."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=10_000)


def steps_table(steps: Iterable[StepRun]) -> Table:
    """Steps, one a line."""
    table = _table()
    for step in steps:
        table.add_row(f"    {step.name}", _coloured(step.status), _duration(step.started, step.ended), Text(step.note))
    return table


def models_table(packages: Iterable[ModelPackage]) -> Table:
    """Versions of the model, one a line."""
    table = _table()
    for package in packages:
        table.add_row(
            f"  version {package.version}",
            _coloured(package.status),
            _time(package.created),
            package.kind,
            package.score,
            Text(package.comment),
        )
    return table


def _show(environment: Environment, execution: Execution, console: Console) -> None:
    """Show an execution on a line, why it failed below unless a step says so, and its steps."""
    started_by = triggers.describe(executions.parameters_of(environment, execution.arn))
    about = [
        Text(f"  {execution.id}"),
        _coloured(execution.status),
        Text(_time(execution.started)),
        Text(_duration(execution.started, execution.ended)),
        *([Text(started_by)] if started_by else []),
    ]
    console.print(Text("  ").join(about))
    if execution.reason and not any(step.note and step.note in execution.reason for step in execution.steps):
        console.print(Text(f"    {execution.reason}", "red"))
    _print(console, steps_table(execution.steps))


def _table() -> Table:
    return Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)


def _print(console: Console, view: RenderableType) -> None:
    """Print a view; where no terminal reads it, without the blanks at the ends of its lines."""
    if console.is_terminal:
        console.print(view)
        return
    with console.capture() as capture:
        console.print(view)
    console.file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _coloured(status: str) -> Text:
    return Text(status, COLOURS.get(status, ""))


def _time(moment: datetime) -> str:
    """A moment in this machine's time zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _duration(started: datetime | None, ended: datetime | None) -> str:
    """How long something took, or has taken so far."""
    if started is None:
        return ""
    elapsed = (ended or datetime.now(timezone.utc)) - started
    seconds = max(0, round(elapsed.total_seconds()))  # the clocks here and at AWS may differ
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"
