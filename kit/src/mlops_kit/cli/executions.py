"""start, status, logs, delete."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from mlops_jobs.contract import load_contract
from mlops_jobs.errors import ContractError, UserError
from mlops_jobs.split_rule import BY_ROW, SplitRule
from mlops_kit.aws import executions
from mlops_kit.aws.environment import LOCAL, Environment
from mlops_kit.cli.connection import connected
from mlops_kit.cli.main import parse_parameters
from mlops_kit.project import Project

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
    from mlops_kit.aws.logs import print_logs

    with connected(project, arguments.environment) as environment:
        kinds = (arguments.kind,) if arguments.kind else project.kinds or _kinds_run_locally(environment, project)
        print_logs(environment, project.work, kinds, arguments.execution, arguments.step)


def _kinds_run_locally(environment: Environment, project: Project) -> tuple[str, ...]:
    """The pipelines of a folder that defines none: those that `mlops local run` has run here."""
    prefix, folder = environment.pipeline_name(""), project.work / "executions"
    names = sorted(path.name for path in folder.glob(f"{prefix}*")) if environment.name == LOCAL else []
    return tuple(name.removeprefix(prefix) for name in names)


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
