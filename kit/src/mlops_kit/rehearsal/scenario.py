"""The whole life of a model on this machine, told in chapters: `make local`.

Each chapter does something that happens in production, and says what has to come of it. The story holds when every
chapter ended as it should; that a bad model is refused, or a violation found, is as it should be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.errors import UserError
from mlops_kit.aws.registry import approve
from mlops_kit.data.data_files import FOLDERS, data_files
from mlops_kit.data.drifted_sample import write_changed_world
from mlops_kit.data.sample import write_sample
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.infrastructure import Infrastructure, why_not_here
from mlops_kit.local_cloud.progress import Progress
from mlops_kit.local_cloud.terraform import TerraformError
from mlops_kit.rehearsal.triggering import ByHand, Files, Way, Wired
from mlops_kit.report.build import report_on
from mlops_kit.runner.record import Listener

Record = dict[str, Any]
Happened = tuple[Record | None, str]  # the execution if there was one, and what is wrong with how it ended, or nothing

ROWS, LABELS, TRAINING = "inference-data.csv", "ground-truth.csv", "training-data.csv"
BATCH = "changed"  # the folder of the batch from the changed world
EVIDENCE = "rehearsal on this machine: the report page shows the comparison with version 1"


@dataclass
class Story:
    """The chapters told so far, and what a chapter needs to be told."""

    cloud: LocalCloud
    way: Way
    console: Console
    data: Path  # the world as it is
    changed: Path  # the world as it will be
    chapters: list[dict[str, Any]] = field(default_factory=list)

    def arrive(self, kind: str, name: str, batch: str = "") -> Record:
        """Have a data file come in, with the progress of the pipeline of a kind on the screen."""
        folder = self.changed if batch else self.data
        with self._progress() as listener:
            return self.way.arrive(kind, _files(folder / name, batch), batch, listener)

    def restock(self) -> None:
        """Have rows of the changed world come in to train on, in place of those that were there."""
        with self._progress() as listener:
            self.way.restock(_files(self.changed / TRAINING), listener)

    def retune(self) -> Record:
        """Have the model tuned anew."""
        with self._progress() as listener:
            return self.way.retune(listener)

    @contextmanager
    def _progress(self) -> Iterator[Listener]:
        with Progress(self.console) as progress:
            yield progress.update

    def tell(self, title: str, expected: str, happened: Callable[[], Happened]) -> None:
        """Tell one chapter.

        Args:
            title: what it is about.
            expected: how it has to end.
            happened: makes it happen.

        Raises:
            UserError: it ended otherwise.
        """
        self.console.print(f"\n[bold]{len(self.chapters) + 1}. {title}[/]", highlight=False)
        try:
            record, fault = happened()
        except TimeoutError as error:  # it never began, for example
            record, fault = None, str(error)
        self.chapters.append(
            {
                "title": title,
                "expected": expected,
                "said": fault or expected,
                "execution_id": record["id"] if record else None,
                "held": not fault,
            }
        )
        if fault:
            raise UserError(f"chapter {len(self.chapters)} ({title}) ended otherwise than it should: {fault}")
        self.console.print(f"   as it should be: {expected}", style="green", highlight=False, soft_wrap=True)


def tell(
    root: Path, threshold: float | None = None, console: Console | None = None, *, infrastructure: bool = True
) -> Path:
    """Tell the whole story on the project's data, and write the page to look at afterwards.

    Args:
        root: the project.
        threshold: of the metric, instead of the contract's.
        console: where to tell it.
        infrastructure: whether to have the project's own, where that can be.

    Returns:
        the page.

    Raises:
        UserError: a chapter ended otherwise than it should; the page is written all the same.
    """
    console, started = console or Console(), time.perf_counter()
    contract = load_contract(root / "config" / "dataset.yaml")
    _make_sample(contract, root / "data", console)
    with _stage(root, threshold, console, infrastructure) as (cloud, way):
        story = Story(cloud, way, console, root / "data", root / ".local" / "changed-world")
        with _page(story, root) as page:
            write_changed_world(contract, story.data / TRAINING, story.changed)
            cloud.deploy()
            for chapter in (_train, _refuse_unapproved, _approve_first, _infer, _drift, _violate, _retune, _recover):
                chapter(story)
            if concluded := way.conclude():
                console.print(f"\n{concluded[0].upper()}{concluded[1:]}.", highlight=False, soft_wrap=True)
    seconds = time.perf_counter() - started
    console.print(f"\nThe whole story held, in {seconds:.0f} s. Look at it: {page}", highlight=False, soft_wrap=True)
    return page


@contextmanager
def _stage(
    root: Path, threshold: float | None, console: Console, infrastructure: bool
) -> Iterator[tuple[LocalCloud, Way]]:
    """A local cloud for the story, with the project's infrastructure where that can be had; say which it is."""
    why_not = _why_by_hand(root, threshold, infrastructure)
    with ExitStack() as opened:
        if not why_not:
            cloud = opened.enter_context(LocalCloud(root, empty_account=True))
            made = Infrastructure(cloud.environment, root, cloud.work)
            try:
                made.prepare()
            except TerraformError as error:
                why_not = str(error)
                opened.close()
        if why_not:
            console.print(f"Each pipeline is started by hand: {why_not}.", highlight=False, soft_wrap=True)
            cloud = opened.enter_context(LocalCloud(root))
            yield cloud, ByHand(cloud, threshold)
        else:
            made.apply_on(console)
            console.print("From here on, what happens starts what it should.", highlight=False)
            yield cloud, Wired(cloud)


def _why_by_hand(root: Path, threshold: float | None, infrastructure: bool) -> str:
    """Why the story is told without the infrastructure; empty where nothing is known against it."""
    if not infrastructure:
        return "the infrastructure is not wanted"
    if threshold is not None:
        return "a threshold of its own is handed to each execution"
    return why_not_here(root)


@contextmanager
def _page(story: Story, root: Path) -> Iterator[Path]:
    """Write the report page at the end, however the story ends."""
    work = root / ".local"
    try:
        yield work / "report.html"
    except BaseException:
        page = report_on(story.cloud.environment, work, story.chapters)
        story.console.print(f"\nWhat has happened so far: {page}", highlight=False, soft_wrap=True)
        raise
    report_on(story.cloud.environment, work, story.chapters)


def _make_sample(contract: Contract, data: Path, console: Console) -> None:
    if not data_files(data):
        console.print(f"No data in {data} yet: making a sample that fits the contract.", soft_wrap=True)
        write_sample(contract, data)


def _files(path: Path, batch: str = "") -> Files:
    """Where a data file is laid down: in the folder of its batch, if it belongs to one. There may be no labels yet."""
    return {"/".join(filter(None, (FOLDERS[path.name], batch, path.name))): path} if path.exists() else {}


def _train(story: Story) -> None:
    def happened() -> Happened:
        record = story.arrive("training", TRAINING)
        return record, _not(record, "Succeeded")

    story.tell("A model is trained", "the metric is met, and version 1 waits for approval", happened)


def _refuse_unapproved(story: Story) -> None:
    def happened() -> Happened:
        record = story.arrive("inference", ROWS)
        return record, _not_failed_at(record, "NoApprovedModel")

    story.tell("A batch arrives before anybody approved the model", "nothing is predicted", happened)


def _approve_first(story: Story) -> None:
    def happened() -> Happened:
        approve(story.cloud.environment, version=1, comment="Rehearsal: the evaluation looks right.")
        return None, ""

    story.tell("A person approves version 1", "from now on inference uses it", happened)


def _infer(story: Story) -> None:
    def happened() -> Happened:
        record = story.arrive("inference", LABELS)
        return record, _not(record, "Succeeded")

    story.tell("The labels of the batch arrive", "predictions are made, and the labels agree", happened)


def _drift(story: Story) -> None:
    def happened() -> Happened:
        record = story.arrive("inference", ROWS, BATCH)
        if fault := _not(record, "Succeeded"):
            return record, fault
        found = _step(record, "ReportDataQuality")["result"]["OutputParameters"]["DataQuality"]
        return record, "" if found == "VIOLATION" else f"the check of the data says {found}"

    expected = "the drift is found; labels are still to come"
    story.tell("A batch arrives from a world that has changed", expected, happened)


def _violate(story: Story) -> None:
    def happened() -> Happened:
        story.restock()
        record = story.arrive("inference", LABELS, BATCH)
        return record, _not_failed_at(record, "ModelQualityViolation")

    story.tell("Its labels come in, and rows to train on", "the model is found to be wrong about this world", happened)


def _retune(story: Story) -> None:
    def happened() -> Happened:
        record = story.retune()
        if fault := _not(record, "Succeeded"):
            return record, fault
        version = int(_step(record, "RegisterModel")["result"]["ModelPackageArn"].rpartition("/")[2])
        approve(story.cloud.environment, version, comment="Rehearsal: better than version 1.", evidence=EVIDENCE)
        return record, ""

    expected = "the new version is better than version 1 there, and the review board approves it"
    story.tell("The model is tuned anew on rows of the changed world", expected, happened)


def _recover(story: Story) -> None:
    def happened() -> Happened:
        record = story.arrive("inference", ROWS, BATCH)
        return record, _not(record, "Succeeded")

    story.tell("The same batch again", "the new version knows this world: the labels agree", happened)


def _step(record: Record, name: str) -> dict[str, Any]:
    return next(step for step in record["steps"] if step["name"] == name)


def _not(record: Record, status: str) -> str:
    """What is wrong with an execution that should have ended in a status."""
    return "" if record["status"] == status else f"the {record['kind']} pipeline {record['status']}: {record['reason']}"


def _not_failed_at(record: Record, step: str) -> str:
    """What is wrong with an execution that one Fail step, and nothing else, should have ended."""
    failed = [found["name"] for found in record["steps"] if found["status"] == "Failed"]
    return "" if failed == [step] else _not(record, f"Failed at {step}")
