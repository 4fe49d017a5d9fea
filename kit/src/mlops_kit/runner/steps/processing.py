"""Processing jobs: download the inputs, run a script on each instance, upload its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_kit.runner.container import Container
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.failures import client_error
from mlops_kit.runner.objects import S3Object, distribute
from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps.hosts import Host, on_hosts
from mlops_kit.runner.steps.task import Task, max_seconds, s3_source

Request = Mapping[str, Any]

CONFIGURATION = "/opt/ml/config"


def run_processing(task: Task) -> StepResult:
    """Run the script of the request, on the number of instances of the request.

    Raises:
        StepFailedError: it failed.
    """
    result, _ = process(task, task.request)
    return replace(result, note=task.last_lines)


def process(task: Task, request: Request) -> tuple[StepResult, Container]:
    """Execute a CreateProcessingJob request.

    Returns:
        the result, and the container with the outputs of all instances.

    Raises:
        StepFailedError: it failed.
    """
    name, outputs = task.job_name(), _outputs(request)
    count = int(request["ProcessingResources"]["ClusterConfig"]["InstanceCount"])
    inputs = _inputs(task, request, count)
    places = [place for place, _ in outputs.values()]
    combined = on_hosts(task, count, lambda host: _run(task, request, name, inputs, host), places)
    for place, uri in outputs.values():
        task.context.objects.put_folder(combined.path(place), uri)
    return _result(task, request, name, combined), combined


def run_instance(task: Task, request: Request, host: Host) -> None:
    """Run the job on the only instance.

    Raises:
        StepFailedError: it failed.
    """
    _run(task, request, task.job_name(), _inputs(task, request, 1), host)


def _inputs(task: Task, request: Request, hosts: int) -> list[tuple[str, list[Sequence[S3Object]]]]:
    """The local path of each input, and its objects for each instance."""
    inputs: list[tuple[str, list[Sequence[S3Object]]]] = []
    for declared in request.get("ProcessingInputs", []):
        if "S3Input" not in declared:
            raise client_error(f"the input {declared['InputName']} is not from S3; local mode supports no other source")
        uri, distribution = s3_source(declared["S3Input"])
        objects = task.context.objects.inputs(uri)
        inputs.append((declared["S3Input"]["LocalPath"], distribute(objects, hosts, distribution)))
    return inputs


def _run(
    task: Task, request: Request, name: str, inputs: Sequence[tuple[str, Sequence[Sequence[S3Object]]]], host: Host
) -> None:
    """Run the job on one instance."""
    specification = request["AppSpecification"]
    if not specification.get("ContainerEntrypoint"):
        raise client_error("the request has no ContainerEntrypoint, and local mode has no image with a default")
    container = host.container
    for place, shares in inputs:
        task.context.objects.fetch(shares[host.index], container.make_folder(place))
    for place, _ in _outputs(request).values():
        container.make_folder(place)
    container.write_json(f"{CONFIGURATION}/resourceconfig.json", {"current_host": host.name, "hosts": host.names})
    container.write_json(f"{CONFIGURATION}/processingjobconfig.json", {"ProcessingJobName": name, **request})
    task.run(
        container,
        [*specification["ContainerEntrypoint"], *map(as_text, specification.get("ContainerArguments", []))],
        {key: as_text(value) for key, value in request.get("Environment", {}).items()},
        seconds=max_seconds(request),
    )


def _outputs(request: Request) -> dict[str, tuple[str, str]]:
    """The local path and the S3 URI of each output, by name."""
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return {output["OutputName"]: (output["S3Output"]["LocalPath"], output["S3Output"]["S3Uri"]) for output in outputs}


def _result(task: Task, request: Request, name: str, combined: Container) -> StepResult:
    outputs = _outputs(request)
    arn = task.context.arn(f"processing-job/{name}")
    return StepResult(
        properties={
            "ProcessingJobName": name,
            "ProcessingJobArn": arn,
            "ProcessingJobStatus": "Completed",
            **request,
        },
        files=tuple(task.output(output, uri, combined.path(place)) for output, (place, uri) in outputs.items()),
        outputs=tuple(uri for place, uri in outputs.values() if _holds_files(combined.path(place))),
        log=task.log(),
        metadata={"ProcessingJob": {"Arn": arn}},
    )


def _holds_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))
