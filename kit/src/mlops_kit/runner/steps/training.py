"""Training jobs in script mode, as SageMaker's framework images run them."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_kit.definition.model_trainer import is_model_trainers
from mlops_kit.runner.container import Container
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.failures import client_error
from mlops_kit.runner.objects import S3Object, distribute
from mlops_kit.runner.record import now
from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps.hosts import Host, on_hosts
from mlops_kit.runner.steps.metrics import definitions_of, parse_metrics, readable
from mlops_kit.runner.steps.model_trainer import Program, program_of
from mlops_kit.runner.steps.script_mode import arguments_of, environment_of, write_configuration
from mlops_kit.runner.steps.task import Task, max_seconds, s3_source

Request = Mapping[str, Any]

MODEL = "/opt/ml/model"
DATA = "/opt/ml/output/data"
CODE = "/opt/ml/code"


@dataclass(frozen=True)
class Trained:
    """A training job that succeeded.

    Attributes:
        model_uri: the S3 URI of model.tar.gz.
        metrics: the last value of each metric in the log.
    """

    name: str
    model_uri: str
    metrics: dict[str, float]
    container: Container


def run_training(task: Task) -> StepResult:
    """Train, package the model, and read the metrics from the log.

    Raises:
        StepFailedError: it failed.
    """
    trained = train(task, task.request, task.job_name())
    arn = task.context.arn(f"training-job/{trained.name}")
    return StepResult(
        properties={
            "TrainingJobName": trained.name,
            "TrainingJobArn": arn,
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "ModelArtifacts": {"S3ModelArtifacts": trained.model_uri},
            "FinalMetricDataList": metric_list(trained.metrics),
            **task.request,
        },
        note=readable(task.last_lines),
        files=(task.output("model", trained.model_uri, trained.container.path(MODEL)),),
        outputs=(trained.model_uri,),
        log=task.log(),
        metadata={"TrainingJob": {"Arn": arn}},
    )


def train(task: Task, request: Request, name: str, *below: str) -> Trained:
    """Execute a CreateTrainingJob request.

    Args:
        task: the attempt that the job belongs to.
        request: the request, without the job's name.
        name: the job's name.
        below: subfolders of the step's folder, for a step that trains more than once.

    Raises:
        StepFailedError: it failed.
    """
    definitions = definitions_of(request["AlgorithmSpecification"])
    count = int(request["ResourceConfig"].get("InstanceCount", 1))
    channels = _channels(task, request, count)
    combined = on_hosts(task, count, lambda host: _run(task, request, name, channels, host), [MODEL, DATA], below)
    target = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/output"
    for place, archive in ((MODEL, "model.tar.gz"), (DATA, "output.tar.gz")):
        folder = combined.make_folder(place)
        if any(folder.iterdir()):
            packed = _pack(folder, combined.folder / archive)
            task.context.objects.put(packed, f"{target}/{archive}")
            packed.unlink()
    return Trained(name, f"{target}/model.tar.gz", parse_metrics(definitions, combined.log_text()), combined)


def run_instance(task: Task, request: Request, host: Host) -> None:
    """Run the job on the only instance.

    Raises:
        StepFailedError: it failed.
    """
    _run(task, request, task.job_name(), _channels(task, request, 1), host)


def metric_list(metrics: Mapping[str, float]) -> list[dict[str, Any]]:
    """Metrics as DescribeTrainingJob lists them."""
    return [{"MetricName": name, "Value": value, "Timestamp": now()} for name, value in metrics.items()]


def _channels(task: Task, request: Request, hosts: int) -> dict[str, list[Sequence[S3Object]]]:
    """The objects of each channel for each instance."""
    channels = {}
    for channel in request.get("InputDataConfig", []):
        uri, distribution = s3_source(channel["DataSource"]["S3DataSource"])
        channels[channel["ChannelName"]] = distribute(task.context.objects.inputs(uri), hosts, distribution)
    return channels


def _run(
    task: Task, request: Request, name: str, channels: Mapping[str, Sequence[Sequence[S3Object]]], host: Host
) -> None:
    """Run the job on one instance."""
    container = host.container
    for channel, shares in channels.items():
        task.context.objects.fetch(shares[host.index], container.make_folder(f"/opt/ml/input/data/{channel}"))
    for place in (MODEL, DATA, CODE):
        container.make_folder(place)
    hyperparameters = {key: as_text(value) for key, value in request.get("HyperParameters", {}).items()}
    write_configuration(request, hyperparameters, host)
    program = _program(task, request, container, hyperparameters)
    task.run(
        container,
        program.command,
        {**environment_of(request, hyperparameters, name, host), **program.variables},
        folder=program.folder,
        seconds=max_seconds(request),
    )


def _program(task: Task, request: Request, container: Container, hyperparameters: Mapping[str, str]) -> Program:
    """The script that the request names: in script mode, or as the SDK's ModelTrainer does."""
    if "sagemaker_program" not in hyperparameters and is_model_trainers(request):
        return program_of(container, hyperparameters)
    code = _unpack_code(task, container, hyperparameters)
    return Program(
        code, ["python3", str(code / hyperparameters["sagemaker_program"]), *arguments_of(hyperparameters)], {}
    )


def _unpack_code(task: Task, container: Container, hyperparameters: Mapping[str, str]) -> Path:
    """Extract the script's folder to the path of the framework images.

    Raises:
        StepFailedError: the request names no script, or the script does not exist.
    """
    source = hyperparameters.get("sagemaker_submit_directory", "")
    if not source or not hyperparameters.get("sagemaker_program"):
        raise client_error(
            "the hyperparameters name no sagemaker_program and sagemaker_submit_directory: "
            "local mode trains with a script, not with the algorithm of an image"
        )
    code = container.path(CODE)
    if source.startswith("s3://"):
        task.context.objects.fetch(task.context.objects.inputs(source), code)
        archive = code / source.rpartition("/")[2]
    else:
        archive = container.path(source)
    if archive.is_dir():
        shutil.copytree(archive, code, dirs_exist_ok=True)
    else:
        unpack(archive, code)
    if not (code / hyperparameters["sagemaker_program"]).is_file():
        raise client_error(f"{source} contains no {hyperparameters['sagemaker_program']}")
    return code


def unpack(archive: Path, folder: Path) -> None:
    """Extract a .tar.gz into a folder.

    Raises:
        StepFailedError: it is not a .tar.gz.
    """
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise client_error(f"{archive.name} cannot be extracted: {error}") from error


def _pack(folder: Path, archive: Path) -> Path:
    """Package the contents of a folder as a .tar.gz; speed matters more than size."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return archive
