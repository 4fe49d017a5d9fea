"""Start, find and stop the executions of one local cloud."""

from __future__ import annotations

import json
import re
import secrets
import string
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlops_kit.runner.execution import Execution
from mlops_kit.runner.graph import DefinitionError, read_graph
from mlops_kit.runner.parameters import read_parameters
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.runner.recorder import Change, Recorder
from mlops_kit.runner.runtime_context import RuntimeContext
from mlops_kit.runner.step_executor import Facts

PIPELINE_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,255}")  # the name of a folder, too
SHUTDOWN_TIMEOUT = 30.0  # seconds; jobs are killed, so stopping takes much less


@dataclass(frozen=True)
class Pipeline:
    """A deployed pipeline.

    Attributes:
        kind: training, training-hpo or inference; for a pipeline that is not the project's, its name.
        definition: JSON.
    """

    name: str
    arn: str
    kind: str
    definition: str


class PipelineExecutor:
    """Starts, finds and stops executions.

    Args:
        context: what all executions share.
        notify: is called with each change of status of an execution or a step.
        cloud: the address under which this cloud answers, which their records name.
    """

    def __init__(self, context: RuntimeContext, notify: Callable[[Change], None], cloud: str) -> None:
        self._context = context
        self._notify = notify
        self._cloud = cloud
        self._executions: dict[str, Execution] = {}
        self._definitions: dict[str, str] = {}
        self._closed = False
        self._lock = threading.Lock()
        self._new_execution = threading.Condition(self._lock)

    def start(self, pipeline: Pipeline, values: Mapping[str, str], display_name: str = "") -> str:
        """Start an execution; with a definition that cannot run here, the execution fails at once, with a reason.

        Args:
            pipeline: the pipeline to run.
            values: values of parameters, as text.
            display_name: by default the id.

        Returns:
            the execution's ARN.

        Raises:
            ValueError: a parameter is unknown, missing or of the wrong type, the definition is not JSON, or this cloud
                is shutting down.
        """
        if not PIPELINE_NAME.fullmatch(pipeline.name):
            raise ValueError(f"{pipeline.name!r} is not a pipeline name: use letters and digits, with - between them")
        definition = json.loads(pipeline.definition)
        parameters = read_parameters(definition, values)
        id_ = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))
        arn = f"{pipeline.arn}/execution/{id_}"
        record = ExecutionRecord(id_, pipeline.name, pipeline.kind, arn, self._cloud, parameters)
        recorder = Recorder(record, self._context.work / "executions" / pipeline.name / id_, self._notify)
        facts = Facts(id_, display_name or id_, arn, pipeline.name, pipeline.arn, parameters)
        try:
            nodes, fault = read_graph(definition), ""
        except DefinitionError as error:
            nodes, fault = (), f"the definition cannot be run: {error}"
        execution = Execution(facts, nodes, recorder, self._context)
        with self._lock:
            if self._closed:
                raise ValueError("the local cloud is shutting down, and starts no more executions")
            recorder.begin(nodes)
            self._executions[arn] = execution
            self._definitions[arn] = pipeline.definition
            execution.start(fault)
            self._new_execution.notify_all()
        return arn

    def find(self, arn: str) -> Execution:
        """The execution of an ARN.

        Raises:
            KeyError: there is no such execution.
        """
        with self._lock:
            return self._executions[arn]

    def executions(self, pipeline: str) -> list[Execution]:
        """The executions of a pipeline, the latest first."""
        with self._lock:
            return [
                execution for execution in reversed(self._executions.values()) if execution.facts.pipeline == pipeline
            ]

    def wait_for_start(self, pipeline: str, known: int, seconds: float) -> bool:
        """Wait until a pipeline has more executions than are known; False after a timeout."""
        with self._new_execution:
            return self._new_execution.wait_for(lambda: self._count(pipeline) > known, seconds)

    def _count(self, pipeline: str) -> int:
        return sum(execution.facts.pipeline == pipeline for execution in self._executions.values())

    def definition(self, arn: str) -> str:
        """The pipeline definition of an execution."""
        return self._definitions[arn]

    @property
    def started(self) -> int:
        """The number of executions so far."""
        return len(self._executions)

    def wait(self, seconds: float) -> bool:
        """Wait until no execution is running; False after a timeout."""
        deadline = time.monotonic() + seconds
        with self._lock:
            executions = list(self._executions.values())
        return all(execution.wait(max(0.0, deadline - time.monotonic())) for execution in executions)

    def close(self) -> None:
        """Stop all executions and wait until they have stopped."""
        deadline = time.monotonic() + SHUTDOWN_TIMEOUT
        with self._lock:
            self._closed = True
            executions = list(self._executions.values())
        for execution in executions:
            execution.stop()
        for execution in executions:
            execution.wait(max(0.0, deadline - time.monotonic()))
