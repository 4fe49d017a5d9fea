"""How the pipelines of a rehearsal start: directly, or through the events of an account with the infrastructure.

Data is uploaded to the same places either way. A `ManualTrigger` then starts each pipeline as a person would. With an
`EventTrigger`, the object's event starts it, and after a violation the function guard-retraining does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlops_jobs.errors import UserError
from mlops_kit.data.data_files import put_markers
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.emails import read_emails
from mlops_kit.local_cloud.events.targets import read_deliveries
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.runner.recorder import Listener
from mlops_kit.text import count

Files = Mapping[str, Path]  # data files by their keys below data/

TUNING = {"TuningJobs": 6, "ParallelTuningJobs": 2}  # enough to see it work; config/pipelines.yaml sets those in AWS


class Trigger(Protocol):
    """Starts the pipelines; each method returns once their executions have ended."""

    def deliver(self, kind: str, files: Files, batch: str, listener: Listener) -> ExecutionRecord:
        """Upload data, and wait for the execution of a pipeline on it.

        Args:
            kind: training or inference.
            files: the data files.
            batch: the folder of the batch that they belong to; empty for none.
            listener: is called with the record at each change.
        """

    def restock(self, files: Files, listener: Listener) -> None:
        """Upload training rows for later executions."""

    def retune(self, listener: Listener) -> ExecutionRecord:
        """Tune the model after a violation."""

    def conclude(self) -> str:
        """Wait for everything that is still under way, and summarize it in a sentence; empty if there is nothing.

        Raises:
            UndeliveredError: an event did not reach its target.
        """


class UndeliveredError(UserError):
    """An event did not reach its target."""


class ManualTrigger:
    """Starts each pipeline directly.

    Args:
        cloud: the local cloud.
        threshold: the metric's threshold; None for the contract's.
    """

    def __init__(self, cloud: LocalCloud, threshold: float | None = None) -> None:
        self._cloud = cloud
        self._data = f"s3://{cloud.environment.bucket}/data"
        self._threshold = {} if threshold is None else {"MetricThreshold": threshold}

    def deliver(self, kind: str, files: Files, batch: str, listener: Listener) -> ExecutionRecord:
        """See `Trigger`."""
        _upload(self._cloud, files)
        return self._cloud.run(kind, {**self._uris_of(batch), **self._threshold}, listener)

    def restock(self, files: Files, listener: Listener) -> None:
        """See `Trigger`."""
        _upload(self._cloud, files)

    def retune(self, listener: Listener) -> ExecutionRecord:
        """See `Trigger`."""
        return self._cloud.run("training-hpo", {**TUNING, **self._threshold}, listener)

    def conclude(self) -> str:
        """See `Trigger`."""
        return ""

    def _uris_of(self, batch: str) -> dict[str, str]:
        """The parameters that locate a batch; none for the default location."""
        if not batch:
            return {}
        return {"InputDataUri": f"{self._data}/inference/{batch}/", "LabelsUri": f"{self._data}/labels/{batch}/"}


class EventTrigger:
    """Leaves the start of each pipeline to the events of an account with the project's infrastructure.

    Args:
        cloud: the local cloud with that account.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        rules = cloud.client("events").list_rules(NamePrefix=cloud.environment.pipeline_name("new-data"))["Rules"]
        self._new_data_starts = bool(rules)  # not in a project that was generated with schedules
        self._manual = ManualTrigger(cloud)

    def deliver(self, kind: str, files: Files, batch: str, listener: Listener) -> ExecutionRecord:
        """See `Trigger`."""
        if not (self._new_data_starts and files):
            return self._manual.deliver(kind, files, batch, listener)
        known = len(self._cloud.executions(kind))
        _upload(self._cloud, files)
        put_markers(self._cloud.environment, [key.rpartition("/")[0] for key in files])
        return self._follow_next(kind, known, listener)

    def restock(self, files: Files, listener: Listener) -> None:
        """See `Trigger`; the upload starts the training pipeline."""
        self.deliver("training", files, "", listener)

    def retune(self, listener: Listener) -> ExecutionRecord:
        """See `Trigger`; the function guard-retraining has started the pipeline."""
        return self._follow_next("training-hpo", 0, listener)

    def conclude(self) -> str:
        """See `Trigger`."""
        self._cloud.settle()
        deliveries = read_deliveries(self._cloud.work)
        for delivery in deliveries:
            if delivery["outcome"] != "delivered":
                target = delivery["target"].rpartition(":")[2]
                raise UndeliveredError(f"the rule {delivery['rule']} did not reach {target}: {delivery['reason']}")
        mails, _ = read_emails(self._cloud.work)
        return f"The functions received {count(len(deliveries), 'event')} and sent {count(len(mails), 'message')}."

    def _follow_next(self, kind: str, known: int, listener: Listener) -> ExecutionRecord:
        return self._cloud.follow(self._cloud.next_execution(kind, known), listener)


def _upload(cloud: LocalCloud, files: Files) -> None:
    for key, path in files.items():
        cloud.upload(path, f"s3://{cloud.environment.bucket}/data/{key}")
