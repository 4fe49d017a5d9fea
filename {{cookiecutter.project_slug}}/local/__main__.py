"""python -m local ...: the AWS of this machine, and data for it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from local import ROOT

from contract import load_contract  # isort: skip - importing local puts jobs/ on the path
from errors import JobError, run_job  # isort: skip

from local.data_files import FOLDERS, data_files, upload_data
from local.own_data import adopt
from local.sample import write_sample
from pipelines.environment import LOCAL, Environment, load_environment

LOOK = "To see what came of it: python -m local status; as a page: python -m local report"


def tell_story(arguments: argparse.Namespace) -> None:
    """Tell the whole life of a model."""
    from local.story import tell

    tell(ROOT, arguments.threshold, infrastructure=arguments.infra)


def up(arguments: argparse.Namespace) -> None:
    """Start the local cloud, bring everything there, and print how to reach it."""
    from local import daemon
    from local.account import put_functions
    from local.infrastructure import require_terraform
    from pipelines.deployment import deploy
    from pipelines.outputs import with_outputs

    if arguments.infra:
        require_terraform(ROOT)
    _say("The local cloud was started." if daemon.start(ROOT, arguments.infra) else "The local cloud was up already.")
    environment = load_environment(LOCAL, ROOT)
    _make_sample(arguments)
    if daemon.has_infrastructure(ROOT):
        _bring_infrastructure(environment)
        _say("Data starts what it is for when it comes: python -m local upload training")
        _say(LOOK)
    else:
        _upload(arguments, environment, tuple(FOLDERS.values()))
        put_functions(environment, ROOT)
    deploy(with_outputs(environment), ROOT, say=_say)
    daemon.note_deployed(ROOT)
    _say('For other programs, or all at once with: eval "$(python -m local up)"')
    for name, value in _variables(environment).items():
        print(f"export {name}={shlex.quote(value)}")


def upload(arguments: argparse.Namespace) -> None:
    """Upload data files; with the infrastructure, that starts the pipelines that they are for."""
    from local import daemon

    environment = _environment()
    _make_sample(arguments)
    _upload(arguments, environment, arguments.what)
    if daemon.has_infrastructure(ROOT):
        _say(LOOK)
        return
    kinds = dict.fromkeys("training" if what == "training" else "inference" for what in arguments.what)
    commands = ", ".join(f"python -m local run {kind}" for kind in kinds)
    _say(f"Without the infrastructure nothing starts by itself; to start it: {commands}")


def run(arguments: argparse.Namespace) -> None:
    """Start a pipeline and follow it to its end."""
    from local import daemon
    from local.follow import follow
    from local.report import report_on
    from pipelines import executions
    from pipelines.__main__ import parse_parameters

    environment = _environment()
    if daemon.has_changed(ROOT):
        _say("Your files differ from what is deployed, which runs now; bring them there with: python -m local up")
    arn = executions.start(environment, arguments.kind, parse_parameters(arguments.param))
    record = follow(environment, arn, ROOT / ".local")
    for step in record["steps"]:
        if step["status"] == "Failed" and step["log"]:
            _say(f"The log of {step['name']}: {ROOT / '.local' / step['log']}")
    _say(f"The page: {report_on(environment, ROOT / '.local')}")
    if record["status"] != "Succeeded":
        sys.exit(1)


def status(arguments: argparse.Namespace) -> None:
    """Show executions and models."""
    from pipelines import status as tables
    from pipelines.settings import KINDS

    tables.show_all(_environment(), KINDS, arguments.limit, tables.status_console())


def report(arguments: argparse.Namespace) -> None:
    """Write the page of what has happened so far, and print where it is."""
    from local.report import report_on

    print(report_on(_environment(), ROOT / ".local"))


def decide(arguments: argparse.Namespace) -> None:
    """Approve or reject a version of the model."""
    from pipelines import registry

    environment = _environment()
    if arguments.command == "approve":
        package = registry.approve(environment, arguments.version, arguments.comment, arguments.evidence)
    else:
        package = registry.reject(environment, arguments.version, arguments.comment)
    print(f"version {package.version} of {environment.model_package_group} is {package.status}")


def down(arguments: argparse.Namespace) -> None:
    """Stop the local cloud, if it is up."""
    from local import daemon

    if daemon.is_up(ROOT):
        daemon.stop(ROOT)
        print("The local cloud is down; what its executions left is in .local/")
    else:
        daemon.tidy(ROOT)
        print("The local cloud is not up.")


def sample(arguments: argparse.Namespace) -> None:
    """Make sample data."""
    if data_files(arguments.data) and not arguments.force:
        raise JobError(f"{arguments.data} holds data already; to replace it: make sample FORCE=yes")
    write_sample(load_contract(arguments.contract), arguments.data)
    print(f"wrote training-data.csv, inference-data.csv and ground-truth.csv into {arguments.data}")


def own_data(arguments: argparse.Namespace) -> None:
    """Take a person's own data."""
    adopt(
        arguments.csv,
        contract_path=arguments.contract,
        data=arguments.data,
        target=arguments.target,
        id_column=arguments.id,
        accept=arguments.accept,
    )


def _make_sample(arguments: argparse.Namespace) -> None:
    if not data_files(arguments.data):
        _say(f"No data in {arguments.data} yet: making a sample that fits the contract.")
        write_sample(load_contract(arguments.contract), arguments.data)


def _bring_infrastructure(environment: Environment) -> None:
    """Apply the infrastructure, unless nothing has changed since it was applied last."""
    from rich.console import Console

    from local.infrastructure import Infrastructure

    made = Infrastructure(environment, ROOT, ROOT / ".local")
    if made.is_current:
        _say(
            "The infrastructure is there already, as infra/, config/ and lambdas/ say; what was changed by hand in the "
            "cloud stays so: to make it anew, python -m local down, and then python -m local up --infra"
        )
        return
    made.prepare()
    made.apply_on(Console(stderr=True))


def _upload(arguments: argparse.Namespace, environment: Environment, what: Sequence[str]) -> None:
    for uri in upload_data(arguments.data, environment.client("s3"), environment.bucket, what):
        _say(f"uploaded {uri}")


def _environment() -> Environment:
    """The local cloud's environment.

    Raises:
        JobError: it is not up.
    """
    from local import daemon

    daemon.require(ROOT)
    return load_environment(LOCAL, ROOT)


def _variables(environment: Environment) -> dict[str, str]:
    """With these, the AWS CLI and every SDK speak to the local cloud."""
    return {
        "AWS_ENDPOINT_URL": environment.endpoint_url or "",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": environment.region,
        "AWS_DEFAULT_REGION": environment.region,
    }


def _say(text: str) -> None:
    """Tell a person, and not the shell that reads standard output."""
    print(text, file=sys.stderr)


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments and do what they say."""
    arguments = _parser().parse_args(argv)
    arguments.do(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="Work with the project on this machine.")
    parser.add_argument("--contract", type=Path, default=ROOT / "config" / "dataset.yaml", help="the data contract")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder of the three CSV files")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_cloud(commands)
    _add_data(commands)
    return parser


def _add_cloud(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    story = commands.add_parser("story", aliases=["local"], help="tell the whole life of a model, start to end")
    story.add_argument("--threshold", type=float, help="of the metric, instead of the contract's")
    story.add_argument(
        "--no-infra", dest="infra", action="store_false", help="start the pipelines by hand, without Terraform"
    )
    story.set_defaults(do=tell_story)
    ups = commands.add_parser("up", help="start the local cloud with pipelines and data")
    ups.add_argument("--infra", action="store_true", help="with the project's infrastructure, which needs terraform")
    ups.set_defaults(do=up)
    uploads = commands.add_parser("upload", help="upload data there, which may start pipelines")
    uploads.add_argument("what", nargs="+", choices=[*FOLDERS.values()], help="which data")
    uploads.set_defaults(do=upload)
    runs = commands.add_parser("run", help="run a pipeline there, and follow it")
    runs.add_argument("kind", choices=["training", "training-hpo", "inference"])
    runs.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter; may be repeated")
    runs.set_defaults(do=run)
    shows = commands.add_parser("status", help="show executions and models")
    shows.add_argument("--limit", type=int, default=3, help="executions of each pipeline")
    shows.set_defaults(do=status)
    reports = commands.add_parser("report", help="write the page of what has happened so far, and print where it is")
    reports.set_defaults(do=report)
    for verb in ("approve", "reject"):
        decides = commands.add_parser(verb, help=f"{verb} a version of the model")
        decides.add_argument("version", type=int, nargs="?", help="its number; the latest that waits unless given")
        decides.add_argument("--comment", default="", help="why")
        if verb == "approve":
            decides.add_argument("--evidence", help="the review board's record, for a model with tuned hyperparameters")
        decides.set_defaults(do=decide)
    commands.add_parser("down", help="stop the local cloud").set_defaults(do=down)


def _add_data(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    samples = commands.add_parser("sample", help="make sample data that fits the contract")
    samples.add_argument("--force", action="store_true", help="in place of the data that is there")
    samples.set_defaults(do=sample)
    own = commands.add_parser("data", help="take your own CSV file: check it, propose a contract, write the data")
    own.add_argument("csv", type=Path, help="a CSV file of labelled rows")
    own.add_argument("--target", help="the column to predict, where the contract does not fit")
    own.add_argument("--id", help="the column that names a row; empty for none")
    own.add_argument("--accept", action="store_true", help="take the proposed contract without asking")
    own.set_defaults(do=own_data)


if __name__ == "__main__":
    run_job(main)
