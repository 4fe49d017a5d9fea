"""The messages: what happened, why, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import changes
import links
from changes import Change
from lookup import Lookup

MAX_VIOLATIONS = 20  # that are listed; the rest are counted
BATCH = "For a batch in its own folder, add: --param InputDataUri=... --param LabelsUri=..."


@dataclass(frozen=True)
class Message:
    """The content of a message, before it is formatted as an e-mail.

    Attributes:
        headline: what happened, without a full stop.
        reason: why, in the words of the job, person or function that reported it.
        facts: further details, by name.
        advice: what to do, and what will follow from it.
        commands: the commands that do it.
        links: addresses by label; empty ones are left out.
    """

    headline: str
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""
    commands: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FailureMode:
    """A way in which an execution can fail; {step} and {pipeline} are placeholders."""

    headline: str
    advice: str
    commands: tuple[str, ...]

    def advice_on(self, pipeline: str) -> str:
        """The advice, plus the parameters of a batch if it includes starting inference."""
        starts_inference = "start inference" in [command.format(pipeline=pipeline) for command in self.commands]
        return f"{self.advice} {BATCH}" if starts_inference else self.advice


CRASHED = FailureMode(
    "the step {step} of {pipeline} failed",
    "Read the log, fix the cause, and start the pipeline again. If an input file was wrong, upload a corrected one; "
    "where new data starts pipelines, that is enough. Cached results of steps that succeeded are reused.",
    ("start {pipeline}",),
)
NOT_STARTED = FailureMode(
    "{pipeline} failed",
    "No failed step was found, so there is no log. The usual cause is a missing permission or a quota: fix what the "
    "reason names, and start the pipeline again.",
    ("start {pipeline}",),
)
FAILURE_MODES = {  # by the Fail step that ends the execution on purpose
    "NoApprovedModel": FailureMode(
        "{pipeline} has no approved model to predict with",
        "Nothing was predicted. Approve a version that waits for approval, or train a first one; then start inference "
        "again.",
        ('approve --comment "..."', "start training", "start inference"),
    ),
    "ModelQualityViolation": FailureMode(
        "the model violates its threshold",
        "The predictions were written, but they are worse than the threshold allows. The retraining guard decides "
        "whether to retrain the model, and a separate message reports its decision. To go back to the previous version "
        "now, reject the current one.",
        ("status", 'reject --version ... --comment "..."'),
    ),
    "LabelsNotMatched": FailureMode(
        "the labels of a batch do not match its predictions",
        "The predictions were written, but their quality is unknown, and nothing is retrained. Compare the two ids in "
        "the reason, correct the labels where they are exported, and upload them again; then start inference again. "
        "If they are the labels of another batch, put each batch and its labels into a subfolder of their own.",
        ("status", "start inference"),
    ),
    "MetricNotMet": FailureMode(
        "{pipeline} found no model that is good enough",
        "No version was registered, and inference keeps using the current model. Improve the data or the "
        "hyperparameters, or start the pipeline with another threshold or tolerance; neither lets a model through that "
        "is no better than a constant prediction or misses a gate.",
        ("start {pipeline} --param MetricThreshold=...",),
    ),
}


@dataclass(frozen=True)
class Writer:
    """Writes the messages of one environment."""

    environment: str
    lookup: Lookup

    def write(self, change: Change) -> Message:
        """The message about a change."""
        writers: dict[tuple[str, str], Callable[[Change], Message]] = {
            (changes.STEP, changes.FAILED): self._step_failed,
            (changes.STEP, changes.SUCCEEDED): self._step_succeeded,
            (changes.EXECUTION, changes.FAILED): self._execution_failed,
            (changes.EXECUTION, changes.SUCCEEDED): self._execution_succeeded,
            (changes.PACKAGE, changes.PENDING): self._registered,
            (changes.PACKAGE, changes.APPROVED): self._approved,
            (changes.PACKAGE, changes.REJECTED): self._rejected,
            (changes.DATA_QUALITY, changes.VIOLATION): self._data_quality,
            (changes.RETRAINING, changes.STARTED): self._retraining_started,
            (changes.RETRAINING, changes.HELD_BACK): self._retraining_held_back,
        }
        message = writers[change.type, change.status](change)
        label = "Models" if change.type == changes.PACKAGE else "Pipelines"
        return replace(message, links={**message.links, label: links.studio(change.arn)})

    def _step_failed(self, change: Change) -> Message:
        mode = FAILURE_MODES.get(change.step, CRASHED)
        return Message(
            mode.headline.format(step=change.step, pipeline=change.pipeline),
            change.detail.get("failureReason") or self._reason(change),
            {"Pipeline": change.pipeline, "Step": change.step, "Execution": change.arn},
            mode.advice_on(change.pipeline),
            self._commands(mode, change),
            {"Log": _log(change.detail.get("metadata", {}))},
        )

    def _step_succeeded(self, change: Change) -> Message:
        return Message(
            f"the step {change.step} of {change.pipeline} succeeded",
            facts={"Pipeline": change.pipeline, "Step": change.step, "Execution": change.arn},
            commands=[self._status(change.arn)],
            links={"Log": _log(change.detail.get("metadata", {}))},
        )

    def _execution_failed(self, change: Change) -> Message:
        """The event has no reason, so SageMaker is asked for the failed steps with their reasons and logs."""
        steps = self.lookup.failed_steps(change.arn)
        mode = next((FAILURE_MODES[step] for step in steps if step in FAILURE_MODES), CRASHED if steps else NOT_STARTED)
        reasons = [f"{name}: {step.reason}" for name, step in steps.items()] or [self.lookup.failure(change.arn)]
        return Message(
            NOT_STARTED.headline.format(pipeline=change.pipeline) + (f" at {', '.join(steps)}" if steps else ""),
            "\n".join(reasons),
            {"Pipeline": change.pipeline, "Execution": change.arn},
            mode.advice_on(change.pipeline),
            self._commands(mode, change),
            {f"Log of {name}": _log(step.metadata) for name, step in steps.items()},
        )

    def _execution_succeeded(self, change: Change) -> Message:
        return Message(
            f"{change.pipeline} succeeded",
            facts={"Pipeline": change.pipeline, "Execution": change.arn},
            commands=[self._status(change.arn)],
        )

    def _registered(self, change: Change) -> Message:
        metadata, version = self._metadata(change), _version(change)
        tuned = metadata.get("kind") == "training-hpo"
        advice = "Compare it with the current version, then decide. Inference uses approved versions only."
        if tuned:
            advice += " training-hpo made this version, so approving it takes the review board's record as evidence."
        evidence = ' --evidence "..."' if tuned else ""
        return Message(
            f"version {version} of the model waits for approval",
            facts=_package_facts(change, metadata, _champion(metadata)),
            advice=advice,
            commands=[
                self._command(f'approve --version {version} --comment "..."{evidence}'),
                self._command(f'reject --version {version} --comment "..."'),
            ],
        )

    def _approved(self, change: Change) -> Message:
        version = _version(change)
        return Message(
            f"version {version} of the model is approved",
            change.detail.get("ApprovalDescription", ""),
            _package_facts(change, self._metadata(change)),
            "Each new execution of inference uses the latest approved version. To go back, reject this one.",
            [self._command("start inference"), self._command(f'reject --version {version} --comment "..."')],
        )

    def _rejected(self, change: Change) -> Message:
        return Message(
            f"version {_version(change)} of the model is rejected",
            change.detail.get("ApprovalDescription", ""),
            _package_facts(change, self._metadata(change)),
            "Inference uses the latest version that is still approved, and fails if there is none.",
            [self._command("status"), self._command("start training")],
        )

    def _data_quality(self, change: Change) -> Message:
        count, listed = change.detail["count"], change.detail["violations"][:MAX_VIOLATIONS]
        lines = [f"{violation['feature']}: {violation['check']}: {violation['description']}" for violation in listed]
        lines += [f"and {count - len(listed)} more, in the results"] if count > len(listed) else []
        return Message(
            f"a batch breaks its data baseline in {count} place{'' if count == 1 else 's'}",
            "\n".join(lines),
            {
                "Pipeline": change.pipeline,
                "Execution": change.arn,
                "Data": change.detail["dataUri"],
                "Results": change.detail["resultsUri"],
            },
            "The batch was predicted anyway. If the file is wrong, make sure nobody uses its predictions, and upload a "
            "corrected file in its place; if the data has really changed, train on newer rows.",
            [self._status(change.arn), self._command("start training")],
        )

    def _retraining_started(self, change: Change) -> Message:
        training = change.detail["trainingExecutionArn"]
        return Message(
            "the model is being trained again",
            change.detail["reason"],
            {**_metric(change.detail), "Inference": change.arn, "Training": training},
            "There is nothing to do yet. If the training finds a version that is good enough, another message will ask "
            "you to approve or reject it; approving takes the review board's record (--evidence).",
            [self._status(training)],
        )

    def _retraining_held_back(self, change: Change) -> Message:
        return Message(
            "the model violates its threshold and is not trained again",
            change.detail["reason"],
            {**_metric(change.detail), "Inference": change.arn},
            "Inference keeps using the current model. To retrain it anyway, start training-hpo yourself. The rules for "
            "retraining are in config/events.yaml.",
            [self._command("start training-hpo"), self._status(change.arn)],
        )

    def _commands(self, mode: FailureMode, change: Change) -> list[str]:
        return [
            *(self._command(command.format(pipeline=change.pipeline)) for command in mode.commands),
            self._status(change.arn),
        ]

    def _status(self, execution: str) -> str:
        return self._command(f"status --execution {shlex.quote(execution)}")

    def _command(self, arguments: str) -> str:
        """A command to paste into a shell: it must not contain anything from an event that a shell would interpret."""
        return f"mlops {arguments} --env {self.environment}"

    def _reason(self, change: Change) -> str:
        """Why a step failed, from SageMaker: the event of a Fail step may lack the reason."""
        step = self.lookup.failed_steps(change.arn).get(change.step)
        return step.reason if step else ""

    def _metadata(self, change: Change) -> Mapping[str, str]:
        """What was registered with a version: from the event, where AWS does not guarantee it, or the registry."""
        return change.detail.get("CustomerMetadataProperties") or self.lookup.metadata(change.arn)


def _version(change: Change) -> int:
    return int(change.detail["ModelPackageVersion"])


def _package_facts(
    change: Change, metadata: Mapping[str, str], more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The facts of a version; `more` stands below its metric."""
    detail = change.detail
    labels = {
        "gates": "Gates",
        "decision_threshold": "Decision threshold",
        "kind": "Pipeline",
        "trigger": "Trigger",
        "data_version": "Data version",
        "git_commit": "Commit",
    }
    evaluation = detail.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    execution = detail.get("MetadataProperties", {}).get("GeneratedBy")
    return {
        "Group": detail["ModelPackageGroupName"],
        **_metric(metadata),
        **(more or {}),
        **{label: metadata[key] for key, label in labels.items() if key in metadata},
        **({"Execution": execution} if execution else {}),
        **({"Evaluation": evaluation} if evaluation else {}),
    }


def _champion(metadata: Mapping[str, str]) -> dict[str, str]:
    """The version in use when the new one was trained, and its metric on the same rows, if known."""
    if "champion" not in metadata:  # a version from before release 0.6.0
        return {}
    version, value = metadata["champion"].rpartition("/")[2], metadata.get("champion_value", "")
    if not version.isdecimal():
        words = "no version was approved yet"
    elif _is_number(value):
        words = f"version {version}, {metadata.get('metric')} {_number(value)} on the same rows"
    else:
        words = f"version {version}, which cannot predict the rows of the test split"
    return {"In use at its training": words}


def _metric(source: Mapping[str, Any]) -> dict[str, str]:
    """The metric and its threshold, if known."""
    metric, value, threshold = (source.get(key) for key in ("metric", "value", "threshold"))
    if metric is None or value is None or threshold is None:
        return {}
    guessing = f"; a constant prediction reaches {_number(source['baseline'])}" if "baseline" in source else ""
    return {"Metric": f"{metric} {_number(value)} against the threshold {_number(threshold)}{guessing}"}


def _number(value: Any) -> str:
    """A number to four digits; anything else unchanged."""
    return f"{float(value):.4g}" if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _log(metadata: Mapping[str, Any]) -> str:
    """The log of the first job in a step's metadata, whatever kind of job it is."""
    values = (value for job in metadata.values() if isinstance(job, Mapping) for value in job.values())
    return next(filter(None, (links.logs(str(value)) for value in values)), "")
