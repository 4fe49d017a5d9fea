"""The AWS of this machine: an account of its own in which pipelines really run.

with LocalCloud() as cloud:
    cloud.deploy()
    cloud.upload(Path("data/training-data.csv"), f"s3://{cloud.environment.bucket}/data/training/training-data.csv")
    record = cloud.run("training")
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import mlops_jobs
from mlops_kit import images
from mlops_kit.aws.terraform_outputs import with_outputs
from mlops_kit.local_cloud.account import ACCOUNT, local_environment, make_account, registered_function
from mlops_kit.local_cloud.emails import Mails
from mlops_kit.local_cloud.events.bus import Events
from mlops_kit.local_cloud.events.targets import Deliveries
from mlops_kit.local_cloud.handlers import Additions
from mlops_kit.local_cloud.handlers.budgets import Budgets
from mlops_kit.local_cloud.handlers.executions import Executions
from mlops_kit.local_cloud.handlers.groups import Groups
from mlops_kit.local_cloud.handlers.packages import Packages
from mlops_kit.local_cloud.in_process import handled_in_process
from mlops_kit.local_cloud.patches.buckets import buckets_tell_as_s3_does
from mlops_kit.local_cloud.patches.dispatch import services_are_listed_once
from mlops_kit.local_cloud.patches.functions import functions_are_kept_whole
from mlops_kit.local_cloud.patches.invocations import functions_run_when_invoked
from mlops_kit.local_cloud.patches.policies import conditional_denials_are_left_out
from mlops_kit.local_cloud.patches.rules import rules_reach_their_targets
from mlops_kit.local_cloud.patches.topics import topics_send_mails
from mlops_kit.local_cloud.server import Server, moto_application
from mlops_kit.project import open_project
from mlops_kit.runner.cache import Cache
from mlops_kit.runner.expressions import as_text
from mlops_kit.runner.job_limiter import Slots
from mlops_kit.runner.objects import Objects
from mlops_kit.runner.pipeline_executor import PipelineExecutor
from mlops_kit.runner.processes import start_processes
from mlops_kit.runner.record import Listener
from mlops_kit.runner.runtime_context import Machine
from mlops_kit.runner.stop import Stop
from mlops_kit.runner.work_folder import claimed

Record = dict[str, Any]

SETTLE_SECONDS = 120.0  # for which it is waited until nothing is under way any more
START_SECONDS = 60.0  # within which an event starts what it is to start
LOOK_SECONDS = 0.5  # between two looks at a Ctrl-C
PACE = 0.01  # of the time that a retry policy waits in AWS
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


def wait_a_little(stop: Stop, seconds: float) -> None:
    """Wait a fraction of what a retry policy says: nobody else is in the queue."""
    stop.wait(seconds * PACE)


class LocalCloud:
    """An empty account with the project's resources, from entering to leaving.

    Entering removes what an earlier one left in the working folder, and raises OccupiedError while another works there.

    Args:
        root: the project.
        work: the folder for everything that executions leave; .local in the project unless told otherwise.
        port: where to listen; 0 takes a free port.
        wait: waits before a step is tried again; the seconds are those that the definition says.
        clock: tells the time by which cached results expire.
        empty_account: leave it to somebody else, to Terraform for example, to make the project's resources.

    Attributes:
        environment: the names of everything there is.
        url: where AWS's API answers.
        address: where this cloud, and no other, answers a GET, and takes a POST as the wish that it should go.
        dismissed: set when somebody wished so.
    """

    def __init__(
        self,
        root: Path,
        work: Path | None = None,
        *,
        port: int = 0,
        wait: Callable[[Stop, float], None] = wait_a_little,
        clock: Callable[[], float] = time.time,
        empty_account: bool = False,
    ) -> None:
        self.root = root
        self._empty_account = empty_account
        self.work = (work or open_project(root).work).resolve()
        self._port = port
        self._wait = wait
        self._clock = clock
        self._place = f"/local-cloud/{secrets.token_hex(8)}"
        self._clients: dict[str, Any] = {}
        self.dismissed = threading.Event()

    def __enter__(self) -> LocalCloud:
        with ExitStack() as opened:
            self._open(opened)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        if service not in self._clients:
            self._clients[service] = self.environment.client(service)
        return self._clients[service]

    def deploy(self) -> dict[str, str]:
        """Compile the project's pipelines and bring them here.

        Returns:
            what became of the pipeline of each kind: created, updated or unchanged.

        Raises:
            UserError: the project's configuration cannot be.
        """
        from mlops_kit.aws.deployment import deploy  # nobody who only runs definitions needs the compiler

        return deploy(with_outputs(self.environment), self.root, say=lambda _: None)

    def upload(self, path: Path, uri: str) -> None:
        """Store a file as an object, or a folder's files below a prefix."""
        if path.is_dir():
            self._machine.objects.put_folder(path, uri)
        else:
            self._machine.objects.put(path, uri)

    def start(self, kind: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Start the pipeline of a kind.

        Args:
            kind: training, training-hpo or inference.
            parameters: as the pipeline declares them.

        Returns:
            the execution's ARN.

        Raises:
            ClientError: there is no such pipeline, or a parameter is not as it should be.
        """
        given = [{"Name": name, "Value": as_text(value)} for name, value in (parameters or {}).items()]
        name = self.environment.pipeline_name(kind)
        answer = self.client("sagemaker").start_pipeline_execution(PipelineName=name, PipelineParameters=given)
        return str(answer["PipelineExecutionArn"])

    def run(self, kind: str, parameters: Mapping[str, Any] | None = None, listener: Listener | None = None) -> Record:
        """Start the pipeline of a kind and wait for its end; interrupted, stop it first.

        Args:
            kind: see `start`.
            parameters: see `start`.
            listener: is called with the record now and at each change.

        Returns:
            the record, as execution.json holds it.
        """
        return self.follow(self.start(kind, parameters), listener)

    def follow(self, arn: str, listener: Listener | None = None) -> Record:
        """Wait for the end of an execution that was started, by whomever; interrupted, stop it first.

        Args:
            arn: the execution.
            listener: is called with the record now and at each change.

        Returns:
            the record, as execution.json holds it.
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
        """The ARNs of the executions of a kind of pipeline, in the order in which they started."""
        return [found.facts.arn for found in reversed(self._runner.executions(self.environment.pipeline_name(kind)))]

    def next_execution(self, kind: str, known: int) -> str:
        """Wait for an execution that something else starts.

        Args:
            kind: see `start`.
            known: how many there were before.

        Returns:
            the ARN of the first after those.

        Raises:
            TimeoutError: there comes none.
        """
        if not self._runner.wait_for_start(self.environment.pipeline_name(kind), known, START_SECONDS):
            raise TimeoutError(f"nothing has started the {kind} pipeline within {START_SECONDS:.0f} s")
        return self.executions(kind)[known]

    def listen(self, arn: str, listener: Listener) -> None:
        """Have something called with an execution's record: now, and after each change of status."""
        self._runner.find(arn).recorder.listen(listener)

    def wait(self, arn: str) -> Record:
        """Wait for the end of an execution, and give back its record."""
        execution = self._runner.find(arn)
        while not execution.wait(LOOK_SECONDS):
            pass  # in slices: on Windows nothing interrupts a wait without an end
        return execution.recorder.as_dict()

    def stop(self, arn: str) -> None:
        """Stop an execution; come back at once."""
        self._runner.find(arn).stop()

    def flush(self) -> None:
        """Wait until every event so far is on the bus and in events.jsonl."""
        self._events.flush()

    def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until no execution, event or delivery is under way, and none of them has caused another.

        Raises:
            TimeoutError: something still is.
        """
        deadline = time.monotonic() + seconds
        ended, before = False, -1
        while not ended or before != self._begun():
            before = self._begun()
            left = max(0.0, deadline - time.monotonic())
            executed = self._runner.wait(left)
            self._events.flush()
            ended = self._deliveries.wait(max(0.0, deadline - time.monotonic())) and executed
            if time.monotonic() > deadline:
                raise TimeoutError(f"something is still under way after {seconds:.0f} s: look into {self.work}")

    def _begun(self) -> int:
        """How much has been begun so far."""
        return self._runner.started + self._events.told + self._deliveries.taken

    def _open(self, opened: ExitStack) -> None:
        """Open one part after the other; they are closed the other way round."""
        opened.enter_context(claimed(self.work))
        self._put_moto_right(opened)
        self._processes = start_processes(_scripts(self.root))
        opened.callback(self._processes.close)
        additions = Additions(
            moto_application(), {("GET", self._place): self._identity, ("POST", self._place): self._dismiss}
        )
        server = Server(additions, self._port)
        opened.callback(server.close)
        self.url = server.url
        opened.enter_context(handled_in_process(self.url, additions))
        self.address = f"{self.url}{self._place}"
        self.environment = local_environment(self.root, self.url, self._empty_account)
        groups = Groups(self.client("sagemaker"), ACCOUNT, self.environment.region)
        additions.add(groups.addition(), Budgets().addition())
        if not self._empty_account:
            make_account(self.environment, self.root)
        self._events = Events(self.client("events"), self.work, self.environment.region, ACCOUNT)
        opened.callback(self._events.close)
        self._machine = self._make_machine()
        self._runner = PipelineExecutor(self._machine, self._events, self.address)
        opened.callback(self._runner.close)
        sagemaker = self.client("sagemaker")
        executions = Executions(self._runner, sagemaker, self._kind_of)
        additions.add(executions.addition(), Packages(self._events, sagemaker).addition())
        additions.tell_changes(self._machine.objects.changed)
        self._deliveries = Deliveries(self._machine, self.client("sqs"), executions.start)
        opened.callback(self._deliveries.close)
        opened.enter_context(rules_reach_their_targets(self._deliveries))
        opened.enter_context(functions_run_when_invoked(self._deliveries, self._machine.function))

    def _put_moto_right(self, opened: ExitStack) -> None:
        """Have moto's own objects do what AWS does, as long as this cloud is open."""
        for put_right in (functions_are_kept_whole, buckets_tell_as_s3_does, conditional_denials_are_left_out):
            opened.enter_context(put_right())
        opened.enter_context(services_are_listed_once())
        opened.enter_context(topics_send_mails(Mails(self.work)))
        if self._empty_account:
            # not above: EC2, which only Terraform needs, takes most of a second to import
            from mlops_kit.local_cloud.patches.security_groups import rules_keep_their_descriptions

            opened.enter_context(rules_keep_their_descriptions())

    def _make_machine(self) -> Machine:
        objects = Objects(self.client("s3"))
        return Machine(
            work=self.work,
            region=self.environment.region,
            account_id=ACCOUNT,
            environment={
                **CREDENTIALS,
                "AWS_ENDPOINT_URL": self.url,
                "AWS_REGION": self.environment.region,
                "AWS_DEFAULT_REGION": self.environment.region,
            },
            processes=self._processes,
            slots=Slots(),
            objects=objects,
            cache=Cache(objects.exist, self._clock),
            sagemaker=self.client("sagemaker"),
            function=lambda arn: registered_function(self.environment, arn),
            wait=self._wait,
        )

    def _kind_of(self, pipeline: str) -> str:
        return pipeline.removeprefix(self.environment.pipeline_name(""))

    def _identity(self) -> Record:
        return {"work": str(self.work), "url": self.url}

    def _dismiss(self) -> Record:
        self.dismissed.set()
        return self._identity()


def _scripts(root: Path) -> list[Path]:
    """What jobs and functions run: it is worth having ready what they import."""
    project = open_project(root)
    folders = (project.jobs, project.lambdas, images.FOLDER, Path(mlops_jobs.__file__).parent)
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]
