"""The steps of the rehearsal `make local`: the lifecycle of a model, from its training to its replacement.

Each step takes an action and checks its outcome. A bad model that is refused, or a violation that is detected, is an
expected outcome. Some data cannot have an outcome: a step that finds such a verdict is left out with its reason, and so
are the steps that need it. The READMEs list the same titles and expectations; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from mlops_jobs.contract import Contract
from mlops_kit.aws.registry import APPROVED, PENDING, approve, model_packages
from mlops_kit.data.data_files import FOLDERS, held_out_files
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.progress import Progress
from mlops_kit.rehearsal.drifting import LABELS, ROWS, TRAINING, Drifting
from mlops_kit.rehearsal.triggering import Files, Trigger
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.runner.recorder import Listener

BATCH = "drifted"  # the folder of the drifted batch
EVIDENCE = "rehearsal on this machine: the report page shows the comparison with version 1"


@dataclass(frozen=True)
class Scenario:
    """A local cloud and its data: what the steps act on.

    Attributes:
        trigger: starts the pipelines, directly or through events.
        data: the folder of the project's data.
        drifted: the folder of the drifted sample.
        drifting: writes it.
        contract: the project's contract.
        is_strict: whether a threshold was asked for, so that a model that misses it is a failure.
    """

    cloud: LocalCloud
    trigger: Trigger
    console: Console
    data: Path
    drifted: Path
    drifting: Drifting
    contract: Contract
    is_strict: bool = False

    def deliver(self, kind: str, name: str, batch: str = "") -> ExecutionRecord:
        """Upload a data file, and wait for the execution of a pipeline on it."""
        folder = self.drifted if batch else self.data
        with self._progress() as listener:
            return self.trigger.deliver(kind, self._files(folder / name, batch), batch, listener)

    def deliver_drifted_rows(self) -> ExecutionRecord:
        """Choose a drift that the approved model mispredicts, and upload the rows of its batch."""
        self.drifting.write_worsening(self.cloud.environment)
        return self.deliver("inference", ROWS, BATCH)

    def deliver_drifted_labels(self) -> ExecutionRecord:
        """Replace the training rows by drifted ones, then upload the labels of the drifted batch."""
        with self._progress() as listener:
            self.trigger.restock(self._files(self.drifted / TRAINING), listener)
        return self.deliver("inference", LABELS, BATCH)

    def approve_first_version(self) -> None:
        """Approve version 1 of the model."""
        approve(self.cloud.environment, version=1, comment="Rehearsal: the evaluation looks right.")

    def retune(self) -> ExecutionRecord:
        """Tune the model, and approve the version that the execution registers."""
        with self._progress() as listener:
            record = self.trigger.retune(listener)
        if record.status == "Succeeded":
            version = int(str(record.step("RegisterModel").result["ModelPackageArn"]).rpartition("/")[2])
            approve(self.cloud.environment, version, comment="Rehearsal: better than version 1.", evidence=EVIDENCE)
        return record

    def _files(self, path: Path, batch: str = "") -> Files:
        """A data file by its key, in the folder of its batch if it has one; empty while the file does not exist.

        With the training data go the files of the contract's split.test_files.
        """
        beside = held_out_files(path.parent, self.contract.split) if path.name == TRAINING else []
        paths = [path, *beside] if path.exists() else []
        return {"/".join(filter(None, (FOLDERS[path.name], batch, file.name))): file for file in paths}

    @contextmanager
    def _progress(self) -> Iterator[Listener]:
        with Progress(self.console) as progress:
            yield progress.update


# Checks: what happened instead of the expected outcome; empty if it was as expected

Check = Callable[[Scenario, ExecutionRecord | None], str]


def succeeds(_: Scenario, record: ExecutionRecord | None) -> str:
    """The execution succeeds."""
    if record is None:
        return "no execution ran"
    return "" if record.status == "Succeeded" else f"the {record.kind} pipeline {record.status}: {record.reason}"


def fails_at(name: str) -> Check:
    """The execution fails at one step, and at no other."""

    def check(_: Scenario, record: ExecutionRecord | None) -> str:
        if record is None:
            return "no execution ran"
        if [step.name for step in record.failed_steps] == [name]:
            return ""
        return f"the {record.kind} pipeline {record.status}: {record.reason or f'it did not fail at {name}'}"

    return check


def registers_version(scenario: Scenario, record: ExecutionRecord | None) -> str:
    """The execution succeeds, and version 1 awaits approval."""
    return succeeds(scenario, record) or _status_of_first_version(scenario, PENDING)


def is_approved(scenario: Scenario, _: ExecutionRecord | None) -> str:
    """Version 1 is approved."""
    return _status_of_first_version(scenario, APPROVED)


def _status_of_first_version(scenario: Scenario, expected: str) -> str:
    statuses = {package.version: package.status for package in model_packages(scenario.cloud.environment)}
    return "" if statuses.get(1) == expected else f"the status of version 1 is {statuses.get(1, 'unknown')}"


def detects_drift(scenario: Scenario, record: ExecutionRecord | None) -> str:
    """The execution succeeds, and its data quality check reports a violation."""
    if failure := succeeds(scenario, record):
        return failure
    verdict = record.step("ReportDataQuality").outputs.get("DataQuality") if record else None
    return "" if verdict == "VIOLATION" else f"the data quality check reports {verdict}"


# Verdicts of the data: why they cannot have the expected outcome; empty if they can, and the outcome is a failure

Excuse = Callable[[Scenario, ExecutionRecord | None], str]


def no_excuse(_: Scenario, __: ExecutionRecord | None) -> str:
    """Any other outcome is a failure."""
    return ""


def model_is_refused(_: Scenario, record: ExecutionRecord | None) -> str:
    """No model that these data give is good enough to be registered."""
    return _reason_of(record, "MetricNotMet")


def predictions_are_not_good_enough(_: Scenario, record: ExecutionRecord | None) -> str:
    """The rows of a batch without drift are few or hard, and the metric misses the threshold on them."""
    return _reason_of(record, "ModelQualityViolation")


def nothing_drifts(scenario: Scenario, record: ExecutionRecord | None) -> str:
    """No column of the file is a feature; those that jobs/features.py adds may not follow the drift."""
    contract = scenario.contract
    in_file = set(contract.features) - set(contract.added)
    if in_file or succeeds(scenario, record):
        return ""
    return "no column of the file is a feature, and those of jobs/features.py did not follow the drift"


def model_withstands_the_drift(scenario: Scenario, record: ExecutionRecord | None) -> str:
    """The old model meets the threshold on the drifted rows too."""
    if record is None or succeeds(scenario, record):
        return ""
    note = record.step("ModelQuality").note
    return f"the model meets the threshold on the drifted rows too ({note})" if note.startswith("PASS") else ""


def _reason_of(record: ExecutionRecord | None, name: str) -> str:
    """The reason of a Fail step without its remedy, if it is the only step that failed."""
    failed = record.failed_steps if record else ()
    return failed[0].reason.partition(" Read ")[0] if [step.name for step in failed] == [name] else ""


@dataclass(frozen=True)
class RehearsalStep:
    """A step of the rehearsal.

    Attributes:
        title: its title.
        expected: the expected outcome.
        action: returns the record of the execution, if there is one.
        check: returns what happened instead of the expected outcome; empty if it was as expected.
        excuse: after another outcome, returns why these data cannot have the expected one; empty if they can.
        needs: the number of the step without which this one cannot be taken; 0 for none.
    """

    title: str
    expected: str
    action: Callable[[Scenario], ExecutionRecord | None]
    check: Check
    excuse: Excuse = no_excuse
    needs: int = 0


STEPS = (
    RehearsalStep(
        "A model is trained",
        "the metric meets the threshold; version 1 awaits approval",
        action=lambda scenario: scenario.deliver("training", TRAINING),
        check=registers_version,
        excuse=model_is_refused,
    ),
    RehearsalStep(
        "A batch arrives before approval",
        "nothing is predicted",
        action=lambda scenario: scenario.deliver("inference", ROWS),
        check=fails_at("NoApprovedModel"),
    ),
    RehearsalStep(
        "A reviewer approves version 1",
        "inference uses it from now on",
        action=Scenario.approve_first_version,
        check=is_approved,
        needs=1,
    ),
    RehearsalStep(
        "The labels of the batch arrive",
        "the predictions agree with them",
        action=lambda scenario: scenario.deliver("inference", LABELS),
        check=succeeds,
        excuse=predictions_are_not_good_enough,
        needs=3,
    ),
    RehearsalStep(
        "A drifted batch arrives",
        "the drift is detected; there are no labels yet",
        action=Scenario.deliver_drifted_rows,
        check=detects_drift,
        excuse=nothing_drifts,
        needs=3,
    ),
    RehearsalStep(
        "Its labels and new training rows arrive",
        "the model quality check reports a violation",
        action=Scenario.deliver_drifted_labels,
        check=fails_at("ModelQualityViolation"),
        excuse=model_withstands_the_drift,
        needs=4,  # a violation there has led to a retraining already
    ),
    RehearsalStep(
        "The model is tuned on the new rows",
        "the new version beats version 1 and is approved",
        action=Scenario.retune,
        check=succeeds,
        excuse=model_is_refused,
        needs=6,
    ),
    RehearsalStep(
        "The drifted batch arrives again",
        "the predictions agree with the labels",
        action=lambda scenario: scenario.deliver("inference", ROWS, BATCH),
        check=succeeds,
        excuse=predictions_are_not_good_enough,
        needs=7,
    ),
)
