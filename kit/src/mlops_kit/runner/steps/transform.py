"""Transform jobs: send the records of files to the model's inference code, like SageMaker's batch transform."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_kit import images
from mlops_kit.runner.container import Container
from mlops_kit.runner.failures import client_error
from mlops_kit.runner.objects import S3Object, distribute
from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps.hosts import on_hosts
from mlops_kit.runner.steps.task import Task, s3_source
from mlops_kit.runner.steps.training import unpack

PROGRAM = images.FOLDER / "serving.py"
MODEL = "/opt/ml/model"
INPUT = "/opt/ml/transform/input"
OUTPUT = "/opt/ml/transform/output"
REQUEST = "/opt/ml/transform/request.json"


def run_transform(task: Task) -> StepResult:
    """Predict the records of all input objects, and store one output object for each.

    Raises:
        StepFailedError: it failed, or the request has a field that local mode does not support.
    """
    request = task.request
    for key in ("DataProcessing", "DataCaptureConfig"):
        if request.get(key):
            raise client_error(f"local mode does not support {key} in a transform job")
    name, model = task.job_name(), _container_of(task, request["ModelName"])
    count = int(request["TransformResources"]["InstanceCount"])
    uri, _ = s3_source(request["TransformInput"]["DataSource"]["S3DataSource"])
    shares = distribute(task.context.objects.inputs(uri), count, "ShardedByS3Key")
    combined = on_hosts(task, count, lambda host: _run(task, model, shares[host.index], host.container), [OUTPUT])
    target = request["TransformOutput"]["S3OutputPath"]
    task.context.objects.put_folder(combined.path(OUTPUT), target)
    arn = task.context.arn(f"transform-job/{name}")
    return StepResult(
        properties={"TransformJobName": name, "TransformJobArn": arn, "TransformJobStatus": "Completed", **request},
        note=task.last_lines,
        files=(task.output("transformed", target, combined.path(OUTPUT)),),
        outputs=(target,),
        log=task.log(),
        metadata={"TransformJob": {"Arn": arn}},
    )


def _container_of(task: Task, model_name: str) -> Mapping[str, Any]:
    """The artifact and the environment of a model, which can be from a package."""
    sagemaker = task.context.sagemaker
    described = sagemaker.describe_model(ModelName=model_name)
    container: Mapping[str, Any] = described.get("PrimaryContainer") or described["Containers"][0]
    if "ModelPackageName" not in container:
        return container
    package = sagemaker.describe_model_package(ModelPackageName=container["ModelPackageName"])
    base = package["InferenceSpecification"]["Containers"][0]
    return {**base, "Environment": {**base.get("Environment", {}), **container.get("Environment", {})}}


def _run(task: Task, model: Mapping[str, Any], objects: Sequence[S3Object], container: Container) -> None:
    """Run the job on one instance."""
    archives = task.context.objects.inputs(model["ModelDataUrl"])
    if len(archives) != 1:
        raise client_error(f"{model['ModelDataUrl']} is not a single .tar.gz, which a model must be")
    task.context.objects.fetch(archives, container.folder)
    unpack(container.folder / archives[0].name, container.make_folder(MODEL))
    task.context.objects.fetch(objects, container.make_folder(INPUT))
    container.make_folder(OUTPUT)
    container.write_json(REQUEST, task.request)
    arguments = ["python3", str(PROGRAM), REQUEST, MODEL, INPUT, OUTPUT]
    task.run(container, arguments, model.get("Environment", {}))
    (container.folder / archives[0].name).unlink()
    shutil.rmtree(container.path(MODEL))
