"""What moto lacks, in front of its server.

moto 5.2 stores pipelines and says of every execution that it succeeded. Here StartPipelineExecution really runs the
definition, and what is asked about executions is answered from what became of them. And:

- UpdateModelPackage of moto forgets whatever one call does not mention: the approval, its description, the customer's
  metadata. AWS changes what is given, and so does this.
- CreateModelPackage of moto leaves a package without an approval status if none is given; AWS makes it wait for one.
- A model package that changes is told of as an event.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from local.events import Events
from local.execution import Execution
from local.parameters import ParameterError
from local.record import seconds_of
from local.runner import Pipeline, Runner
from local.server import Wsgi
from local.values import as_text

Request = dict[str, Any]
Answer = dict[str, Any]
StartResponse = Callable[..., Any]

KEPT_BY_UPDATES = ("ModelApprovalStatus", "ApprovalDescription")


class ApiError(Exception):
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Additions:
    """A WSGI application: answers some operations of SageMaker itself, and hands everything else to moto.

    Args:
        moto: moto's application.
        pages: answers to requests for paths of this cloud's own, by method and path.
    """

    def __init__(self, moto: Wsgi, pages: dict[tuple[str, str], Callable[[], Answer]]) -> None:
        self._moto = moto
        self._pages = pages
        self._operations: dict[str, Callable[[Request], Answer]] = {}
        self._changes: dict[str, Callable[[Request], Request]] = {}
        self._afterwards: dict[str, Callable[[Request], None]] = {}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        page = self._pages.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if page:
            return _respond(start_response, "200 OK", page())
        service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if service != "SageMaker" or operation not in {*self._operations, *self._changes, *self._afterwards}:
            return self._moto(environ, start_response)
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        try:
            if operation in self._operations:
                return _respond(start_response, "200 OK", self._operations[operation](request))
            return self._with_moto(operation, request, environ, start_response)
        except (ApiError, ClientError) as error:
            code = error.code if isinstance(error, ApiError) else error.response["Error"]["Code"]
            message = str(error) if isinstance(error, ApiError) else error.response["Error"]["Message"]
            return _respond(start_response, "400 Bad Request", {"__type": code, "message": message})

    def connect(self, runner: Runner, events: Events, sagemaker: Any, kind_of: Callable[[str], str]) -> None:
        """Answer from now on.

        Args:
            runner: knows the executions.
            events: is told of model packages.
            sagemaker: boto3's client of this server.
            kind_of: the kind of a pipeline, by its name.
        """
        executions = Executions(runner, sagemaker, kind_of)
        packages = Packages(events, sagemaker)
        self._operations = {
            "StartPipelineExecution": executions.start,
            "DescribePipelineExecution": executions.describe,
            "ListPipelineExecutions": executions.list,
            "ListPipelineExecutionSteps": executions.list_steps,
            "StopPipelineExecution": executions.stop,
            "ListPipelineParametersForExecution": executions.list_parameters,
            "DescribePipelineDefinitionForExecution": executions.describe_definition,
        }
        self._changes = {"CreateModelPackage": packages.before_create, "UpdateModelPackage": packages.before_update}
        self._afterwards = {"CreateModelPackage": packages.after, "UpdateModelPackage": packages.after}

    def _with_moto(
        self, operation: str, request: Request, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hand a changed request to moto, and do what has to follow when moto took it."""
        changed = self._changes[operation](request)
        body = json.dumps(changed).encode()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        statuses: list[str] = []

        def noting(status: str, *more: Any) -> Any:
            statuses.append(status)
            return start_response(status, *more)

        answer = b"".join(self._moto(environ, noting))
        if statuses and statuses[-1].startswith("200"):
            self._afterwards[operation]({**request, **json.loads(answer)})
        return [answer]


class Executions:
    """SageMaker's operations on executions of pipelines."""

    def __init__(self, runner: Runner, sagemaker: Any, kind_of: Callable[[str], str]) -> None:
        self._runner = runner
        self._sagemaker = sagemaker
        self._kind_of = kind_of

    def start(self, request: Request) -> Answer:
        """StartPipelineExecution."""
        described = self._pipeline(request)
        name = described["PipelineName"]
        pipeline = Pipeline(name, described["PipelineArn"], self._kind_of(name), described["PipelineDefinition"])
        given = {parameter["Name"]: parameter["Value"] for parameter in request.get("PipelineParameters") or []}
        try:
            return {"PipelineExecutionArn": self._runner.start(pipeline, given)}
        except ParameterError as error:
            raise ApiError("ValidationException", str(error)) from error

    def describe(self, request: Request) -> Answer:
        """DescribePipelineExecution."""
        execution = self._execution(request)
        record = execution.recorder.as_dict()
        answer = {
            "PipelineArn": execution.facts.pipeline_arn,
            "PipelineExecutionArn": record["arn"],
            "PipelineExecutionDisplayName": record["id"],
            "PipelineExecutionStatus": record["status"],
            "CreationTime": seconds_of(record["started"]),
            "LastModifiedTime": seconds_of(record["ended"] or record["started"]),
        }
        return answer | ({"FailureReason": record["reason"]} if record["reason"] else {})

    def list(self, request: Request) -> Answer:
        """ListPipelineExecutions, the latest first."""
        pipeline = self._pipeline(request)["PipelineName"]
        return {"PipelineExecutionSummaries": [_summary(found) for found in self._runner.executions(pipeline)]}

    def list_steps(self, request: Request) -> Answer:
        """ListPipelineExecutionSteps: the steps that have started, the latest first unless asked otherwise."""
        execution = self._execution(request)
        steps = [
            _step(step, execution.metadata.get(step["name"], {}))
            for step in execution.recorder.as_dict()["steps"]
            if step["started"]
        ]
        latest_first = request.get("SortOrder", "Descending") == "Descending"
        steps.sort(key=lambda step: float(step["StartTime"]), reverse=latest_first)
        return {"PipelineExecutionSteps": steps}

    def stop(self, request: Request) -> Answer:
        """StopPipelineExecution."""
        execution = self._execution(request)
        execution.stop()
        return {"PipelineExecutionArn": execution.facts.arn}

    def list_parameters(self, request: Request) -> Answer:
        """ListPipelineParametersForExecution."""
        parameters = self._execution(request).facts.parameters.items()
        return {"PipelineParameters": [{"Name": name, "Value": as_text(value)} for name, value in parameters]}

    def describe_definition(self, request: Request) -> Answer:
        """DescribePipelineDefinitionForExecution."""
        arn = self._execution(request).facts.arn
        return {"PipelineDefinition": self._runner.definition(arn)}

    def _pipeline(self, request: Request) -> dict[str, Any]:
        name = request["PipelineName"].rpartition("/")[2]
        described: dict[str, Any] = self._sagemaker.describe_pipeline(PipelineName=name)
        return described

    def _execution(self, request: Request) -> Execution:
        arn = request["PipelineExecutionArn"]
        try:
            return self._runner.find(arn)
        except KeyError:
            raise ApiError("ResourceNotFound", f"Pipeline execution with ARN {arn} does not exist.") from None


class Packages:
    """What has to happen around moto's operations on model packages."""

    def __init__(self, events: Events, sagemaker: Any) -> None:
        self._events = events
        self._sagemaker = sagemaker

    def before_create(self, request: Request) -> Request:
        """A version that nobody has looked at waits for approval."""
        versioned = {"ModelApprovalStatus": "PendingManualApproval"} if "ModelPackageGroupName" in request else {}
        return {**versioned, **request}

    def before_update(self, request: Request) -> Request:
        """What is not mentioned stays; of the customer's metadata each entry by itself."""
        known = self._sagemaker.describe_model_package(ModelPackageName=request["ModelPackageArn"])
        kept = {key: known[key] for key in KEPT_BY_UPDATES if key in known}
        metadata = {**known.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
        return {**kept, **request, "CustomerMetadataProperties": metadata}

    def after(self, request: Request) -> None:
        """Tell of the package as it is now."""
        package = self._sagemaker.describe_model_package(ModelPackageName=request["ModelPackageArn"])
        updated = [key for key in (*KEPT_BY_UPDATES, "CustomerMetadataProperties") if key in request]
        is_new = "ModelPackageGroupName" in request or "ModelPackageName" in request
        self._events.package_changed(package, [] if is_new else updated)


def _summary(execution: Execution) -> Answer:
    record = execution.recorder.as_dict()
    summary = {
        "PipelineExecutionArn": record["arn"],
        "StartTime": seconds_of(record["started"]),
        "PipelineExecutionStatus": record["status"],
        "PipelineExecutionDisplayName": record["id"],
    }
    return summary | ({"PipelineExecutionFailureReason": record["reason"]} if record["reason"] else {})


def _step(step: dict[str, Any], metadata: dict[str, Any]) -> Answer:
    answer = {
        "StepName": step["name"],
        "StartTime": seconds_of(step["started"]),
        "StepStatus": step["status"],
        "AttemptCount": step["attempts"],
        "Metadata": metadata,
    }
    if step["ended"]:
        answer["EndTime"] = seconds_of(step["ended"])
    if step["status"] == "Failed":
        answer["FailureReason"] = step["reason"]
    if step["cache_hit"]:
        answer["CacheHitResult"] = {}
    return answer


def _respond(start_response: StartResponse, status: str, answer: Answer) -> Iterable[bytes]:
    body = json.dumps(answer).encode()
    start_response(status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))])
    return [body]
