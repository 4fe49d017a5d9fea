"""One execution of a pipeline: start each step when the steps that it needs have ended, and record the result."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any

from mlops_kit.runner.container import LOG, relative
from mlops_kit.runner.failures import ExecutionFailedError, StepFailedError, StepStoppedError
from mlops_kit.runner.graph import Node
from mlops_kit.runner.record import ENDED
from mlops_kit.runner.recorder import Recorder
from mlops_kit.runner.runtime_context import RuntimeContext
from mlops_kit.runner.step_executor import Facts, StepExecutor
from mlops_kit.runner.stop import Stop


class Execution:
    """Runs in its own threads, from `start` to `wait`.

    Attributes:
        metadata: of each step that has ended, as in ListPipelineExecutionSteps.
    """

    def __init__(self, facts: Facts, nodes: Sequence[Node], recorder: Recorder, context: RuntimeContext) -> None:
        self.facts = facts
        self.recorder = recorder
        self.metadata: dict[str, dict[str, Any]] = {}
        self._nodes = nodes
        self._work = context.work
        self._stop = Stop()
        self._step_executor = StepExecutor(facts, nodes, recorder, context, self._stop)
        self._stopped_by_hand = False
        self._ended: SimpleQueue[str] = SimpleQueue()
        self._over = threading.Event()
        self._concluding = threading.Lock()

    def start(self, fault: str = "") -> None:
        """Start, without waiting.

        Args:
            fault: why it cannot run; then it fails at once.
        """
        if fault:
            self.recorder.change(status="Failed", reason=fault)
            self._over.set()
        else:
            threading.Thread(target=self._run, name=self.facts.id, daemon=True).start()

    def stop(self) -> None:
        """Stop the running steps and start no more, without waiting."""
        with self._concluding:
            if self.recorder.status != "Executing":
                return
            self._stopped_by_hand = True
            with contextlib.suppress(OSError):  # it stops even if the record cannot be written
                self.recorder.change(status="Stopping")
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; False after a timeout."""
        return self._over.wait(seconds)

    # Which step is next

    def _run(self) -> None:
        fault = ""
        try:
            self._run_steps()
        except Exception as error:  # the record cannot be written, for example
            fault = _fault(error)
        try:
            self._conclude(fault)
        finally:
            self._over.set()

    def _run_steps(self) -> None:
        running = 0
        try:
            while True:
                for node in self._settle():
                    threading.Thread(target=self._run_step, args=(node,), name=node.name, daemon=True).start()
                    running += 1
                if not running:
                    return
                self._ended.get()
                running -= 1
        except Exception:
            self._stop.set()
            for _ in range(running):
                self._ended.get()
            raise

    def _settle(self) -> list[Node]:
        """Skip or stop the waiting steps that will not run, and return those to start now."""
        ready = []
        moved = True
        while moved:
            moved = False
            for node in self._nodes:
                if self.recorder.step_status(node.name) != "Waiting" or (fate := self._fate(node)) == "Waiting":
                    continue
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
        if "Skipped" in statuses or (
            branch and self._step_executor.results[branch.condition]["Outcome"] != branch.when
        ):
            return "Skipped"
        return "Starting"

    def _conclude(self, fault: str) -> None:
        """Record the end; without a fault, every step has ended."""
        for step in self.recorder.record.steps:
            if step.status not in ENDED:
                with contextlib.suppress(OSError):
                    self.recorder.change_step(step.name, status="Stopped")
        failed = [f"{step.name}: {step.reason}" for step in self.recorder.record.failed_steps]
        failed += [fault] if fault else []
        with self._concluding:
            status = "Stopped" if self._stopped_by_hand else "Failed" if failed else "Succeeded"
            self.recorder.change(status=status, reason="; ".join(failed))

    # One step

    def _run_step(self, node: Node) -> None:
        try:
            self.recorder.change_step(node.name, **self._end_of(node))
        except Exception as error:  # the result is not JSON, or the disk is full
            failed = {"status": "Failed", "reason": _fault(error), "result": {}, "files": ()}
            with contextlib.suppress(Exception):
                self.recorder.change_step(node.name, **failed)
        finally:
            self._ended.put(node.name)

    def _end_of(self, node: Node) -> dict[str, Any]:
        """Do a step, and give back how its record ends."""
        try:
            result = self._step_executor.execute(node)
        except ExecutionFailedError as error:
            self.metadata[node.name] = {"Fail": {"ErrorMessage": error.reason}}
            self._stop.set()
            return {"status": "Failed", "reason": error.reason}
        except StepStoppedError:
            return {"status": "Stopped", "log": self._log(node)}
        except StepFailedError as error:
            return {"status": "Failed", "reason": error.reason, "log": self._log(node)}
        except Exception as error:
            # A defect of local mode, or a request that it does not support: the other steps continue.
            self._note_fault(node)
            return {"status": "Failed", "reason": _fault(error), "log": self._log(node)}
        self.metadata[node.name] = result.metadata
        return {
            "status": "Succeeded",
            "reason": "",
            "result": result.properties,
            "note": result.note,
            "files": result.files,
            "log": result.log,
        }

    def _log(self, node: Node) -> str | None:
        path = self.recorder.folder / node.name / LOG
        return relative(path, self._work) if path.exists() else None

    def _note_fault(self, node: Node) -> None:
        """Append the traceback of an unexpected exception to the step's log."""
        path = self.recorder.folder / node.name / LOG
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(traceback.format_exc())


def _fault(error: Exception) -> str:
    """The failure reason for an unexpected exception."""
    return f"InternalServerError: local mode: {type(error).__name__}: {error}"
