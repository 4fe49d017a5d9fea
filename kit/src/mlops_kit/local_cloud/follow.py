"""Follow an execution that runs in the process of the local cloud."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rich.console import Console

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import Environment
from mlops_kit.local_cloud.daemon import answers
from mlops_kit.local_cloud.progress import Progress
from mlops_kit.runner.record import ENDED, FILE, ExecutionRecord, read_record

POLL_INTERVAL = 0.1  # seconds between two reads of the record
POLLS_PER_PING = 20  # after so many reads, check that the local cloud still answers


def follow(environment: Environment, arn: str, work: Path, console: Console | None = None) -> ExecutionRecord:
    """Show an execution's progress until it ends. Ctrl-C stops the execution and waits for its end.

    Args:
        environment: the local cloud's environment.
        arn: the execution.
        work: the folder of the records.
        console: the console for the progress; None for standard output.

    Returns:
        the record after its end.

    Raises:
        UserError: the local cloud ended before the execution.
    """
    pipeline, _, id_ = arn.partition(":pipeline/")[2].partition("/execution/")
    path = work / "executions" / pipeline / id_ / FILE
    console = console or Console()
    with Progress(console) as progress:
        try:
            return _follow_to_end(path, progress)
        except KeyboardInterrupt:
            sagemaker = environment.client("sagemaker")
            sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=id_ * 3)
            record = _follow_to_end(path, progress)
    console.print(f"Ctrl-C: the execution {id_} of {pipeline} was asked to stop, and is {record.status}.")
    return record


def _follow_to_end(path: Path, progress: Progress) -> ExecutionRecord:
    shown, polls = "", 0
    while True:
        text = path.read_text(encoding="utf-8")
        record = read_record(json.loads(text))
        if text != shown:
            progress.update(record)
            shown = text
        if record.status in ENDED:
            return record
        polls += 1
        if polls % POLLS_PER_PING == 0 and not answers(record.cloud):
            raise UserError(f"the local cloud ended before the execution; its files so far are in {path.parent}")
        time.sleep(POLL_INTERVAL)
