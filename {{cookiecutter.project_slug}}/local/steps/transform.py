"""Transform jobs: the model's own inference code over files, as SageMaker's batch transform sends it records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from local.container import Container
from local.failures import client_error
from local.hosts import host_names, side_by_side
from local.objects import S3Object, deal
from local.outcome import Outcome
from local.steps.task import Task, s3_source
from local.steps.training import unpack
from local.stop import Stop

PROGRAM = Path(__file__).parents[1] / "programs" / "serving.py"
MODEL = "/opt/ml/model"
INPUT = "/opt/ml/transform/input"
OUTPUT = "/opt/ml/transform/output"
REQUEST = "/opt/ml/transform/request.json"


def run_transform(task: Task) -> Outcome:
    """Send the input's records through the model, and store an answer beside the name of each input.

    Raises:
        StepFailedError: it failed, or asks for something that local mode does not do.
    """
    request = task.request
    for key in ("DataProcessing", "DataCaptureConfig"):
        if request.get(key):
            raise client_error(f"local mode knows no {key} of a transform job")
    name = task.job_name()
    model = _container_of(task, request["ModelName"])
    hosts = host_names(int(request["TransformResources"]["InstanceCount"]))
    uri, _ = s3_source(request["TransformInput"]["DataSource"]["S3DataSource"])
    shares = deal(task.machine.objects.inputs(uri), len(hosts), "ShardedByS3Key")
    actions = [
        partial(_run_host, task, model, [host] if len(hosts) > 1 else [], share)
        for host, share in zip(hosts, shares, strict=True)
    ]
    whole = task.gather(side_by_side(task.stop, actions), [OUTPUT])
    target = request["TransformOutput"]["S3OutputPath"]
    task.machine.objects.put_folder(whole.path(OUTPUT), target)
    arn = task.machine.arn(f"transform-job/{name}")
    return Outcome(
        result={"TransformJobName": name, "TransformJobArn": arn, "TransformJobStatus": "Completed", **request},
        note=task.said,
        files=(task.output("transformed", target, whole.path(OUTPUT)),),
        outputs=(target,),
        log=task.log(),
        metadata={"TransformJob": {"Arn": arn}},
    )


def _container_of(task: Task, model_name: str) -> Mapping[str, Any]:
    """Artifact and environment of a model, which may be a package's."""
    sagemaker = task.machine.sagemaker
    described = sagemaker.describe_model(ModelName=model_name)
    container: Mapping[str, Any] = described.get("PrimaryContainer") or described["Containers"][0]
    if "ModelPackageName" not in container:
        return container
    package = sagemaker.describe_model_package(ModelPackageName=container["ModelPackageName"])
    found = package["InferenceSpecification"]["Containers"][0]
    return {**found, "Environment": {**found.get("Environment", {}), **container.get("Environment", {})}}


def _run_host(
    task: Task, model: Mapping[str, Any], below: Sequence[str], objects: Sequence[S3Object], stop: Stop
) -> Container:
    container = task.container(*below, stop=stop)
    found = task.machine.objects.inputs(model["ModelDataUrl"])
    if len(found) != 1:
        raise client_error(f"{model['ModelDataUrl']} is not the one .tar.gz that a model is")
    task.machine.objects.fetch(found, container.folder)
    unpack(container.folder / found[0].name, container.made(MODEL))
    task.machine.objects.fetch(objects, container.made(INPUT))
    container.made(OUTPUT)
    container.write_json(REQUEST, task.request)
    task.run(container, ["python3", str(PROGRAM), REQUEST, MODEL, INPUT, OUTPUT], dict(model.get("Environment", {})))
    return container
