"""start, status, logs, delete."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mlops_jobs.contract import load_contract
from mlops_jobs.errors import ContractError, UserError
from mlops_jobs.split_rule import BY_ROW, SplitRule
from mlops_kit.aws import executions
from mlops_kit.aws.environment import LOCAL, Environment
from mlops_kit.cli.connection import connected
from mlops_kit.cli.main import parse_parameters
from mlops_kit.project import Project

if TYPE_CHECKING:
    from mlops_kit.runner.rerun import Job

RUN_AGAIN = ("Processing", "Training", "Tuning")  # the types of steps whose job a failure keeps, to run it again
say = partial(print, flush=True)  # the log of a CI job shows each line at once


def start(project: Project, arguments: argparse.Namespace) -> None:
    """Start a pipeline, and with --wait, wait for its end."""
    parameters = parse_parameters(arguments.param)
    with connected(project, arguments.environment) as environment:
        if environment.name == LOCAL:
            _warn_if_changed(project, environment)
        arn = executions.start(environment, arguments.kind, parameters)
        say(arn)
        if environment.endpoint_url is None:
            say(f"{executions.console_link(environment)} (then Pipelines, {environment.pipeline_name(arguments.kind)})")
        if arguments.wait:
            (_follow_locally if environment.name == LOCAL else _wait)(project, environment, arn)


def _warn_if_changed(project: Project, environment: Environment) -> None:
    from mlops_kit.data.data_files import changed_data
    from mlops_kit.local_cloud import daemon

    if daemon.has_changed(project.root):
        print("Your files differ from what is deployed; to deploy them: mlops deploy --env local", file=sys.stderr)
    for what, names in changed_data(
        project.data, environment.client("s3"), environment.bucket, _split_rule(project)
    ).items():
        differ = "differs" if len(names) == 1 else "differ"
        print(
            f"{', '.join(names)} in {project.data} {differ} from what is uploaded, which the pipelines read; to upload "
            f"again: mlops local upload {what}",
            file=sys.stderr,
        )


def _split_rule(project: Project) -> SplitRule:
    try:
        return load_contract(project.contract).split
    except ContractError:
        return BY_ROW  # a job that reads the contract says what is wrong with it


def _wait(project: Project, environment: Environment, arn: str) -> None:
    try:
        execution = executions.wait(environment, arn, say)
    except KeyboardInterrupt as interrupt:
        raise UserError("stopped waiting; the execution continues, and `mlops status` shows it") from interrupt
    if execution.status != "Succeeded":
        raise UserError(f"the execution {execution.status.lower()}: {execution.reason or 'it was stopped'}")


def _follow_locally(project: Project, environment: Environment, arn: str) -> None:
    """Show each step's progress until the execution ends, then write the report page."""
    from mlops_kit.aws.logs import failed_step_logs
    from mlops_kit.local_cloud.follow import follow
    from mlops_kit.report.build import report_on

    record = follow(environment, arn, project.work)
    for line in failed_step_logs(record, project.work):
        say(line)
    if any(step.type in RUN_AGAIN for step in record.failed_steps):
        say(f"To run its job again on the same inputs: mlops rerun {record.kind} --env {LOCAL}")
    say(f"The report: {report_on(environment, project.work)}")
    if record.status != "Succeeded":
        raise UserError(f"the execution {record.status.lower()}: {record.reason or 'it was stopped'}")


def status(project: Project, arguments: argparse.Namespace) -> None:
    """Show executions and models."""
    from mlops_kit.aws import status as tables

    with connected(project, arguments.environment) as environment:
        console = tables.status_console()
        if arguments.execution:
            tables.show_one(environment, executions.describe(environment, arguments.execution), console)
        else:
            tables.show_all(environment, project.kinds, arguments.limit, console)


def logs(project: Project, arguments: argparse.Namespace) -> None:
    """Print the logs of an execution's jobs."""
    from mlops_kit.aws.logs import print_kept_logs, print_logs

    kinds = (arguments.kind,) if arguments.kind else project.kinds
    if arguments.environment == LOCAL:
        print_kept_logs(project.work, kinds, arguments.execution, arguments.step)
        return
    with connected(project, arguments.environment) as environment:
        print_logs(environment, kinds, arguments.execution, arguments.step)


def rerun(project: Project, arguments: argparse.Namespace) -> None:
    """Run the job of a step again on this machine, on the inputs that it had.

    Raises:
        SystemExit: with the exit code of the job, unless it is 0.
    """
    kinds = (arguments.kind,) if arguments.kind else project.kinds
    find = _kept_job if arguments.environment == LOCAL else _job_in_aws
    step, job = find(project, kinds, arguments)
    if not arguments.as_run:
        job = job.with_script_of(project.jobs)
    print(f"{step}: {job.script}; inputs and outputs are in {job.folder}", file=sys.stderr)
    if arguments.print:
        say(job.shell_line(debugger=arguments.pdb))
    elif code := job.run(debugger=arguments.pdb):
        raise SystemExit(code)


def _kept_job(project: Project, kinds: Sequence[str], arguments: argparse.Namespace) -> tuple[str, Job]:
    """The job of a local step: as it was kept, or made again where its inputs have been removed."""
    from mlops_kit.runner import kept, rerun

    record = kept.find_execution(project.work, kinds, arguments.execution)
    name = arguments.step or _only([step.name for step in record.failed_steps if step.log], record.arn)
    step, folder = kept.find_step(record, name), project.work / "rerun" / name
    job = rerun.kept_job(project.work / "executions" / record.pipeline / record.id / name)
    if job:
        return name, rerun.copied(job, folder)
    if step.type not in rerun.RUN_INSTANCE:
        raise UserError(f"{name} is a {step.type} step; only a Processing or a Training step is run again")
    try:
        with connected(project, LOCAL) as environment:
            return name, rerun.job_of_request(name, step.type, step.result, environment.client("s3"), folder)
    except UserError as error:
        raise UserError(
            f"{name} has not failed, so its inputs were removed, and they cannot be downloaded again: {error}"
        ) from error


def _job_in_aws(project: Project, kinds: Sequence[str], arguments: argparse.Namespace) -> tuple[str, Job]:
    """The job of a step in AWS, with its inputs downloaded."""
    from mlops_kit.aws.jobs import job_request
    from mlops_kit.aws.logs import latest_of
    from mlops_kit.runner import rerun

    with connected(project, arguments.environment) as environment:
        given = arguments.execution
        execution = executions.describe(environment, given) if given else latest_of(environment, kinds)
        failed = [step.name for step in execution.steps if step.status == "Failed"]
        name = arguments.step or _only(failed, execution.arn)
        kind, request = job_request(environment, execution.arn, name)
        folder = project.work / "rerun" / name
        return name, rerun.job_of_request(name, kind, request, environment.client("s3"), folder)


def _only(failed: Sequence[str], execution: str) -> str:
    """The failed step.

    Raises:
        UserError: none failed, so one must be named.
    """
    if not failed:
        raise UserError(f"no job of {execution} failed; name a step with --step")
    return failed[0]


def delete(project: Project, arguments: argparse.Namespace) -> None:
    """Delete the pipelines, and with --with-models, the models."""
    from mlops_kit.aws import deletion

    with connected(project, arguments.environment) as environment:
        deletion.delete(
            environment,
            project.kinds,
            arguments.confirm,
            with_models=arguments.with_models,
            stop=arguments.stop,
            say=say,
        )
