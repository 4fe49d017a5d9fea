"""Run a pipeline definition that belongs to no project: `mlops local run definition.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console

from mlops_jobs.errors import UserError
from mlops_kit.aws import executions, refusals
from mlops_kit.aws.environment import LOCAL, Environment, load_environment
from mlops_kit.aws.logs import failed_step_logs
from mlops_kit.definition.model import Definition
from mlops_kit.local_cloud import daemon
from mlops_kit.local_cloud.account import create_bucket, local_environment
from mlops_kit.local_cloud.follow import follow
from mlops_kit.project import Project
from mlops_kit.runner.preflight import find_unsupported
from mlops_kit.runner.record import ExecutionRecord

TOKEN_LENGTH = 32  # the shortest ClientRequestToken that the API takes


def run_definition(project: Project, path: Path, parameters: Mapping[str, str], uploads: Mapping[str, str]) -> None:
    """Run a definition in the local cloud that is up, or in one that ends with the run.

    Args:
        project: the folder whose local cloud is used; it needs no pyproject.toml.
        path: the definition, JSON as the SDK's `Pipeline.definition()` returns it.
        parameters: values of its parameters, as text.
        uploads: S3 URIs by the file or folder on this machine that is uploaded there first.

    Raises:
        UserError: the file is not a definition; or it has steps that the local cloud cannot run, then nothing runs and
            the message lists them all; or the execution fails.
    """
    definition = read_definition(path)
    for source, uri in uploads.items():
        _check_upload(Path(source), uri)
    refuse_unsupported(path, definition, project)
    with _cloud(project) as environment, refusals.in_sentences(environment):
        for source, uri in uploads.items():
            _upload(environment, Path(source), uri)
        arn = _start(environment, path.stem, definition, parameters)
        record = follow(environment, arn, project.work, Console())
    print_result(record, project.work)


def print_result(record: ExecutionRecord, work: Path) -> None:
    """Print where the outputs of an execution are, or refuse one that failed and name the logs of its failed steps.

    Raises:
        UserError: it failed or was stopped.
    """
    if record.status == "Succeeded":
        print(f"The outputs: {work / 'executions' / record.pipeline / record.id}")
        return
    for line in failed_step_logs(record, work):
        print(line)
    raise UserError(f"the execution {record.status.lower()}: {record.reason or 'it was stopped'}")


def read_definition(path: Path) -> dict[str, Any]:
    """Read a definition.

    Raises:
        UserError: the file cannot be read, or is not a definition.
    """
    try:
        definition = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); pass what Pipeline.definition() returns") from error
    if not isinstance(definition, dict) or not isinstance(definition.get("Steps"), list):
        raise UserError(f"{path}: has no list `Steps`; give a pipeline definition, as Pipeline.definition() returns it")
    return {"Parameters": [], **definition}


def refuse_unsupported(path: Path, definition: Mapping[str, Any], project: Project) -> None:
    """Refuse a definition that the local cloud of a project cannot run.

    It comes before the local cloud starts, which clears the working folder.

    Raises:
        UserError: the local cloud cannot run it; the message lists everything that prevents it, by step.
    """
    if findings := find_unsupported(Definition(definition), _functions(project)):
        listed = "".join(f"\n- {finding}" for finding in findings)
        raise UserError(f"{path}: the local cloud cannot run this definition, and nothing has run:{listed}")


def _functions(project: Project) -> list[str]:
    """The ARNs of the Lambda functions in the local cloud that is up, or in the one that a run starts."""
    if daemon.is_up(project.root):
        functions = load_environment(LOCAL, project.root).client("lambda").list_functions()["Functions"]
        return [function["FunctionArn"] for function in functions]
    environment = local_environment(project.root, url="")
    names = (handler.parent.name.replace("_", "-") for handler in sorted(project.lambdas.glob("*/handler.py")))
    return [environment.function_arn(name) for name in names]


@contextmanager
def _cloud(project: Project) -> Iterator[Environment]:
    if daemon.is_up(project.root):
        yield load_environment(LOCAL, project.root)
        return
    from mlops_kit.local_cloud.cloud import LocalCloud  # moto takes a second to import

    with LocalCloud(project.root) as cloud:
        yield cloud.environment


def _start(environment: Environment, name: str, definition: Mapping[str, Any], parameters: Mapping[str, str]) -> str:
    """Create the pipeline, or update the one of an earlier run, and start it."""
    pipeline = environment.pipeline_name("".join(c if c.isascii() and c.isalnum() else "-" for c in name)).strip("-")
    values = executions.checked_parameters(definition, parameters, pipeline)
    sagemaker = environment.client("sagemaker")
    request = {
        "PipelineName": pipeline,
        "PipelineDefinition": json.dumps(definition),
        "RoleArn": environment.role_arn,
    }
    try:
        sagemaker.create_pipeline(**request, ClientRequestToken=pipeline.ljust(TOKEN_LENGTH, "-"))
    except ClientError as error:
        if "already exists" not in str(error):
            raise
        sagemaker.update_pipeline(**request)
    answer = sagemaker.start_pipeline_execution(PipelineName=pipeline, PipelineParameters=values)
    return str(answer["PipelineExecutionArn"])


def _check_upload(source: Path, uri: str) -> None:
    """Refuse an upload before a cloud is started for it.

    Raises:
        UserError: the target is not an S3 URI, or there is no such file.
    """
    if not uri.removeprefix("s3://").partition("/")[0] or not uri.startswith("s3://"):
        raise UserError(f"--upload {source}={uri}: the target must be an S3 URI, for example s3://bucket/prefix")
    if not source.exists():
        raise UserError(f"--upload {source}={uri}: there is no file or folder {source.absolute()}")


def _upload(environment: Environment, source: Path, uri: str) -> None:
    """Upload a file, or the files of a folder, into a bucket that is created where it does not exist.

    A file gets its own name below a URI that ends with a slash, and otherwise the URI itself.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = environment.client("s3")
    if bucket not in {entry["Name"] for entry in s3.list_buckets()["Buckets"]}:
        create_bucket(environment, bucket)
    if source.is_file():
        s3.upload_file(str(source), bucket, f"{key}{source.name}" if key == "" or key.endswith("/") else key)
        return
    for path in (path for path in sorted(source.rglob("*")) if path.is_file()):
        below = path.relative_to(source).as_posix()
        s3.upload_file(str(path), bucket, f"{key.rstrip('/')}/{below}".lstrip("/"))
