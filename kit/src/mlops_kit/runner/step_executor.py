"""Execute one step: resolve its request, reuse a cached result, and retry as its policies specify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from mlops_kit.checks.api_shapes import OPERATIONS, request_shape
from mlops_kit.checks.constraints import violations
from mlops_kit.runner.cache import cache_key
from mlops_kit.runner.conditions import all_hold
from mlops_kit.runner.expressions import Scope, as_text, resolve, walk
from mlops_kit.runner.failures import ExecutionFailedError, client_error, service_failure
from mlops_kit.runner.graph import Node
from mlops_kit.runner.record import now
from mlops_kit.runner.recorder import Recorder
from mlops_kit.runner.retries import with_retries
from mlops_kit.runner.runtime_context import RuntimeContext
from mlops_kit.runner.step_result import StepResult
from mlops_kit.runner.steps import STEP_EXECUTORS, Task
from mlops_kit.runner.stop import Stop

# Keys of a step that are not part of its request.
STEP_FIELDS = (
    "Name",
    "Type",
    "Arguments",
    "DependsOn",
    "DisplayName",
    "Description",
    "PropertyFiles",
    "RetryPolicies",
    "CacheConfig",
)


@dataclass(frozen=True)
class Facts:
    """The identity and the parameters of an execution."""

    id: str
    display_name: str
    arn: str
    pipeline: str
    pipeline_arn: str
    parameters: Mapping[str, Any]


class StepExecutor:
    """Executes the steps of one execution, in the thread of the caller.

    Attributes:
        results: the properties of each step that succeeded; later steps refer to them.
    """

    def __init__(
        self, facts: Facts, nodes: Sequence[Node], recorder: Recorder, context: RuntimeContext, stop: Stop
    ) -> None:
        self.results: dict[str, Any] = {}
        self._facts = facts
        self._nodes = {node.name: node for node in nodes}
        self._recorder = recorder
        self._context = context
        self._stop = stop
        self._started = now()

    def execute(self, node: Node) -> StepResult:
        """Execute a step.

        Raises:
            StepFailedError: it failed, and no policy retries it; an ExecutionFailedError ends the execution.
            StepStoppedError: a stop was requested.
        """
        match node.type:
            case "Condition":
                result = self._evaluate(node)
            case "Fail":
                result = self._fail(node)
            case _:
                result = self._reuse_or_run(node)
        self.results[node.name] = result.properties
        return result

    def _evaluate(self, node: Node) -> StepResult:
        self._recorder.change_step(node.name, status="Executing")
        holds = all_hold(node.definition["Arguments"]["Conditions"], self._scope())
        return StepResult({"Outcome": holds}, note=as_text(holds), metadata={"Condition": {"Outcome": str(holds)}})

    def _fail(self, node: Node) -> NoReturn:
        """End the execution with the message of the step."""
        self._recorder.change_step(node.name, status="Executing")
        raise ExecutionFailedError(as_text(resolve(node.definition["Arguments"]["ErrorMessage"], self._scope())))

    def _reuse_or_run(self, node: Node) -> StepResult:
        scope = self._scope()
        request = resolve(node.definition["Arguments"], scope)
        options = resolve({key: value for key, value in node.definition.items() if key not in STEP_FIELDS}, scope)
        _refuse_invalid(node.type, request)
        cache_config = node.definition.get("CacheConfig", {})
        if not cache_config.get("Enabled"):
            return self._run(node, request, options)
        key = cache_key(self._facts.pipeline, node.name, node.type, request, options)
        hit = self._context.cache.find(key, cache_config.get("ExpireAfter"))
        if hit:
            result, source = hit
            self._recorder.change_step(node.name, cache_hit=True, cached_from=source)
            return result
        result = self._run(node, request, options)
        self._context.cache.keep(key, result, self._facts.arn)
        return result

    def _run(self, node: Node, request: dict[str, Any], options: dict[str, Any]) -> StepResult:
        """Run a step, with the retries of its policies."""
        task = Task(
            name=node.name,
            request=request,
            options=options,
            execution_id=self._facts.id,
            folder=self._recorder.folder / node.name,
            context=self._context,
            stop=self._stop,
        )
        self._recorder.change_step(node.name, status="Executing")
        try:
            return with_retries(
                lambda: _attempt(task, node.type),
                node.definition.get("RetryPolicies", []),
                self._wait,
                lambda attempt, error: self._recorder.change_step(node.name, attempts=attempt, reason=error.reason),
            )
        finally:
            self._recorder.change_step(node.name, job_seconds=round(task.job_seconds, 4))

    def _wait(self, seconds: float) -> None:
        self._context.wait(self._stop, seconds)
        self._stop.check()

    def _scope(self) -> Scope:
        """The values that expressions can refer to now."""
        facts = self._facts
        execution = {
            "PipelineExecutionId": facts.id,
            "PipelineExecutionArn": facts.arn,
            "PipelineName": facts.pipeline,
            "PipelineArn": facts.pipeline_arn,
            "StartDateTime": self._started,
            "CurrentDateTime": now(),
        }
        read_json = self._context.objects.read_json
        return Scope(facts.parameters, execution, self.results, self._property_file, read_json)

    def _property_file(self, step: str, name: str) -> Any:
        """Read a property file from the output of its step."""
        declared = self._nodes[step].definition.get("PropertyFiles", [])
        file = next((file for file in declared if file["PropertyFileName"] == name), None)
        if file is None:
            raise client_error(f"{step} has no property file {name!r}")
        uri = walk(self.results[step], f"ProcessingOutputConfig.Outputs['{file['OutputName']}'].S3Output.S3Uri")
        return self._context.objects.read_json(f"{uri.rstrip('/')}/{file['FilePath']}")


def _refuse_invalid(kind: str, request: Mapping[str, Any]) -> None:
    """Fail as the service would: a value of a parameter may break a constraint that no check before could see.

    Raises:
        StepFailedError: a value is too long, out of its range, or of another form.
    """
    if kind in OPERATIONS and (found := next(violations(request, request_shape(kind)), None)):
        raise client_error(f"ValidationException: 1 validation error detected: {found}")


def _attempt(task: Task, kind: str) -> StepResult:
    """Run a step once.

    Raises:
        StepFailedError: it failed.
    """
    task.stop.check()
    try:
        return STEP_EXECUTORS[kind](task)
    except (ClientError, BotoCoreError) as error:
        raise service_failure(error) from error
