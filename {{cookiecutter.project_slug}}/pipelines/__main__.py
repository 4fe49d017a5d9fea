"""python -m pipelines: compile and check the definitions, deploy, start and delete them, decide on their models.

Each command imports what it needs when it runs: the SDK alone takes seconds, and most commands do without it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipelines import ROOT

from errors import JobError, run_job  # isort: skip - importing pipelines puts jobs/ on the path

from pipelines.environment import Environment, load_environment
from pipelines.settings import KINDS

CHANGED = 2  # the exit code of `diff --exit-code`


def compile_definitions(arguments: argparse.Namespace) -> None:
    """Write the definitions."""
    from pipelines.compiled import write_compiled

    for kind, path in write_compiled(arguments.output, ROOT).items():
        print(f"{kind}: {path} ({path.stat().st_size / 1024:.0f} KB)")


def check(arguments: argparse.Namespace, environment: Environment | None = None) -> None:
    """Check config/events.yaml, infra/envs/, and the definitions as they are compiled or as they would be deployed."""
    from pipelines import aws
    from pipelines.backends import check_backends
    from pipelines.compiled import compile_all
    from pipelines.deployment import find_faults, wanted_pipelines
    from pipelines.events import check_events
    from pipelines.lineage import read_lineage

    check_events(ROOT)
    check_backends(ROOT)
    if environment is None:
        definitions = {kind: json.loads(text) for kind, text in compile_all(ROOT).items()}
    else:
        wanted = wanted_pipelines(aws.with_key(environment), ROOT, read_lineage(ROOT))
        definitions = {pipeline.name: pipeline.definition for pipeline in wanted.values()}
    faults = find_faults(definitions)
    print("\n".join(faults) or f"nothing is wrong with {', '.join(definitions)}")
    if faults:
        sys.exit(1)


def diff(arguments: argparse.Namespace, environment: Environment | None = None) -> None:
    """Tell what a deployment would change, or what differs from definitions that were compiled elsewhere."""
    from pipelines import changes, deployment
    from pipelines.compiled import compile_all

    if environment is None:
        found = changes.compare_compiled(arguments.against, compile_all(ROOT))
    else:
        found = deployment.diff(environment, ROOT)
    print("\n\n".join(map(changes.render, found.values())))
    if arguments.exit_code and any(found.values()):
        sys.exit(CHANGED)


def deploy(arguments: argparse.Namespace, environment: Environment) -> None:
    """Deploy."""
    from pipelines import deployment

    deployment.deploy(environment, ROOT)


def start(arguments: argparse.Namespace, environment: Environment) -> None:
    """Start a pipeline."""
    from pipelines import executions

    parameters = parse_parameters(arguments.param)
    arn = executions.start(environment, arguments.kind, parameters)
    say = partial(print, flush=True)  # a log of the CI shows each line as it comes
    say(arn)
    if environment.endpoint_url is None:
        say(f"{executions.console_link(environment)} (then Pipelines, {environment.pipeline_name(arguments.kind)})")
    if arguments.wait:
        try:
            execution = executions.wait(environment, arn, say)
        except KeyboardInterrupt as interrupt:
            raise JobError("nobody waits any longer; the execution goes on, and `status` shows it") from interrupt
        if execution.status != "Succeeded":
            raise JobError(f"the execution {execution.status.lower()}: {execution.reason or 'somebody stopped it'}")


def status(arguments: argparse.Namespace, environment: Environment) -> None:
    """Show executions and models."""
    from pipelines import executions
    from pipelines import status as tables

    console = tables.status_console()
    if arguments.execution:
        tables.show_one(environment, executions.describe(environment, arguments.execution), console)
    else:
        tables.show_all(environment, KINDS, arguments.limit, console)


def approve(arguments: argparse.Namespace, environment: Environment) -> None:
    """Approve a version of the model."""
    from pipelines import registry

    package = registry.to_decide(environment, arguments.version, "approve")
    print(package)
    registry.approve(environment, package.version, arguments.comment, arguments.evidence)
    if later := registry.preferred_to(environment, package):
        versions = ", ".join(str(found.version) for found in later)
        print(
            f"version {package.version} is approved, and the pipeline inference goes on with version "
            f"{later[0].version}, the latest approved one; to go back to version {package.version}, reject {versions}: "
            f"python -m pipelines reject --env {environment.name} --version {later[0].version} --comment ..."
        )
    else:
        print(f"version {package.version} is approved: the pipeline inference takes it from now on")


def reject(arguments: argparse.Namespace, environment: Environment) -> None:
    """Reject a version of the model."""
    from pipelines import registry

    package = registry.to_decide(environment, arguments.version, "reject")
    print(package)
    registry.reject(environment, package.version, arguments.comment)
    print(f"version {package.version} is rejected")


def adopt_hyperparameters(arguments: argparse.Namespace, environment: Environment) -> None:
    """Take tuned hyperparameters over into the config."""
    from pipelines import adoption

    changed = adoption.adopt_hyperparameters(environment, arguments.version, ROOT)
    for name, (old, new) in changed.items():
        print(f"{name}: {old} -> {new}")
    print(
        "config/hyperparameters.yaml is changed; commit it, and deploy"
        if changed
        else "config/hyperparameters.yaml has these values already"
    )


def delete(arguments: argparse.Namespace, environment: Environment) -> None:
    """Delete the pipelines, and the models if asked to."""
    from pipelines import deletion

    say = partial(print, flush=True)
    deletion.delete(environment, arguments.confirm, with_models=arguments.with_models, stop=arguments.stop, say=say)


def parse_parameters(texts: list[str]) -> dict[str, str]:
    """Take Name=Value texts apart.

    Raises:
        JobError: one has another form, or a name comes twice.
    """
    parameters: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise JobError(f"--param {text!r} must have the form Name=Value, for example --param MetricThreshold=2.5")
        if name in parameters:
            raise JobError(f"--param gives {name} twice; give it once")
        parameters[name] = value
    return parameters


def make_parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    parser = argparse.ArgumentParser(prog="python -m pipelines", description="Work with the project's pipelines.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, summary: str, run: Callable[..., None], where: str | None = "dev", *, or_folder: bool = False
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        places = added.add_mutually_exclusive_group()
        places.add_argument(
            "--env",
            dest="environment",
            metavar="NAME",
            default=where,
            help="a file of config/environments, or local" + (" [default: %(default)s]" if where else ""),
        )
        if or_folder:
            places.add_argument("--against", type=Path, metavar="FOLDER", help="what `compile` wrote there; offline")
        added.set_defaults(run=run)
        return added

    compiling = commands.add_parser("compile", help="write the definitions", description="Write the definitions.")
    compiling.add_argument(
        "--output", type=Path, metavar="FOLDER", default=ROOT / "build" / "pipelines", help="where to"
    )
    compiling.set_defaults(run=compile_definitions)
    command("check", "check the definitions, or with --env what would be deployed", check, where=None)
    compared = command("diff", "tell what deploy would change, or a merge", diff, or_folder=True)
    compared.add_argument("--exit-code", action="store_true", help=f"end with {CHANGED} if more than lineage changes")
    command("deploy", "upload the code, create or update the pipelines", deploy)
    started = command("start", "start a pipeline", start)
    started.add_argument("kind", choices=KINDS, help="which")
    started.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter; may be repeated"
    )
    started.add_argument("--wait", action="store_true", help="until it has ended; exit code 1 unless it succeeds")
    shown = command("status", "show the latest executions and models", status)
    shown.add_argument(
        "--limit",
        type=int,
        choices=range(1, 101),
        default=1,
        metavar="N",
        help="executions of each pipeline, 1 to 100 [default: 1]",
    )
    shown.add_argument("--execution", metavar="ARN", help="only this one")
    approved = command("approve", "approve a version of the model", approve)
    approved.add_argument("--evidence", metavar="TEXT", help="the review board's record: for models of training-hpo")
    rejected = command("reject", "reject a version of the model", reject)
    for decision in (approved, rejected):
        decision.add_argument("--comment", required=True, metavar="TEXT", help="why")
    adopted = command("adopt-hyperparameters", "write tuned hyperparameters into the config", adopt_hyperparameters)
    for versioned, usual in (
        (approved, "the one that waits"),
        (rejected, "the one that waits"),
        (adopted, "the latest that is tuned and approved"),
    ):
        versioned.add_argument("--version", type=int, metavar="N", help=f"which [default: {usual}]")
    deleted = command("delete", "delete the pipelines, before the infrastructure is destroyed", delete)
    deleted.add_argument("--confirm", default="", metavar="PROJECT-NAME", help="what to delete, by its name")
    deleted.add_argument("--with-models", action="store_true", help="and every version of the model")
    deleted.add_argument("--stop", action="store_true", help="stop executions that run")
    return parser


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and do what they say.

    Raises:
        JobError: it cannot be done; the message says why, and what to do.
    """
    arguments = make_parser().parse_args(argv)
    if vars(arguments).get("environment") is None or vars(arguments).get("against"):
        arguments.run(arguments)
        return
    from pipelines import aws
    from pipelines.outputs import with_outputs

    environment = load_environment(arguments.environment, ROOT)
    with aws.in_sentences(environment):
        aws.caller(environment)  # whatever is asked or changed belongs to this account
        environment = with_outputs(environment)
    with aws.in_sentences(environment):
        arguments.run(arguments, environment)


if __name__ == "__main__":
    run_job(main)
