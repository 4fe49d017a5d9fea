"""The whole life of a model on this machine, told in chapters: `make local`.

Each chapter does something that happens in production, and says what has to come of it. The story holds when every
chapter ended as it should; that a bad model is refused, or a violation found, is as it should be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from contract import Contract, load_contract
from errors import JobError
from local import ROOT
from local.changed_world import write_changed_world
from local.cloud import LocalCloud
from local.data_files import FOLDERS, data_files
from local.progress import Progress
from local.report import report_on
from local.sample import write_sample
from pipelines.registry import approve

Record = dict[str, Any]
TUNING = {"TuningJobs": 6, "ParallelTuningJobs": 2}  # enough to see it work; config/pipelines.yaml says how many in AWS
LABELS = "ground-truth.csv"
EVIDENCE = "rehearsal on this machine: the report page shows the comparison with version 1"


@dataclass
class Story:
    """The chapters told so far, and what a chapter needs to be told."""

    cloud: LocalCloud
    contract: Contract
    console: Console
    data: str  # the prefix of all data in the local S3
    threshold: float | None
    chapters: list[dict[str, Any]] = field(default_factory=list)

    def run(self, kind: str, **parameters: Any) -> Record:
        """Run a pipeline with progress on the screen."""
        if self.threshold is not None:
            parameters["MetricThreshold"] = self.threshold
        with Progress(self.console) as progress:
            return self.cloud.run(kind, parameters, listener=progress.update)

    def tell(self, title: str, expected: str, happened: Callable[[], tuple[Record | None, str]]) -> None:
        """Tell one chapter.

        Args:
            title: what it is about.
            expected: how it has to end.
            happened: does it; the execution if there was one, and what is wrong with how it ended, or nothing.

        Raises:
            JobError: it ended otherwise.
        """
        self.console.print(f"\n[bold]{len(self.chapters) + 1}. {title}[/]", highlight=False)
        record, fault = happened()
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
            raise JobError(f"chapter {len(self.chapters)} ({title}) ended otherwise than it should: {fault}")
        self.console.print(f"   as it should be: {expected}", style="green", highlight=False, soft_wrap=True)


def tell(root: Path = ROOT, threshold: float | None = None, console: Console | None = None) -> Path:
    """Tell the whole story on the project's data, and write the page to look at afterwards.

    Args:
        root: the project.
        threshold: of the metric, instead of the contract's.
        console: where to tell it.

    Returns:
        the page.

    Raises:
        JobError: a chapter ended otherwise than it should; the page is written all the same.
    """
    console, started = console or Console(), time.perf_counter()
    contract = load_contract(root / "config" / "dataset.yaml")
    _make_sample(contract, root / "data", console)
    with LocalCloud(root) as cloud:
        story = Story(cloud, contract, console, f"s3://{cloud.environment.bucket}/data", threshold)
        with _page(story, root) as page:
            _lay_out(story, root)
            for chapter in (_train, _refuse_unapproved, _approve_first, _infer, _drift, _violate, _retune, _recover):
                chapter(story)
    seconds = time.perf_counter() - started
    console.print(f"\nThe whole story held, in {seconds:.0f} s. Look at it: {page}", highlight=False, soft_wrap=True)
    return page


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


def _lay_out(story: Story, root: Path) -> None:
    """Put the world as it is, and the world as it will be, where the pipelines look for data; deploy them."""
    changed = root / ".local" / "changed-world"
    write_changed_world(story.contract, root / "data" / "training-data.csv", changed)
    for world, folder in (("", root / "data"), ("changed-", changed)):
        for path in data_files(folder):
            if path != changed / LABELS:  # they come later
                story.cloud.upload(path, f"{story.data}/{world}{FOLDERS[path.name]}/{path.name}")
    story.cloud.deploy()


def _train(story: Story) -> None:
    def happened() -> tuple[Record | None, str]:
        record = story.run("training")
        return record, _not(record, "Succeeded")

    story.tell("A model is trained", "the metric is met, and version 1 waits for approval", happened)


def _refuse_unapproved(story: Story) -> None:
    def happened() -> tuple[Record | None, str]:
        record = story.run("inference")
        return record, _not_failed_at(record, "NoApprovedModel")

    story.tell("A batch arrives before anybody approved the model", "nothing is predicted", happened)


def _approve_first(story: Story) -> None:
    def happened() -> tuple[Record | None, str]:
        approve(story.cloud.environment, version=1, comment="Rehearsal: the evaluation looks right.")
        return None, ""

    story.tell("A person approves version 1", "from now on inference uses it", happened)


def _infer(story: Story) -> None:
    def happened() -> tuple[Record | None, str]:
        record = story.run("inference")
        return record, _not(record, "Succeeded")

    story.tell("The batch is predicted", "predictions are made, and the labels that have come agree", happened)


def _drift(story: Story) -> None:
    def happened() -> tuple[Record | None, str]:
        record = story.run("inference", **_changed(story))
        if fault := _not(record, "Succeeded"):
            return record, fault
        found = _step(record, "ReportDataQuality")["result"]["OutputParameters"]["DataQuality"]
        return record, "" if found == "VIOLATION" else f"the check of the data says {found}"

    expected = "the drift is found; labels are still to come"
    story.tell("A batch arrives from a world that has changed", expected, happened)


def _violate(story: Story) -> None:
    def happened() -> tuple[Record | None, str]:
        labels = story.cloud.root / ".local" / "changed-world" / LABELS
        story.cloud.upload(labels, f"{story.data}/changed-labels/{LABELS}")
        record = story.run("inference", **_changed(story))
        return record, _not_failed_at(record, "ModelQualityViolation")

    story.tell("Its labels come in", "the model is found to be wrong about this world", happened)


def _retune(story: Story) -> None:
    def happened() -> tuple[Record | None, str]:
        record = story.run("training-hpo", InputDataUri=f"{story.data}/changed-training/", **TUNING)
        if fault := _not(record, "Succeeded"):
            return record, fault
        approve(story.cloud.environment, version=2, comment="Rehearsal: better than version 1.", evidence=EVIDENCE)
        return record, ""

    expected = "version 2 is better than version 1 there, and the review board approves it"
    story.tell("The model is tuned anew on rows of the changed world", expected, happened)


def _recover(story: Story) -> None:
    def happened() -> tuple[Record | None, str]:
        record = story.run("inference", **_changed(story))
        return record, _not(record, "Succeeded")

    story.tell("The same batch again", "version 2 knows this world: the labels agree", happened)


def _changed(story: Story) -> dict[str, str]:
    return {
        "InputDataUri": f"{story.data}/changed-inference/",
        "LabelsUri": f"{story.data}/changed-labels/",
    }


def _step(record: Record, name: str) -> dict[str, Any]:
    return next(step for step in record["steps"] if step["name"] == name)


def _not(record: Record, status: str) -> str:
    """What is wrong with an execution that should have ended in a status."""
    return "" if record["status"] == status else f"the {record['kind']} pipeline {record['status']}: {record['reason']}"


def _not_failed_at(record: Record, step: str) -> str:
    """What is wrong with an execution that one Fail step, and nothing else, should have ended."""
    failed = [found["name"] for found in record["steps"] if found["status"] == "Failed"]
    return "" if failed == [step] else _not(record, f"Failed at {step}")
