"""Find the executions whose records are kept in the local cloud's folder, whether or not the cloud is up."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from mlops_jobs.errors import UserError
from mlops_kit.runner.record import FILE, ExecutionRecord, StepRecord, read_record


def find_execution(work: Path, kinds: Collection[str] = (), arn: str | None = None) -> ExecutionRecord:
    """The latest execution of some pipelines, or one of an ARN.

    Args:
        work: the local cloud's working folder.
        kinds: the pipelines; none for all.
        arn: the execution, if it is not the latest.

    Raises:
        UserError: there is none.
    """
    paths = sorted((work / "executions").glob(f"*/*/{FILE}"))
    records = [read_record(json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    wanted = [record for record in records if record.arn == arn or (not arn and (not kinds or record.kind in kinds))]
    started = [record for record in wanted if record.started]
    if not started:
        what = arn or f"an execution of {' or '.join(kinds) or 'any pipeline'}"
        raise UserError(f"{work / 'executions'} has no record of {what}; start one with: mlops start KIND --env local")
    return max(started, key=lambda record: str(record.started))


def find_step(record: ExecutionRecord, name: str) -> StepRecord:
    """A step that was started.

    Raises:
        UserError: there is none of this name.
    """
    started = {step.name: step for step in record.steps if step.started}
    if name not in started:
        raise UserError(f"{record.arn} has no step {name!r} that was started; it has {', '.join(started) or 'none'}")
    return started[name]
