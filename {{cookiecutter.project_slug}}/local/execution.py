"""One execution of a pipeline: start each step when those it needs have ended, and record what becomes of it."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.cache import cache_key
from local.conditions import all_hold
from local.container import LOG, relative
from local.failures import (
    ExecutionFailedError,
    StepFailedError,
    StepStoppedError,
    client_error,
    service_failure,
)
from local.graph import Node
from local.machine import Machine
from local.outcome import Outcome
from local.record import ENDED, Recorder, now
from local.retries import with_retries
from local.steps import RUNNERS, Task
from local.stop import Stop
from local.values import Scope, as_text, resolve, walk

# Keys of a step that are no part of what it is asked for.
_ABOUT_THE_STEP = (
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
    """What is known of an execution when it starts."""

    id: str
    arn: str
    pipeline: str
    pipeline_arn: str
    parameters: Mapping[str, Any]


class Execution:
    """Runs in threads of its own, from `start` to `wait`."""

    def __init__(self, facts: Facts, nodes: Sequence[Node], recorder: Recorder, machine: Machine) -> None:
        self.facts = facts
        self.recorder = recorder
        self.metadata: dict[str, dict[str, Any]] = {}  # of each step, as ListPipelineExecutionSteps tells it
        self._nodes = {node.name: node for node in nodes}
        self._machine = machine
        self._results: dict[str, Any] = {}
        self._started = now()
        self._stop = Stop()
        self._stopped_by_hand = False
        self._ended: SimpleQueue[str] = SimpleQueue()
        self._over = threading.Event()
        self._concluding = threading.Lock()

    def start(self, fault: str = "") -> None:
        """Begin, and come back at once.

        Args:
            fault: why it cannot be run; then it fails, and nothing is run.
        """
        if fault:
            self.recorder.change(status="Failed", reason=fault)
            self._over.set()
        else:
            threading.Thread(target=self._run, name=self.facts.id, daemon=True).start()

    def stop(self) -> None:
        """Stop what runs and start nothing more; come back at once."""
        with self._concluding:
            if self.recorder.status != "Executing":
                return
            self._stopped_by_hand = True
            self.recorder.change(status="Stopping")
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; False when it has not come by then."""
        return self._over.wait(seconds)

    # Which step is next

    def _run(self) -> None:
        try:
            running = 0
            while True:
                for node in self._settle():
                    running += 1
                    threading.Thread(target=self._run_step, args=(node,), name=node.name, daemon=True).start()
                if not running:
                    break
                self._ended.get()
                running -= 1
            self._conclude()
        finally:
            self._over.set()

    def _settle(self) -> list[Node]:
        """Skip or stop the waiting steps that will not run, and give back those that are to start now."""
        ready = []
        moved = True
        while moved:
            moved = False
            for node in self._nodes.values():
                if self.recorder.step_status(node.name) != "Waiting" or self._fate(node) == "Waiting":
                    continue
                fate = self._fate(node)
                moved = True
                self.recorder.change_step(node.name, status=fate)
                if fate == "Starting":
                    ready.append(node)
        return ready

    def _fate(self, node: Node) -> str:
        """The next status of a waiting step."""
        if self._stop.is_set():
            return "Stopped"
        statuses = {self.recorder.step_status(name) for name in node.needs}
        if not statuses <= set(ENDED):
            return "Waiting"
        if statuses & {"Failed", "Stopped"}:
            return "Stopped"
        branch = node.branch
        if "Skipped" in statuses or (branch and self._results[branch.condition]["Outcome"] != branch.when):
            return "Skipped"
        return "Starting"

    def _conclude(self) -> None:
        steps = self.recorder.as_dict()["steps"]
        failed = [f"{step['name']}: {step['reason']}" for step in steps if step["status"] == "Failed"]
        with self._concluding:
            status = "Stopped" if self._stopped_by_hand else "Failed" if failed else "Succeeded"
            self.recorder.change(status=status, reason="; ".join(failed))

    # One step

    def _run_step(self, node: Node) -> None:
        try:
            outcome = self._outcome(node)
            self._results[node.name] = outcome.result
            self.metadata[node.name] = outcome.metadata
            self.recorder.change_step(
                node.name,
                status="Succeeded",
                reason="",
                result=outcome.result,
                note=outcome.note,
                files=[asdict(file) for file in outcome.files],
                log=outcome.log,
            )
        except ExecutionFailedError as error:
            self.metadata[node.name] = {"Fail": {"ErrorMessage": error.reason}}
            self.recorder.change_step(node.name, status="Failed", reason=error.reason)
            self._stop.set()
        except StepStoppedError:
            self.recorder.change_step(node.name, status="Stopped", log=self._log(node))
        except StepFailedError as error:
            self.recorder.change_step(node.name, status="Failed", reason=error.reason, log=self._log(node))
        except Exception as error:
            # A fault of local mode, or a request that it does not understand: the rest of the execution goes on.
            reason = f"InternalServerError: local mode: {type(error).__name__}: {error}"
            self._note_fault(node)
            self.recorder.change_step(node.name, status="Failed", reason=reason, log=self._log(node))
        finally:
            self._ended.put(node.name)

    def _outcome(self, node: Node) -> Outcome:
        scope = self._scope()
        if node.type == "Condition":
            self.recorder.change_step(node.name, status="Executing")
            holds = all_hold(node.definition["Arguments"]["Conditions"], scope)
            return Outcome({"Outcome": holds}, note=as_text(holds), metadata={"Condition": {"Outcome": str(holds)}})
        request = resolve(node.definition["Arguments"], scope)
        options = resolve({key: value for key, value in node.definition.items() if key not in _ABOUT_THE_STEP}, scope)
        cached = node.definition.get("CacheConfig", {})
        if not cached.get("Enabled"):
            return self._attempts(node, request, options)
        key = cache_key(self.facts.pipeline, node.name, {"request": request, "options": options})
        found = self._machine.cache.find(key, cached.get("ExpireAfter"))
        if found:
            self.recorder.change_step(node.name, cache_hit=True)
            return found
        outcome = self._attempts(node, request, options)
        self._machine.cache.keep(key, outcome)
        return outcome

    def _attempts(self, node: Node, request: dict[str, Any], options: dict[str, Any]) -> Outcome:
        """Do the step, and do it again as its retry policies say."""
        task = Task(
            name=node.name,
            request=request,
            options=options,
            execution_id=self.facts.id,
            folder=self.recorder.folder / node.name,
            machine=self._machine,
            stop=self._stop,
        )
        self.recorder.change_step(node.name, status="Executing")
        try:
            return with_retries(
                lambda: _attempt(task, node.type),
                node.definition.get("RetryPolicies", []),
                self._wait,
                lambda attempt, error: self.recorder.change_step(node.name, attempts=attempt, reason=error.reason),
            )
        finally:
            self.recorder.change_step(node.name, job_seconds=round(task.job_seconds, 4))

    def _wait(self, seconds: float) -> None:
        self._machine.wait(self._stop, seconds)
        self._stop.check()

    def _log(self, node: Node) -> str | None:
        path = self.recorder.folder / node.name / LOG
        return relative(path, self._machine.work) if path.exists() else None

    def _note_fault(self, node: Node) -> None:
        """Leave the traceback of what local mode did not expect in the step's log."""
        path = self.recorder.folder / node.name / LOG
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(traceback.format_exc())

    # What expressions refer to

    def _scope(self) -> Scope:
        facts = self.facts
        execution = {
            "PipelineExecutionId": facts.id,
            "PipelineExecutionArn": facts.arn,
            "PipelineName": facts.pipeline,
            "PipelineArn": facts.pipeline_arn,
            "StartDateTime": self._started,
            "CurrentDateTime": now(),
        }
        read_json = self._machine.objects.read_json
        return Scope(facts.parameters, execution, self._results, self._property_file, read_json)

    def _property_file(self, step: str, name: str) -> Any:
        """Read a property file from where the step's output lies."""
        declared = self._nodes[step].definition.get("PropertyFiles", [])
        file = next((file for file in declared if file["PropertyFileName"] == name), None)
        if file is None:
            raise client_error(f"{step} has no property file {name!r}")
        uri = walk(self._results[step], f"ProcessingOutputConfig.Outputs['{file['OutputName']}'].S3Output.S3Uri")
        return self._machine.objects.read_json(f"{uri.rstrip('/')}/{file['FilePath']}")


def _attempt(task: Task, kind: str) -> Outcome:
    """Do a step once.

    Raises:
        StepFailedError: it failed.
    """
    task.stop.check()
    try:
        return RUNNERS[kind](task)
    except (ClientError, BotoCoreError) as error:
        raise service_failure(error) from error
