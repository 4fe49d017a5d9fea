"""Tables of the executions and model versions of an environment."""

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
from mlops_kit.text import colour, duration

MODELS = 10  # versions to show


def show_all(environment: Environment, kinds: Iterable[str], limit: int, console: Console) -> None:
    """Show the latest executions of each pipeline, and the latest versions of the model."""
    for kind in kinds:
        latest = executions.latest(environment, kind, limit)
        console.print(Text(environment.pipeline_name(kind), "bold"))
        if latest is None:
            console.print(Text(f"  not deployed; mlops deploy --env {environment.name}"))
        elif not latest:
            console.print(Text(f"  never started; mlops start {kind} --env {environment.name}"))
        for execution in latest or []:
            _show(environment, execution, console)
    console.print(Text(environment.model_package_group, "bold"))
    packages = registry.model_packages(environment, MODELS)
    _print(console, models_table(packages) if packages else Text("  no model yet"))


def show_one(environment: Environment, execution: Execution, console: Console) -> None:
    """Show one execution."""
    console.print(Text(execution.arn, "bold"))
    _show(environment, execution, console)


def status_console() -> Console:
    """A console on standard output; unless it is a terminal, it has no colours and never wraps a line."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=10_000)


def steps_table(steps: Iterable[StepRun]) -> Table:
    """Steps, one per line."""
    table = _table()
    for step in steps:
        table.add_row(f"    {step.name}", _coloured(step.status), _duration(step.started, step.ended), Text(step.note))
    return table


def models_table(packages: Iterable[ModelPackage]) -> Table:
    """Versions of the model, one per line."""
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
    """Show an execution on one line, then the reason of its failure unless a step gives it, then its steps."""
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
    """Print a view; without trailing blanks unless the console is a terminal."""
    if console.is_terminal:
        console.print(view)
        return
    with console.capture() as capture:
        console.print(view)
    console.file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _coloured(status: str) -> Text:
    return Text(status, colour(status))


def _time(moment: datetime) -> str:
    """A time in this machine's time zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _duration(started: datetime | None, ended: datetime | None) -> str:
    """How long something took, or has taken so far."""
    if started is None:
        return ""
    elapsed = (ended or datetime.now(timezone.utc)) - started
    return duration(max(0.0, elapsed.total_seconds()))  # the clocks here and at AWS may differ
