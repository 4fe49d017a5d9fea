"""The messages: what happened, why, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import links
import news
from lookup import Lookup
from news import News

LISTED = 20  # violations; the others are counted
BATCH = "For a batch in a folder of its own, add: --param InputDataUri=... --param LabelsUri=..."


@dataclass(frozen=True)
class Message:
    """What is told, before it has the form of a mail.

    Attributes:
        headline: what happened, without a full stop.
        reason: why, in the words of whoever found it: a job, a person, the guard.
        facts: what else there is to know, by its name.
        advice: what may be done, and what comes of it.
        commands: those that do it.
        links: addresses by what is there; empty ones are left out.
    """

    headline: str
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""
    commands: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """A way in which an execution ends unhappily; {step} and {pipeline} are filled in."""

    headline: str
    advice: str
    commands: tuple[str, ...]

    def advice_on(self, pipeline: str) -> str:
        """The advice, with what it takes to start inference again where that is advised."""
        starting = "start inference" in [command.format(pipeline=pipeline) for command in self.commands]
        return f"{self.advice} {BATCH}" if starting else self.advice


CRASHED = Ending(
    "the step {step} of {pipeline} failed",
    "Read the log, mend what it names, and start again; where a file was wrong, putting the right one in its place may "
    "do so. What has succeeded is taken from the cache, where there is one.",
    ("start {pipeline}",),
)
NOT_RUN = Ending(
    "{pipeline} failed",
    "No step is known to have failed, so there is no log. Mostly a permission or a quota is missing: mend what the "
    "reason names, and start again.",
    ("start {pipeline}",),
)
ENDINGS = {  # on purpose, by the Fail step
    "NoApprovedModel": Ending(
        "{pipeline} has no approved model to predict with",
        "Nothing was predicted. Approve a version that waits, or train a first one; then start inference again.",
        ('approve --comment "..."', "start training", "start inference"),
    ),
    "ModelQualityViolation": Ending(
        "the model violates its threshold",
        "The predictions are there, and worse than agreed. The retraining guard decides whether the model is trained "
        "again, and says so in a message of its own. To go back to the version before at once, reject the one in use.",
        ("status", 'reject --version ... --comment "..."'),
    ),
    "MetricNotMet": Ending(
        "{pipeline} found no model that is good enough",
        "Nothing was registered, and inference goes on with the model it has. Give better data or hyperparameters, or "
        "start with another threshold or tolerance.",
        ("start {pipeline} --param MetricThreshold=...",),
    ),
}


@dataclass(frozen=True)
class Writer:
    """Writes messages about one environment."""

    environment: str
    lookup: Lookup

    def write(self, told: News) -> Message:
        """The message about a change."""
        writers: dict[tuple[str, str], Callable[[News], Message]] = {
            (news.STEP, news.FAILED): self._step_failed,
            (news.EXECUTION, news.FAILED): self._execution_failed,
            (news.EXECUTION, news.SUCCEEDED): self._execution_succeeded,
            (news.PACKAGE, news.PENDING): self._registered,
            (news.PACKAGE, news.APPROVED): self._approved,
            (news.PACKAGE, news.REJECTED): self._rejected,
            (news.DATA_QUALITY, news.VIOLATION): self._data_quality,
            (news.RETRAINING, news.STARTED): self._retraining_started,
            (news.RETRAINING, news.HELD_BACK): self._retraining_held_back,
        }
        return writers[told.type, told.status](told)

    def _step_failed(self, told: News) -> Message:
        ending = ENDINGS.get(told.step, CRASHED)
        return Message(
            ending.headline.format(step=told.step, pipeline=told.pipeline),
            told.detail.get("failureReason") or self._reason(told),
            {"Pipeline": told.pipeline, "Step": told.step, "Execution": told.arn},
            ending.advice_on(told.pipeline),
            self._commands(ending, told),
            {"Log": _log(told.detail.get("metadata", {})), "Pipelines": links.studio(told.arn)},
        )

    def _execution_failed(self, told: News) -> Message:
        """The event has no reason, so the steps that failed are asked for theirs, and their logs are linked to."""
        steps = self.lookup.failed_steps(told.arn)
        ending = next((ENDINGS[step] for step in steps if step in ENDINGS), CRASHED if steps else NOT_RUN)
        reasons = [f"{name}: {step.reason}" for name, step in steps.items()] or [self.lookup.failure(told.arn)]
        return Message(
            NOT_RUN.headline.format(pipeline=told.pipeline) + (f" at {', '.join(steps)}" if steps else ""),
            "\n".join(reasons),
            {"Pipeline": told.pipeline, "Execution": told.arn},
            ending.advice_on(told.pipeline),
            self._commands(ending, told),
            {f"Log of {name}": _log(step.metadata) for name, step in steps.items()}
            | {"Pipelines": links.studio(told.arn)},
        )

    def _execution_succeeded(self, told: News) -> Message:
        return Message(
            f"{told.pipeline} succeeded",
            facts={"Pipeline": told.pipeline, "Execution": told.arn},
            commands=[self._status(told.arn)],
            links={"Pipelines": links.studio(told.arn)},
        )

    def _registered(self, told: News) -> Message:
        metadata, version = self._metadata(told), _version(told)
        tuned = metadata.get("kind") == "training-hpo"
        advice = "Compare it with the version in use, then decide. Inference takes what is approved, and nothing else."
        if tuned:
            advice += " It comes from training-hpo, so a review board decides: approving needs its record as evidence."
        evidence = ' --evidence "..."' if tuned else ""
        return Message(
            f"version {version} of the model waits for approval",
            facts=_of_package(told, metadata),
            advice=advice,
            commands=[
                self._command(f'approve --version {version} --comment "..."{evidence}'),
                self._command(f'reject --version {version} --comment "..."'),
            ],
            links={"Models": links.studio(told.arn)},
        )

    def _approved(self, told: News) -> Message:
        version = _version(told)
        return Message(
            f"version {version} of the model is approved",
            told.detail.get("ApprovalDescription", ""),
            _of_package(told, self._metadata(told)),
            "Inference takes the latest approved version from its next execution on. To go back, reject this one.",
            [self._command("start inference"), self._command(f'reject --version {version} --comment "..."')],
            {"Models": links.studio(told.arn)},
        )

    def _rejected(self, told: News) -> Message:
        return Message(
            f"version {_version(told)} of the model is rejected",
            told.detail.get("ApprovalDescription", ""),
            _of_package(told, self._metadata(told)),
            "Inference goes on with the latest version that is approved, and stops where there is none.",
            [self._command("status"), self._command("start training")],
            {"Models": links.studio(told.arn)},
        )

    def _data_quality(self, told: News) -> Message:
        count, listed = told.detail["count"], told.detail["violations"][:LISTED]
        lines = [f"{found['feature']}: {found['check']}: {found['description']}" for found in listed]
        lines += [f"and {count - len(listed)} more, in the results"] if count > len(listed) else []
        return Message(
            f"a batch breaks its data baseline in {count} place{'' if count == 1 else 's'}",
            "\n".join(lines),
            {
                "Pipeline": told.pipeline,
                "Execution": told.arn,
                "Data": told.detail["dataUri"],
                "Results": told.detail["resultsUri"],
            },
            "The batch was predicted all the same. If the file is wrong, keep its predictions from being used, and put "
            "the right one in its place; if the world has changed, train on newer rows.",
            [self._status(told.arn), self._command("start training")],
            {"Pipelines": links.studio(told.arn)},
        )

    def _retraining_started(self, told: News) -> Message:
        training = told.detail["trainingExecutionArn"]
        return Message(
            "the model is being trained again",
            told.detail["reason"],
            {**_metric(told.detail), "Inference": told.arn, "Training": training},
            "There is nothing to do yet. If a version is found that is good enough, a message will ask for a decision, "
            "which takes the review board's record (--evidence).",
            [self._status(training)],
            {"Pipelines": links.studio(training)},
        )

    def _retraining_held_back(self, told: News) -> Message:
        return Message(
            "the model violates its threshold and is not trained again",
            told.detail["reason"],
            {**_metric(told.detail), "Inference": told.arn},
            "Inference goes on with the model as it is. To train it all the same, start it by hand. When training is "
            "held back is settled in config/events.yaml.",
            [self._command("start training-hpo"), self._status(told.arn)],
            {"Pipelines": links.studio(told.arn)},
        )

    def _commands(self, ending: Ending, told: News) -> list[str]:
        return [
            *(self._command(command.format(pipeline=told.pipeline)) for command in ending.commands),
            self._status(told.arn),
        ]

    def _status(self, execution: str) -> str:
        return self._command(f"status --execution {shlex.quote(execution)}")

    def _command(self, words: str) -> str:
        """What a person pastes into a shell: nothing of an event's stands in it that a shell would act upon."""
        return f"python -m pipelines {words} --env {self.environment}"

    def _reason(self, told: News) -> str:
        """Why a step failed: the event of a Fail step need not say."""
        step = self.lookup.failed_steps(told.arn).get(told.step)
        return step.reason if step else ""

    def _metadata(self, told: News) -> Mapping[str, str]:
        """What was registered with a version: from the event, which AWS does not promise, or else from the registry."""
        return told.detail.get("CustomerMetadataProperties") or self.lookup.metadata(told.arn)


def _version(told: News) -> int:
    return int(told.detail["ModelPackageVersion"])


def _of_package(told: News, metadata: Mapping[str, str]) -> dict[str, str]:
    detail = told.detail
    named = {"kind": "Pipeline", "trigger": "Trigger", "data_version": "Data version", "git_commit": "Commit"}
    evaluation = detail.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    execution = detail.get("MetadataProperties", {}).get("GeneratedBy")
    return {
        "Group": detail["ModelPackageGroupName"],
        **_metric(metadata),
        **{name: metadata[key] for key, name in named.items() if key in metadata},
        **({"Execution": execution} if execution else {}),
        **({"Evaluation": evaluation} if evaluation else {}),
    }


def _metric(found: Mapping[str, Any]) -> dict[str, str]:
    """A metric against its threshold, where they are known."""
    metric, value, threshold = (found.get(key) for key in ("metric", "value", "threshold"))
    if metric is None or value is None or threshold is None:
        return {}
    return {"Metric": f"{metric} {_number(value)} against the threshold {_number(threshold)}"}


def _number(value: Any) -> str:
    """A number to four digits; anything else as it is."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return str(value)


def _log(metadata: Mapping[str, Any]) -> str:
    """The log of the first job that a step's metadata names, whichever kind it is."""
    values = (value for job in metadata.values() if isinstance(job, Mapping) for value in job.values())
    return next(filter(None, (links.logs(str(value)) for value in values)), "")
