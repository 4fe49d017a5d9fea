"""Run the rehearsal: `make local`, `mlops local demo`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.errors import UserError
from mlops_kit.data.data_files import data_files
from mlops_kit.data.sample import write_sample
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.infrastructure import FOLDER as INFRASTRUCTURE_FOLDER
from mlops_kit.local_cloud.infrastructure import LOG as TERRAFORM_LOG
from mlops_kit.local_cloud.infrastructure import Infrastructure, why_not_here
from mlops_kit.local_cloud.terraform import TerraformError
from mlops_kit.project import Project
from mlops_kit.rehearsal.drifting import Drifting
from mlops_kit.rehearsal.scenario import STEPS, RehearsalStep, Scenario
from mlops_kit.rehearsal.triggering import EventTrigger, ManualTrigger, Trigger
from mlops_kit.report.build import report_on
from mlops_kit.report.entries import RehearsedStep
from mlops_kit.runner.record import ExecutionRecord

DRIFTED = "drifted-sample"  # the folder of the drifted sample, below the working folder
MAX_LINE = 120  # characters of the line about the infrastructure


def rehearse(
    project: Project,
    threshold: float | None = None,
    console: Console | None = None,
    *,
    infrastructure: bool = True,
    definitions: Callable[[], Mapping[str, str]] | None = None,
) -> Path:
    """Run all steps on the project's data, and write the report page.

    Args:
        project: the project.
        threshold: the metric's threshold, which a model then has to meet; None for the contract's.
        console: the console for the progress; None for standard output.
        infrastructure: whether to apply the project's infrastructure where that is possible.
        definitions: is called for what `compile_all` returns; None to compile in this process.

    Returns:
        the report page.

    Raises:
        UserError: a step failed, though the data can have the expected outcome; the page is written all the same.
    """
    console, started = console or Console(), time.perf_counter()
    contract = load_contract(project.contract)
    _make_sample(contract, project.data, console)
    with _local_cloud(project, threshold, console, infrastructure, contract) as (cloud, trigger):
        drifted = project.work / DRIFTED
        drifting = Drifting(project, contract, drifted, threshold)
        scenario = Scenario(
            cloud, trigger, console, project.data, drifted, drifting, contract, is_strict=threshold is not None
        )
        rehearsed: list[RehearsedStep] = []
        with _page(scenario, project.work, rehearsed) as page:
            cloud.deploy(definitions() if definitions else None)
            for number, step in enumerate(STEPS, start=1):
                _run_step(number, step, scenario, rehearsed)
            if conclusion := trigger.conclude():
                _print(console, f"\n{conclusion}")
    _print(console, f"\n{_result(rehearsed, time.perf_counter() - started)}. Report: {page}")
    return page


def _run_step(number: int, step: RehearsalStep, scenario: Scenario, rehearsed: list[RehearsedStep]) -> None:
    """Run a step, unless one that it needs was left out, and append its outcome.

    Raises:
        UserError: the outcome is not the expected one, though these data can have it.
    """
    console = scenario.console
    console.print(f"\n[bold]{number}. {step.title}[/]", highlight=False)
    if step.needs and rehearsed[step.needs - 1].left_out:
        _leave_out(f"it needs step {step.needs}", None, step, console, rehearsed)
        return
    try:
        record = step.action(scenario)
        failure = step.check(scenario, record)
    except TimeoutError as error:  # no event started the pipeline, for example
        record, failure = None, str(error)
    if failure and not scenario.is_strict and (excuse := step.excuse(scenario, record)):
        _leave_out(excuse, record, step, console, rehearsed)
        return
    rehearsed.append(RehearsedStep(step.title, step.expected, failure, record.id if record else None))
    if failure:
        _print(console, f"   expected: {step.expected}", "red")
        _print(console, f"   happened: {failure}", "red")
        raise UserError(f"step {number} ({step.title}) failed: {failure}")
    _print(console, f"   as expected: {step.expected}", "green")


def _leave_out(
    why: str, record: ExecutionRecord | None, step: RehearsalStep, console: Console, rehearsed: list[RehearsedStep]
) -> None:
    rehearsed.append(RehearsedStep(step.title, step.expected, "", record.id if record else None, left_out=why))
    _print(console, f"   expected: {step.expected}", "yellow")
    _print(console, f"   left out: {why}", "yellow")


def _result(rehearsed: Sequence[RehearsedStep], seconds: float) -> str:
    """How many steps passed, and which were left out."""
    numbers = [number for number, step in enumerate(rehearsed, start=1) if step.left_out]
    if not numbers:
        return f"All {len(rehearsed)} steps passed in {seconds:.0f} s"
    passed = f"{len(rehearsed) - len(numbers)} of {len(rehearsed)} steps passed in {seconds:.0f} s"
    steps = f"step {numbers[0]}" if len(numbers) == 1 else f"steps {', '.join(map(str, numbers))}"
    return f"{passed}; left out, for the reasons above: {steps}"


@contextmanager
def _local_cloud(
    project: Project, threshold: float | None, console: Console, infrastructure: bool, contract: Contract
) -> Iterator[tuple[LocalCloud, Trigger]]:
    """A local cloud, with the project's infrastructure where possible; prints the reason if it is not."""
    obstacle = _obstacle(project.root, threshold, infrastructure, contract)
    with ExitStack() as opened:
        if not obstacle:
            cloud = opened.enter_context(LocalCloud(project.root, empty_account=True))
            applied = Infrastructure(cloud.environment, project.root, cloud.work)
            try:
                applied.prepare()
            except TerraformError as error:
                obstacle = _summary(error, cloud.work)
                opened.close()
        if obstacle:
            _print(console, _cropped(f"Each pipeline is started directly: {obstacle}."))
            cloud = opened.enter_context(LocalCloud(project.root))
            yield cloud, ManualTrigger(cloud, threshold)
        else:
            applied.apply_on(console)
            _print(console, "From here on, events start the pipelines.")
            yield cloud, EventTrigger(cloud)


def _obstacle(root: Path, threshold: float | None, infrastructure: bool, contract: Contract) -> str:
    """Why the rehearsal does without the infrastructure; empty if there is no reason yet."""
    if not infrastructure:
        return "the infrastructure is switched off"
    if threshold is not None:
        return "events cannot pass the threshold to an execution"
    if contract.split.test_files:
        return "each file of split.test_files would start a training of its own"
    return why_not_here(root)


def _summary(error: TerraformError, work: Path) -> str:
    """The first words of an error, which fit on a line; for another failure of `terraform init`, where the rest is."""
    words = str(error).partition(" (see ")[0].partition(":")[0]
    if not words.startswith("terraform init"):
        return words
    return f"{words} (see {Path(work.name, INFRASTRUCTURE_FOLDER, TERRAFORM_LOG).as_posix()})"


def _cropped(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"


@contextmanager
def _page(scenario: Scenario, work: Path, rehearsed: Sequence[RehearsedStep]) -> Iterator[Path]:
    """Write the report page at the end, whether the rehearsal passes or fails."""
    try:
        yield work / "report.html"
    except BaseException:
        page = report_on(scenario.cloud.environment, work, rehearsed)
        _print(scenario.console, f"\nThe report so far: {page}")
        raise
    report_on(scenario.cloud.environment, work, rehearsed)


def _make_sample(contract: Contract, data: Path, console: Console) -> None:
    if not data_files(data):
        _print(console, f"No data in {data} yet: writing a sample that fits the contract.")
        write_sample(contract, data)


def _print(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
