"""How it comes that a pipeline runs in a rehearsal: somebody starts it, or what happens in the account does.

Data is laid down at the same places either way. By hand each pipeline is then started, as a person would. Wired, the
infrastructure is there, and nothing is started: the event that S3 raises does it, and a violation the guard.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from mlops_jobs.errors import UserError
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.emails import read_emails
from mlops_kit.local_cloud.events.targets import read_deliveries
from mlops_kit.runner.record import Listener

Record = dict[str, Any]
Files = Mapping[str, Path]  # by the key below data/ where each is laid down

TUNING = {"TuningJobs": 6, "ParallelTuningJobs": 2}  # enough to see it work; config/pipelines.yaml says how many in AWS


class Way(Protocol):
    """Makes things happen; each returns when they have, with the record of the execution where there was one."""

    def arrive(self, kind: str, files: Files, batch: str, listener: Listener) -> Record:
        """Data comes in, and the pipeline of a kind runs on it.

        Args:
            kind: training or inference.
            files: what comes.
            batch: the folder of the batch that it belongs to; empty for none.
            listener: is called with the record at each change.
        """

    def restock(self, files: Files, listener: Listener) -> None:
        """Rows to train on come in, for when they are needed."""

    def retune(self, listener: Listener) -> Record:
        """The model that was found wrong is tuned anew."""

    def conclude(self) -> str:
        """Wait for the end of all that was caused, and say in a sentence what there was of it.

        Raises:
            UndeliveredError: an event did not reach whom it was for.
        """


class UndeliveredError(UserError):
    """An event did not reach whom it was for."""


class ByHand:
    """Everything is started by hand.

    Args:
        cloud: where.
        threshold: of the metric, instead of the contract's.
    """

    def __init__(self, cloud: LocalCloud, threshold: float | None = None) -> None:
        self._cloud = cloud
        self._data = f"s3://{cloud.environment.bucket}/data"
        self._threshold = {} if threshold is None else {"MetricThreshold": threshold}

    def arrive(self, kind: str, files: Files, batch: str, listener: Listener) -> Record:
        """See `Way`."""
        _lay_down(self._cloud, files)
        return self._cloud.run(kind, {**self._of(batch), **self._threshold}, listener)

    def restock(self, files: Files, listener: Listener) -> None:
        """See `Way`."""
        _lay_down(self._cloud, files)

    def retune(self, listener: Listener) -> Record:
        """See `Way`."""
        return self._cloud.run("training-hpo", {**TUNING, **self._threshold}, listener)

    def conclude(self) -> str:
        """See `Way`."""
        return ""

    def _of(self, batch: str) -> dict[str, str]:
        """Where the pipeline looks for a batch, unless it is where it looks anyway."""
        if not batch:
            return {}
        return {"InputDataUri": f"{self._data}/inference/{batch}/", "LabelsUri": f"{self._data}/labels/{batch}/"}


class Wired:
    """Everything is started by what happens in an account that has the project's infrastructure.

    Args:
        cloud: that account.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        rules = cloud.client("events").list_rules(NamePrefix=cloud.environment.pipeline_name("new-data"))["Rules"]
        self._new_data_starts = bool(rules)  # unless the project was generated for schedules
        self._by_hand = ByHand(cloud)

    def arrive(self, kind: str, files: Files, batch: str, listener: Listener) -> Record:
        """See `Way`."""
        if not (self._new_data_starts and files):
            return self._by_hand.arrive(kind, files, batch, listener)
        known = len(self._cloud.executions(kind))
        _lay_down(self._cloud, files)
        return self._followed(kind, known, listener)

    def restock(self, files: Files, listener: Listener) -> None:
        """See `Way`; they start the training pipeline, too."""
        self.arrive("training", files, "", listener)

    def retune(self, listener: Listener) -> Record:
        """See `Way`; the guard has started it."""
        return self._followed("training-hpo", 0, listener)

    def conclude(self) -> str:
        """See `Way`."""
        self._cloud.settle()
        deliveries = read_deliveries(self._cloud.work)
        for delivery in deliveries:
            if delivery["outcome"] != "delivered":
                target = delivery["target"].rpartition(":")[2]
                raise UndeliveredError(f"the rule {delivery['rule']} did not get to {target}: {delivery['reason']}")
        mails, _ = read_emails(self._cloud.work)
        return f"{len(deliveries)} events reached the functions, which wrote {len(mails)} messages"

    def _followed(self, kind: str, known: int, listener: Listener) -> Record:
        return self._cloud.follow(self._cloud.next_execution(kind, known), listener)


def _lay_down(cloud: LocalCloud, files: Files) -> None:
    for key, path in files.items():
        cloud.upload(path, f"s3://{cloud.environment.bucket}/data/{key}")
