"""local up, down, upload, report, run."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from mlops_jobs.contract import load_contract
from mlops_kit.aws.environment import LOCAL, Environment, load_environment
from mlops_kit.cli.main import parse_parameters
from mlops_kit.data.data_files import FOLDERS, data_files, put_markers, upload_data
from mlops_kit.local_cloud import daemon
from mlops_kit.project import Project

SEE_RESULTS = "To see the results: mlops status --env local; as a page: mlops local report"


def up(project: Project, arguments: argparse.Namespace) -> None:
    """Start the local cloud, deploy the project there, and print how to reach it."""
    from mlops_kit.local_cloud.infrastructure import require_terraform

    if arguments.infra:
        require_terraform(project.root)
    started = daemon.start(project.root, arguments.infra)
    _say("The local cloud was started." if started else "The local cloud was up already.")
    environment = load_environment(LOCAL, project.root)
    if project.pipelines:
        _deploy(project, environment)
    _say('For other programs, or all at once with: eval "$(mlops local up)"')
    for name, value in _variables(environment).items():
        print(f"export {name}={shlex.quote(value)}")


def _deploy(project: Project, environment: Environment) -> None:
    """Deploy functions or infrastructure, data and pipelines to the local cloud."""
    from mlops_kit.aws.deployment import deploy
    from mlops_kit.aws.terraform_outputs import with_outputs
    from mlops_kit.local_cloud.account import put_functions

    _make_sample(project)
    if daemon.has_infrastructure(project.root):
        _apply_infrastructure(project, environment)
        _say("Uploaded data starts its pipeline: mlops local upload training")
        _say(SEE_RESULTS)
    else:
        _upload(project, environment, tuple(FOLDERS.values()))
        put_functions(environment, project.root)
    deploy(with_outputs(environment), project.root, say=_say)
    daemon.note_deployed(project.root)


def upload(project: Project, arguments: argparse.Namespace) -> None:
    """Upload data files; with the infrastructure, that starts the pipelines that read them."""
    environment = _running(project)
    _make_sample(project)
    _upload(project, environment, arguments.what)
    if daemon.has_infrastructure(project.root):
        _say(SEE_RESULTS)
        return
    kinds = dict.fromkeys("training" if what == "training" else "inference" for what in arguments.what)
    commands = ", ".join(f"mlops start {kind} --env local" for kind in kinds)
    _say(f"Without the infrastructure, data starts no pipeline; to start it: {commands}")


def report(project: Project, arguments: argparse.Namespace) -> None:
    """Write the report page, and print its path."""
    from mlops_kit.report.build import report_on

    print(report_on(_running(project), project.work))


def down(project: Project, arguments: argparse.Namespace) -> None:
    """Stop the local cloud, if it is up."""
    if daemon.is_up(project.root):
        daemon.stop(project.root)
        print("The local cloud is down; the results of its executions are in .local/")
    else:
        daemon.tidy(project.root)
        print("The local cloud is not up.")


def run(project: Project, arguments: argparse.Namespace) -> None:
    """Run a pipeline definition, in the local cloud that is up or in one for this run."""
    from mlops_kit.local_cloud.standalone import run_definition

    uploads = parse_parameters(arguments.upload, "--upload", "data=s3://bucket/prefix")
    run_definition(project, arguments.definition, parse_parameters(arguments.param), uploads)


def _make_sample(project: Project) -> None:
    from mlops_kit.data.sample import write_sample

    if not data_files(project.data):
        _say(f"No data in {project.data} yet: writing sample data that fits the contract.")
        write_sample(load_contract(project.contract), project.data)


def _apply_infrastructure(project: Project, environment: Environment) -> None:
    """Apply the infrastructure, unless it has not changed since it was last applied."""
    from rich.console import Console

    from mlops_kit.local_cloud.infrastructure import Infrastructure

    infrastructure = Infrastructure(environment, project.root, project.work)
    if infrastructure.is_current:
        _say(
            "The infrastructure is applied already, and infra/, config/ and lambdas/ have not changed since; to apply "
            "it anew: mlops local down, then mlops local up --infra"
        )
        return
    infrastructure.prepare()
    infrastructure.apply_on(Console(stderr=True))


def _upload(project: Project, environment: Environment, what: Sequence[str]) -> None:
    rule = load_contract(project.contract).split
    for uri in upload_data(project.data, environment.client("s3"), environment.bucket, what, rule):
        _say(f"uploaded {uri}")
    put_markers(environment, [FOLDERS[path.name] for path in data_files(project.data) if FOLDERS[path.name] in what])


def _running(project: Project) -> Environment:
    """The local cloud's environment; raises UserError if it is not up."""
    daemon.require(project.root)
    return load_environment(LOCAL, project.root)


def _variables(environment: Environment) -> dict[str, str]:
    """Environment variables with which the AWS CLI and every SDK use the local cloud."""
    return {
        "AWS_ENDPOINT_URL": environment.endpoint_url or "",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": environment.region,
        "AWS_DEFAULT_REGION": environment.region,
        "SAGEMAKER_VALIDATE_ROLE": "false",  # the SDK would simulate IAM policies, which the local cloud cannot
    }


def _say(text: str) -> None:
    """Print to standard error: the shell may evaluate standard output."""
    print(text, file=sys.stderr)
