"""The commands of `mlops` and their arguments; the other modules of this folder implement them."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from mlops_jobs.errors import UserError, run_job
from mlops_jobs.number_text import DECIMALS, THOUSANDS
from mlops_kit import __version__
from mlops_kit.project import Project, find_root, open_project, require_same_release

Add = Callable[..., argparse.ArgumentParser]
SIGPIPE = 13


def run() -> None:
    """The entry point of the command `mlops`.

    A reader that has seen enough, like head, ends the command quietly, with the exit code of a process that SIGPIPE
    ended.
    """
    try:
        try:
            run_job(main)
        finally:
            sys.stdout.flush()  # here, where the error can still be caught
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter flushes it once more
        sys.exit(128 + SIGPIPE)


def main(argv: list[str] | None = None, root: Path | None = None) -> None:
    """Parse the arguments and run the command.

    Args:
        argv: the arguments; None for those of the process.
        root: the project; None for the one that contains the working directory.

    Raises:
        UserError: the command is refused; the message gives the reason and the remedy.
    """
    project = open_project(root or find_root(Path.cwd()))
    arguments = make_parser(project).parse_args(argv)
    require_same_release(project)
    module, _, function = arguments.command.partition(":")
    getattr(importlib.import_module(f"mlops_kit.cli.{module}"), function)(project, arguments)


def make_parser(project: Project) -> argparse.ArgumentParser:
    """All commands and their arguments."""
    parser = argparse.ArgumentParser(prog="mlops", description="Check, deploy, run and rehearse SageMaker pipelines.")
    parser.add_argument("--version", action="version", version=f"mlops {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, summary: str, target: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        added.set_defaults(command=target)
        return added

    _add_definitions(command, project)
    _add_executions(command, project)
    _add_models(command)
    _add_deletion(command)
    _add_data(command, project)
    _add_local(commands, project)
    return parser


def _add_definitions(command: Add, project: Project) -> None:
    compiling = command("compile", "write the pipeline definitions", "definitions:compile_definitions")
    default = project.root / "build" / "pipelines"
    compiling.add_argument("--output", type=Path, metavar="FOLDER", default=default, help="where to write them")
    checked = command("check", "check the configuration and the definitions, offline", "definitions:check")
    _environment(checked, default=None, help_="check what would be deployed there")
    compared = command("diff", "show what a deployment, or a merge, would change", "definitions:diff")
    _environment(compared).add_argument(
        "--against", type=Path, metavar="FOLDER", help="compare with what `mlops compile` wrote there; offline"
    )
    compared.add_argument("--exit-code", action="store_true", help="end with 2 if more than lineage would change")
    _environment(command("deploy", "upload the code, create or update the pipelines", "definitions:deploy"))


def _add_executions(command: Add, project: Project) -> None:
    started = command("start", "start a pipeline", "executions:start")
    _environment(started)
    started.add_argument("kind", choices=project.kinds or None, metavar="KIND", help=" or ".join(project.kinds))
    _parameters(started)
    started.add_argument("--wait", action="store_true", help="wait for its end; exit code 1 unless it succeeds")
    shown = command("status", "show the latest executions and model versions", "executions:status")
    _environment(shown)
    shown.add_argument(
        "--limit",
        type=int,
        choices=range(1, 101),
        default=1,
        metavar="N",
        help="executions of each pipeline, 1 to 100 [default: 1]",
    )
    logged = command("logs", "print the logs of an execution's jobs", "executions:logs")
    _environment(logged)
    logged.add_argument("kind", nargs="?", choices=project.kinds or None, metavar="KIND", help="its latest execution")
    logged.add_argument("--step", metavar="NAME", help="only this step [default: the steps that failed, else all]")
    again = command("rerun", "run the job of a step again here, on the inputs that it had", "executions:rerun")
    _environment(again)
    again.add_argument("kind", nargs="?", choices=project.kinds or None, metavar="KIND", help="its latest execution")
    again.add_argument("--step", metavar="NAME", help="the step [default: the one that failed]")
    again.add_argument("--pdb", action="store_true", help="under Python's debugger")
    again.add_argument("--print", action="store_true", help="print the command line instead of running it")
    again.add_argument("--as-run", action="store_true", help="with the script as it ran, not that in jobs/")
    for parser in (shown, logged, again):
        parser.add_argument("--execution", metavar="ARN", help="only this execution")


def _add_models(command: Add) -> None:
    pending, tuned = "the one that is pending", "the latest approved one that was tuned"
    approved = command("approve", "approve a version of the model", "models:approve")
    rejected = command("reject", "reject a version of the model", "models:reject")
    adopted = command("adopt", "write the hyperparameters of a tuned version into the config", "models:adopt")
    for parser, default in ((approved, pending), (rejected, pending), (adopted, tuned)):
        _environment(parser)
        parser.add_argument("--version", type=int, metavar="N", help=f"which [default: {default}]")
    for parser in (approved, rejected):
        parser.add_argument("--comment", required=True, metavar="TEXT", help="why")
    approved.add_argument("--evidence", metavar="TEXT", help="the review board's record: for models of training-hpo")


def _add_deletion(command: Add) -> None:
    deleted = command("delete", "delete the pipelines, before the infrastructure is destroyed", "executions:delete")
    _environment(deleted)
    deleted.add_argument("--confirm", default="", metavar="NAME", help="<project>-<environment>, to confirm")
    deleted.add_argument("--with-models", action="store_true", help="delete every version of the model, too")
    deleted.add_argument("--stop", action="store_true", help="stop running executions first")


def _add_data(command: Add, project: Project) -> None:
    data = command("data", "import a file of labelled rows, or write sample data", "data:data")
    data.add_argument("file", nargs="?", type=Path, metavar="FILE", help="CSV, gzip of it, Parquet or JSON lines")
    data.add_argument("--sample", action="store_true", help="write sample data that fits the contract instead")
    data.add_argument("--force", action="store_true", help="with --sample: replace existing data")
    data.add_argument("--target", metavar="COLUMN", help="the column to predict, if it is not the contract's")
    data.add_argument("--id", metavar="COLUMN", help="the column that identifies a row; none for none")
    data.add_argument(
        "--delimiter", metavar="MARK", help="between the cells, for example ; or tab [default: found out]"
    )
    header = "whether the first row holds the names [default: found out]"
    data.add_argument("--header", action=argparse.BooleanOptionalAction, help=header)
    data.add_argument("--decimal", choices=DECIMALS, help="the decimal mark [default: found out]")
    marks = ("", *THOUSANDS)
    data.add_argument("--thousands", choices=marks, help="the mark between thousands, or '' [default: found out]")
    data.add_argument("--format", help="of dates whose day and month may be either, such as %%d/%%m/%%Y")
    data.add_argument("--distinct-classes", action="store_true", help="keep classes such as True and TRUE apart")
    data.add_argument("--accept", action="store_true", help="accept the proposed contract without asking")
    data.add_argument("--contract", type=Path, default=project.contract, help="the data contract")
    data.add_argument("--data", type=Path, default=project.data, metavar="FOLDER", help="where the files are written")


def _add_local(commands: argparse._SubParsersAction[argparse.ArgumentParser], project: Project) -> None:
    local = commands.add_parser("local", help="the local cloud: AWS's API on this machine")
    locals_ = local.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, summary: str, target: str) -> argparse.ArgumentParser:
        added = locals_.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        added.set_defaults(command=target)
        return added

    started = command("up", "start the local cloud, with the project's pipelines and data", "local:up")
    started.add_argument("--infra", action="store_true", help="apply the project's infrastructure; needs terraform")
    command("down", "stop the local cloud", "local:down")
    demo = command("demo", "rehearse the life cycle of a model, from training to retuning", "rehearsal:demo")
    demo.add_argument("--threshold", type=float, help="the metric's threshold, instead of the contract's")
    demo.add_argument("--no-infra", dest="infra", action="store_false", help="without the project's infrastructure")
    uploaded = command("upload", "upload data, which may start pipelines", "local:upload")
    uploaded.add_argument("what", nargs="+", choices=("training", "inference", "labels"), help="which data")
    command("report", "write the report page, and print its path", "local:report")
    ran = command("run", "run any SageMaker pipeline definition", "local:run")
    ran.add_argument("definition", type=Path, metavar="DEFINITION.json", help="the definition, as the SDK writes it")
    _parameters(ran)
    ran.add_argument(
        "--upload",
        action="append",
        default=[],
        metavar="PATH=S3URI",
        help="a file or folder to upload first; may be repeated",
    )


def _environment(
    parser: argparse.ArgumentParser, default: str | None = "dev", help_: str = "a file of config/environments, or local"
) -> argparse._MutuallyExclusiveGroup:
    group = parser.add_mutually_exclusive_group()
    shown = f"{help_} [default: {default}]" if default else help_
    group.add_argument("--env", dest="environment", metavar="NAME", default=default, help=shown)
    return group


def _parameters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a pipeline parameter; may be repeated"
    )


def parse_parameters(texts: list[str], option: str = "--param", example: str = "MetricThreshold=2.5") -> dict[str, str]:
    """Split NAME=VALUE texts.

    Raises:
        UserError: one has another form, or a name occurs twice.
    """
    parameters: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UserError(f"{option} {text!r} must have the form NAME=VALUE, for example {option} {example}")
        if name in parameters:
            raise UserError(f"{option} sets {name} twice; set it once")
        parameters[name] = value
    return parameters
