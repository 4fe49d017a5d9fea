"""The parts of a local cloud, in the order in which they depend on one another.

Each part takes what it needs as arguments; an ExitStack closes the parts in the opposite order. The server answers its
first request when all parts exist.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mlops_jobs
from mlops_kit import images
from mlops_kit.local_cloud.account import ACCOUNT, registered_function
from mlops_kit.local_cloud.api import Answer
from mlops_kit.local_cloud.backend import Backend, Options, open_backend
from mlops_kit.local_cloud.events.bus import EventBus
from mlops_kit.local_cloud.events.targets import TargetSender
from mlops_kit.local_cloud.gateway import Gateway
from mlops_kit.local_cloud.handlers.budgets import Budgets
from mlops_kit.local_cloud.handlers.executions import Executions
from mlops_kit.local_cloud.handlers.model_package_groups import ModelPackageGroups
from mlops_kit.local_cloud.handlers.model_packages import ModelPackages
from mlops_kit.local_cloud.listing import list_objects
from mlops_kit.local_cloud.patches.invocations import patch_invocations
from mlops_kit.local_cloud.patches.rules import patch_rules
from mlops_kit.local_cloud.server import moto_application
from mlops_kit.project import open_project
from mlops_kit.runner.cache import Cache
from mlops_kit.runner.job_limiter import JobLimiter
from mlops_kit.runner.objects import Objects
from mlops_kit.runner.pipeline_executor import PipelineExecutor
from mlops_kit.runner.processes import start_processes
from mlops_kit.runner.runtime_context import RuntimeContext

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


@dataclass(frozen=True)
class PipelineRunner:
    """What runs pipelines.

    Attributes:
        bus: emits an event for each change of status.
    """

    context: RuntimeContext
    bus: EventBus
    executor: PipelineExecutor


@dataclass(frozen=True)
class Parts:
    """An open local cloud."""

    backend: Backend
    context: RuntimeContext
    bus: EventBus
    executor: PipelineExecutor
    targets: TargetSender

    @property
    def started(self) -> int:
        """How many executions, events and deliveries have been started so far."""
        return self.executor.started + self.bus.emitted + self.targets.sent


def open_parts(stack: ExitStack, options: Options) -> Parts:
    """Open all parts; the cloud then answers.

    Args:
        stack: closes them.
        options: of the cloud.

    Raises:
        OccupiedError: another local cloud uses the working folder.
        UserError: the project's configuration is invalid.
    """
    backend = open_backend(stack, options)
    return connect_events(stack, options, backend, open_runner(stack, options, backend))


def open_runner(stack: ExitStack, options: Options, backend: Backend) -> PipelineRunner:
    """Start the processes for jobs and the event bus, and create the executor of pipelines."""
    environment, client = backend.environment, backend.client
    processes = start_processes(_scripts(options.root))
    stack.callback(processes.close)
    objects = Objects(client("s3"), partial(list_objects, ACCOUNT, environment.region))
    context = RuntimeContext(
        work=options.work,
        region=environment.region,
        account_id=ACCOUNT,
        environment={
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": backend.server.url,
            "AWS_REGION": environment.region,
            "AWS_DEFAULT_REGION": environment.region,
        },
        processes=processes,
        job_limiter=JobLimiter(),
        objects=objects,
        cache=Cache(objects.exist, options.clock),
        sagemaker=client("sagemaker"),
        function=lambda arn: registered_function(environment, arn),
        wait=options.wait,
    )
    bus = EventBus(client("events"), options.work, environment.region, ACCOUNT)
    stack.callback(bus.close)
    executor = PipelineExecutor(context, bus.status_changed, backend.address)
    stack.callback(executor.close)
    return PipelineRunner(context, bus, executor)


def connect_events(stack: ExitStack, options: Options, backend: Backend, runner: PipelineRunner) -> Parts:
    """Connect events with their targets and requests with their handlers, and answer requests."""
    environment, sagemaker, context = backend.environment, backend.client("sagemaker"), runner.context
    prefix = environment.pipeline_name("")
    executions = Executions(runner.executor, sagemaker, lambda pipeline: pipeline.removeprefix(prefix))
    targets = TargetSender(context, backend.client("sqs"), executions.start)
    stack.callback(targets.close)
    stack.enter_context(patch_rules(targets))
    stack.enter_context(patch_invocations(targets, context.function))
    handlers = [
        executions.handler(),
        ModelPackages(runner.bus, sagemaker).handler(),
        ModelPackageGroups(sagemaker, ACCOUNT, environment.region).handler(),
        Budgets().handler(),
    ]

    def identity() -> Answer:
        return {"work": str(options.work), "url": backend.server.url}

    def dismiss() -> Answer:
        options.dismissed.set()
        return identity()

    pages = {("GET", backend.path): identity, ("POST", backend.path): dismiss}
    backend.server.serve(Gateway(moto_application(), handlers, pages, lambda role: inline_policies(backend, role)))
    return Parts(backend, context, runner.bus, runner.executor, targets)


def inline_policies(backend: Backend, role: str) -> dict[str, str]:
    """The inline policies of a role as JSON, by name; none of a role that does not exist."""
    iam = backend.client("iam")
    try:
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    except iam.exceptions.NoSuchEntityException:
        return {}  # moto refuses the request
    documents = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
    return {name: json.dumps(document, separators=(",", ":")) for name, document in documents.items()}


def _scripts(root: Path) -> list[Path]:
    """The scripts of jobs and functions: the processes import their dependencies in advance."""
    project = open_project(root)
    folders = (project.jobs, project.lambdas, images.FOLDER, Path(mlops_jobs.__file__).parent)
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]
