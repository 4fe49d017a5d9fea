"""A local cloud: AWS's API on this machine, in an account where pipelines really run.

with LocalCloud() as cloud:
    cloud.deploy()
    cloud.upload(Path("data/training-data.csv"), f"s3://{cloud.environment.bucket}/data/training/training-data.csv")
    record = cloud.run("training")
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from mlops_kit.aws.environment import Environment
from mlops_kit.aws.terraform_outputs import with_outputs
from mlops_kit.definition.code import code_files
from mlops_kit.local_cloud.account import make_account
from mlops_kit.local_cloud.backend import Options
from mlops_kit.local_cloud.parts import Parts, open_parts
from mlops_kit.project import open_project
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.record import ExecutionRecord
from mlops_kit.runner.recorder import Listener
from mlops_kit.runner.stop import Stop

SETTLE_TIMEOUT = 120.0  # seconds
START_TIMEOUT = 60.0  # seconds within which an event must start an execution
POLL_INTERVAL = 0.5  # seconds between two checks for Ctrl-C
RETRY_TIME_SCALE = 0.01  # of the delays of AWS: nobody else competes for this machine's capacity


def wait_briefly(stop: Stop, seconds: float) -> None:
    """Wait for a fraction of a retry policy's delay."""
    stop.wait(seconds * RETRY_TIME_SCALE)


class LocalCloud:
    """An account that exists from entering to leaving.

    Entering removes what an earlier cloud left in the working folder; it raises OccupiedError while another cloud uses
    the folder.

    Args:
        root: the project.
        work: the working folder, for everything that executions write; by default the project's.
        port: of the server; 0 chooses a free one.
        wait: waits before a retry; it receives the seconds that the definition specifies.
        clock: returns the time by which cached results expire.
        empty_account: create none of the project's resources, because Terraform will.

    Attributes:
        dismissed: is set when somebody asks this cloud to stop, with a POST to its address.
    """

    def __init__(
        self,
        root: Path,
        work: Path | None = None,
        *,
        port: int = 0,
        wait: Callable[[Stop, float], None] = wait_briefly,
        clock: Callable[[], float] = time.time,
        empty_account: bool = False,
    ) -> None:
        self.root = root
        self.work = (work or open_project(root).work).resolve()
        self.dismissed = threading.Event()
        self._options = Options(root, self.work, port, wait, clock, empty_account, self.dismissed)
        self._stack = ExitStack()

    def __enter__(self) -> LocalCloud:
        with ExitStack() as stack:
            self._parts: Parts = open_parts(stack, self._options)
            if not self._options.empty_account:
                make_account(self.environment, self.root)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def environment(self) -> Environment:
        """The names of all resources."""
        return self._parts.backend.environment

    @property
    def url(self) -> str:
        """The URL of AWS's API."""
        return self._parts.backend.server.url

    @property
    def address(self) -> str:
        """The URL that identifies this cloud: it answers a GET, and a POST asks it to stop."""
        return self._parts.backend.address

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        return self._parts.backend.client(service)

    def deploy(self, definitions: Mapping[str, str] | None = None) -> dict[str, str]:
        """Deploy the project's pipelines to this cloud.

        Args:
            definitions: what `compile_all` returned; None to compile now.

        Returns:
            by kind, whether the pipeline was created, updated or unchanged.

        Raises:
            UserError: the project's configuration is invalid.
        """
        from mlops_kit.aws.deployment import deploy  # not at the top: running a definition needs no compiler

        outcomes = deploy(with_outputs(self.environment), self.root, say=lambda _: None, definitions=definitions)
        self._parts.context.objects.remember(code_files(self.root).values())  # what every job reads
        return outcomes

    def upload(self, path: Path, uri: str) -> None:
        """Upload a file as an object, or a folder's files below a prefix."""
        objects = self._parts.context.objects
        if path.is_dir():
            objects.put_folder(path, uri)
        else:
            objects.put(path, uri)

    def start(self, kind: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Start the pipeline of a kind.

        Args:
            kind: for example training.
            parameters: values of the pipeline's parameters.

        Returns:
            the execution's ARN.

        Raises:
            ClientError: the pipeline does not exist, or a parameter is invalid.
        """
        values = [{"Name": name, "Value": as_text(value)} for name, value in (parameters or {}).items()]
        name = self.environment.pipeline_name(kind)
        answer = self.client("sagemaker").start_pipeline_execution(PipelineName=name, PipelineParameters=values)
        return str(answer["PipelineExecutionArn"])

    def run(
        self, kind: str, parameters: Mapping[str, Any] | None = None, listener: Listener | None = None
    ) -> ExecutionRecord:
        """Start the pipeline of a kind, and wait for its end; an interrupt stops the execution first.

        Args:
            kind: see `start`.
            parameters: see `start`.
            listener: is called with the record now and after each change.

        Returns:
            the record after its end.
        """
        return self.follow(self.start(kind, parameters), listener)

    def follow(self, arn: str, listener: Listener | None = None) -> ExecutionRecord:
        """Wait for the end of an execution; an interrupt stops the execution first.

        Args:
            arn: the execution.
            listener: is called with the record now and after each change.

        Returns:
            the record after its end.
        """
        try:
            if listener:
                self.listen(arn, listener)
            return self.wait(arn)
        except BaseException:
            self.stop(arn)
            self.wait(arn)
            raise

    def executions(self, kind: str) -> list[str]:
        """The ARNs of the executions of a kind of pipeline, in the order of their start."""
        latest_first = self._parts.executor.executions(self.environment.pipeline_name(kind))
        return [execution.facts.arn for execution in reversed(latest_first)]

    def next_execution(self, kind: str, known: int) -> str:
        """Wait for an execution that an event starts.

        Args:
            kind: see `start`.
            known: the number of earlier executions of this kind.

        Returns:
            the ARN of the first execution after those.

        Raises:
            TimeoutError: nothing starts an execution in time.
        """
        if not self._parts.executor.wait_for_start(self.environment.pipeline_name(kind), known, START_TIMEOUT):
            raise TimeoutError(f"nothing has started the {kind} pipeline within {START_TIMEOUT:.0f} s")
        return self.executions(kind)[known]

    def listen(self, arn: str, listener: Listener) -> None:
        """Call a listener with an execution's record now, and after each change of status."""
        self._parts.executor.find(arn).recorder.listen(listener)

    def wait(self, arn: str) -> ExecutionRecord:
        """Wait for the end of an execution, and return its record."""
        execution = self._parts.executor.find(arn)
        while not execution.wait(POLL_INTERVAL):
            pass  # with a timeout, because on Windows Ctrl-C does not interrupt a wait without one
        return execution.recorder.record

    def stop(self, arn: str) -> None:
        """Stop an execution, without waiting."""
        self._parts.executor.find(arn).stop()

    def flush(self) -> None:
        """Wait until all events so far are on the bus and in events.jsonl."""
        self._parts.bus.flush()

    def settle(self, seconds: float = SETTLE_TIMEOUT) -> None:
        """Wait until no execution, event or delivery is pending, and none has caused another.

        Raises:
            TimeoutError: something is still pending.
        """
        parts, deadline = self._parts, time.monotonic() + seconds
        ended, before = False, -1
        while not ended or before != parts.started:
            before = parts.started
            executed = parts.executor.wait(max(0.0, deadline - time.monotonic()))
            parts.bus.flush()
            ended = parts.targets.wait(max(0.0, deadline - time.monotonic())) and executed
            if time.monotonic() > deadline:
                raise TimeoutError(f"something is still running after {seconds:.0f} s; see {self.work}")
