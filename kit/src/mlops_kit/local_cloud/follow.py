"""Follow an execution of the local cloud that runs in another process."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import Environment
from mlops_kit.local_cloud.daemon import answers
from mlops_kit.local_cloud.progress import Progress
from mlops_kit.runner.record import ENDED, FILE

Record = dict[str, Any]

LOOK_SECONDS = 0.1  # between two looks at the record
LOOKS_PER_QUESTION = 20  # looks after which the cloud is asked whether it is still there


def follow(environment: Environment, arn: str, work: Path, console: Console | None = None) -> Record:
    """Show an execution's progress until its end; Ctrl-C stops the execution, and its end is waited for.

    Args:
        environment: of the local cloud.
        arn: the execution.
        work: the folder of the records.
        console: where to show it.

    Returns:
        the record.

    Raises:
        UserError: the local cloud went away.
    """
    pipeline, _, id_ = arn.partition(":pipeline/")[2].partition("/execution/")
    path = work / "executions" / pipeline / id_ / FILE
    console = console or Console()
    with Progress(console) as progress:
        try:
            return _until_the_end(path, progress)
        except KeyboardInterrupt:
            sagemaker = environment.client("sagemaker")
            sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=id_ * 3)
            record = _until_the_end(path, progress)
    console.print(f"Ctrl-C: the execution {id_} of {pipeline} was told to stop, and is {record['status']}.")
    return record


def _until_the_end(path: Path, progress: Progress) -> Record:
    shown, looks = "", 0
    while True:
        text = path.read_text(encoding="utf-8")
        record: Record = json.loads(text)
        if text != shown:
            progress.update(record)
            shown = text
        if record["status"] in ENDED:
            return record
        looks += 1
        if looks % LOOKS_PER_QUESTION == 0 and not answers(record["cloud"]):
            raise UserError(f"the local cloud went away; what {record['pipeline']} left so far is in {path.parent}")
        time.sleep(LOOK_SECONDS)
