"""Events in the format of AWS: those that a project's rules must match, and those that no rule may match."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Expectation = tuple[str | None, Event]  # the rule that must match the event

KINDS = ("training", "training-hpo", "inference")


def of(root: Path, **place: str) -> Any:
    """The documented events from the generated project's tests, for a project in an environment."""
    name = "tree_sample_events"  # this module and others in tests/ have the same names
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, root / "tests" / "sample_events.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name].SampleEvents(**place)


def matched(events: Any) -> Iterator[Expectation]:
    """Events, each with the only rule that must match it."""
    for reason in ("PutObject", "CompleteMultipartUpload", "CopyObject"):
        yield "new-data", events.object_created("data/training/2026-01.csv", reason=reason)
    yield "new-data", events.object_created("data/inference/2026-01/rows.csv")
    yield "new-data", events.object_created("data/labels/2026-01/labels.csv")
    yield "model-quality-verdict", events.step_changed("inference", "ModelQuality", "Succeeded")
    yield "model-registered", events.package_changed("PendingManualApproval")
    yield "model-approved", events.package_changed("Approved")
    yield "model-rejected", events.package_changed("Rejected")
    for kind in KINDS:
        yield "step-failed", events.step_changed(kind, "Preprocess", "Failed")
        yield "execution-failed", events.execution_changed(kind, "Failed")
        yield "execution-succeeded", events.execution_changed(kind, "Succeeded")
    yield "step-failed", events.step_changed("inference", "ModelQuality", "Failed")
    yield "data-quality-violation", events.data_quality_violation()
    yield "retraining", events.retraining_decision("started")
    yield "retraining", events.retraining_decision("held-back")


def unmatched(events: Any) -> Iterator[Expectation]:
    """Events that no rule may match: other states, other steps, other prefixes, other types."""
    for status in ("Executing", "Stopping", "Stopped"):
        yield None, events.execution_changed("training", status)
    for status in ("Starting", "Executing", "Stopping", "Stopped"):
        yield None, events.step_changed("inference", "ModelQuality", status)
    yield None, events.step_changed("training", "ModelQuality", "Succeeded")
    yield None, events.step_changed("inference", "Preprocess", "Succeeded")
    for key in ("executions/abc/Train/model.tar.gz", "data/trainings/x.csv", "data/training", "x/data/training/x.csv"):
        yield None, events.object_created(key)
    yield None, {**events.retraining_decision(), "detail-type": "Something Else"}


def foreign(events: Any) -> Iterator[Expectation]:
    """All events of another project or environment, which no rule may match."""
    yield from ((None, event) for _, event in [*matched(events), *unmatched(events)])
