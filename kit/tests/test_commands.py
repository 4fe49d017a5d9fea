"""`mlops` does what its help promises, quickly, and reports what it cannot do in one sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from botocore import exceptions

import mlops_kit
from example import TREE
from mlops_jobs.errors import UserError
from mlops_kit.aws import executions
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.refusals import in_sentences
from mlops_kit.aws.terraform_outputs import with_outputs
from mlops_kit.cli import connection
from mlops_kit.cli import main as commands
from mlops_kit.definition import compile
from mlops_kit.project import open_project
from moto_cloud import own_copy, register_model, tell

Run = Callable[..., str]


@pytest.fixture
def root(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that the test may change, in the working directory."""
    copy = own_copy(project, tmp_path / "project")
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def run(
    environment: Environment, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command in the environment `dev`, and return what it prints."""
    monkeypatch.setattr(connection, "load_environment", lambda name, root: {"dev": environment}[name])

    def run(*arguments: str) -> str:
        capsys.readouterr()
        commands.main(list(arguments))
        return capsys.readouterr().out

    return run


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# the commands


def test_from_a_compiled_definition_to_an_approved_model(
    run: Run, environment: Environment, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch)
    assert re.search(r"training-hpo: \S+training-hpo.json \(\d+ KB\)", run("compile", "--output", str(root / "out")))
    assert run("check") == "no faults in training, training-hpo, inference\n"
    assert "no faults in flats" in run("check", "--env", "dev")
    assert run("diff").count("would be created") == 3
    assert run("deploy").count("created flats") == 3
    assert run("deploy").count("unchanged flats") == 3
    assert run("diff", "--exit-code").count("unchanged") == 3
    edit(root / "config" / "hyperparameters.yaml", "eta: 0.05", "eta: 0.1")
    with pytest.raises(SystemExit, match="2"):
        run("diff", "--exit-code")
    assert '`HyperParameters.eta`: `"0.05"` -> `"0.1"`' in run("diff")
    arn = run("start", "training", "--param", "MetricThreshold=2.5", "--wait").strip()
    assert f"pipeline/{environment.project}-dev-training/execution/" in arn
    register_model(environment)
    assert run("approve", "--comment", "good") == (
        "version 1, from training, rmse 2.1\nversion 1 is approved: the inference pipeline uses it from now on\n"
    )
    with pytest.raises(UserError, match="nothing to approve"):
        run("approve", "--comment", "good")
    shown = run("status")
    assert arn.rpartition("/")[2] in shown
    assert re.search(r"version 1 +Approved .* good", shown)
    assert arn in run("status", "--execution", arn)
    assert run("reject", "--version", "1", "--comment", "not good") == (
        "version 1, from training, rmse 2.1\nversion 1 is rejected\n"
    )


def test_pipelines_are_deleted_after_confirmation(run: Run, environment: Environment) -> None:
    run("deploy")
    with pytest.raises(UserError, match="nothing was deleted, because it is not confirmed"):
        run("delete")
    assert run("delete", "--confirm", f"{environment.project}-dev").count(f"deleted {environment.project}-dev-") == 3


def test_approving_an_older_version_than_the_approved_one_explains_that_inference_does_not_change(
    run: Run, environment: Environment
) -> None:
    for _ in range(4):
        register_model(environment)
    for version in ("3", "4", "1"):
        printed = run("approve", "--version", version, "--comment", "good")
    assert printed == (
        "version 1, from training, rmse 2.1\n"
        "version 1 is approved; the inference pipeline still uses version 4, the latest approved one; to return "
        "to version 1, reject 4, 3: mlops reject --env dev --version 4 --comment ...\n"
    )
    for version in ("4", "3"):
        run("reject", "--version", version, "--comment", "not good")
    assert "uses it from now on" in run("approve", "--comment", "good"), "version 2, the only pending one"


def test_a_version_is_shown_before_it_is_approved(
    run: Run, environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    register_model(environment, {"kind": "training-hpo", "value": "1.9"})
    with pytest.raises(UserError, match="the review board decides"):
        run("approve", "--comment", "good")
    assert capsys.readouterr().out == "version 1, from training-hpo, rmse 1.9\n"


COMMANDS = {
    "check": [],
    "diff": [],
    "deploy": [],
    "start": ["training"],
    "status": [],
    "logs": [],
    "rerun": [],
    "approve": ["--comment", "good"],
    "reject": ["--comment", "not good"],
    "adopt": [],
    "delete": [],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_credentials_of_another_account_stop_every_command(
    run: Run, environment: Environment, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(connection, "load_environment", lambda *_: replace(environment, account_id="999999999999"))
    with pytest.raises(
        UserError, match=r"belong to the account 123456789012, and config/environments/dev.yaml names 9+"
    ):
        run(command, "--env", "dev", *COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_the_same_options_and_defaults_in_the_local_cloud_as_in_aws(project: Path, command: str) -> None:
    parser = commands.make_parser(open_project(project))
    required = COMMANDS[command]
    dev = vars(parser.parse_args([command, *required, "--env", "dev"]))
    local = vars(parser.parse_args([command, *required, "--env", "local"]))
    assert {**dev, "environment": "local"} == local
    default = None if command == "check" else "dev"  # without an environment, `check` is offline
    assert vars(parser.parse_args([command, *required]))["environment"] == default


def test_every_command_that_works_with_an_environment_is_among_them(project: Path) -> None:
    parser = commands.make_parser(open_project(project))
    [verbs] = [action.choices for action in parser._actions if isinstance(action.choices, dict)]
    assert {name for name, verb in verbs.items() if "--env " in verb.format_help()} == set(COMMANDS)


def test_every_command_that_a_message_or_a_document_names_exists(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Path(mlops_kit.__file__).parent
    folders = [source, *(TREE / name for name in ("pipelines", "lambdas", "docs", "config")), project / "pipelines"]
    paths = [TREE / "README.md", *(path for folder in folders for path in folder.rglob("*.*"))]
    texts = [path.read_text(encoding="utf-8") for path in paths if path.suffix in (".py", ".md", ".yaml")]
    joined = "\n".join(re.sub(r'"\s+f?"', "", text) for text in texts)  # as Python joins the parts of a string
    named = set(re.findall(r"\bmlops +(?!command\b)((?:local +)?[a-z]+)\b([^\n\"`,;|]*)", joined)) - {("local", "")}
    assert {command for command, _ in named} >= {"approve", "reject", "start", "deploy", "local up"}
    for command, rest in named:
        with pytest.raises(SystemExit, match="0"):
            commands.make_parser(open_project(project)).parse_args([*command.split(), "--help"])
        help_ = capsys.readouterr().out
        assert [option for option in re.findall(r"--[a-z-]+", rest) if option not in help_] == [], command


def test_check_calls_the_projects_own_features_on_its_data(run: Run, root: Path) -> None:
    (root / "data").mkdir()
    columns = "length,diameter,height,whole_weight,shucked_weight,viscera_weight,shell_weight,sex,rings"
    rows = "".join(f"{row},1,1,1,1,1,1,M,{row}\n" for row in range(30))
    (root / "data" / "training-data.csv").write_text(f"{columns}\n{rows}")
    added = "  - {name: twice, role: numeric, source: features}"
    edit(root / "config" / "dataset.yaml", "\ncolumns:", f"\ncolumns:\n{added}\n#")
    with pytest.raises(UserError, match="add_features returned the columns , and the contract declares twice"):
        run("check")
    source = 'import pandas as pd\ndef add_features(batch):\n    return pd.DataFrame({"twice": batch["length"] * 2})\n'
    (root / "jobs" / "features.py").write_text(source)
    assert "no faults" in run("check")


def test_outside_a_project_check_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"is not a project: no pyproject.toml here or above"):
        run("check")


def test_tuned_hyperparameters_are_adopted_once(run: Run, environment: Environment) -> None:
    register_model(environment, {"kind": "training-hpo", "hp_eta": "0.071"})
    run("approve", "--comment", "good", "--evidence", "minutes of 21 November")
    adopt = ("adopt", "--env", "dev")
    assert run(*adopt) == "eta: 0.05 -> 0.071\nconfig/hyperparameters.yaml is changed; commit it and deploy\n"
    assert run(*adopt) == "config/hyperparameters.yaml has these values already\n"


def test_what_a_merge_would_change_is_shown_without_aws(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Environment, "client", Mock(side_effect=AssertionError("AWS was asked")))
    before = tmp_path / "before"
    commands.main(["compile", "--output", str(before)])
    edit(root / "config" / "hyperparameters.yaml", "eta: 0.05", "eta: 0.1")
    (before / "inference.json").unlink()
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        commands.main(["diff", "--against", str(before), "--exit-code"])
    assert capsys.readouterr().out == (
        "## training\n\n"
        "- changed step `Train`\n"
        '  - `HyperParameters.eta`: `"0.05"` -> `"0.1"`\n\n'
        "## training-hpo\n\nunchanged\n\n"
        "## inference\n\n- does not exist yet: would be created\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"has none of training.json, .*; write them in the other checkout with: .* compile --output /"),
        ("{", r"training.json: is not a definition \(.*\); compile it again"),
    ],
)
def test_a_folder_without_definitions_is_refused(root: Path, tmp_path: Path, text: str | None, message: str) -> None:
    if text:
        (tmp_path / "training.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        commands.main(["diff", "--against", str(tmp_path)])


def test_diff_takes_an_environment_or_a_folder_and_not_both(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        commands.main(["diff", "--env", "prod", "--against", "before"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_command_reads_the_outputs_of_terraform_once(
    run: Run, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssm, path = environment.client("ssm"), f"/mlops/{environment.project}/dev"
    ssm.put_parameter(Name=f"{path}/bucket", Type="String", Value=environment.bucket)
    bare = replace(environment, bucket="derived", derived=("bucket",))
    monkeypatch.setattr(connection, "load_environment", lambda *_: bare)
    reading = Mock(side_effect=with_outputs)
    monkeypatch.setattr("mlops_kit.cli.connection.with_outputs", reading)
    assert f"s3://{environment.bucket}/code/" in run("deploy")
    assert reading.call_count == 1


def test_a_definition_with_a_fault_fails_the_check(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = compile.compile_all(root)["training"].replace('"Type": "Processing"', '"Type": "Procesing"')
    monkeypatch.setattr(compile, "compile_all", lambda root: {"training": text})
    with pytest.raises(SystemExit, match="1"):
        run("check")
    assert re.search(r"^training: Preprocess: .*Procesing", capsys.readouterr().out)


def test_a_failed_execution_fails_the_command_that_waits_for_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("deploy")
    tell(monkeypatch, status="Failed", reason="the step Train failed")
    with pytest.raises(UserError, match="the execution failed: the step Train failed"):
        run("start", "training", "--wait")


def test_interrupting_the_wait_does_not_stop_the_execution(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("deploy")
    monkeypatch.setattr(executions, "wait", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(UserError, match="the execution continues, and `mlops status` shows it"):
        run("start", "training", "--wait")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["MetricThreshold"], r"--param 'MetricThreshold' must have the form NAME=VALUE"),
        (["=3"], r"--param '=3' must have the form NAME=VALUE"),
        (["A=1", "A=2"], r"--param sets A twice; set it once"),
    ],
)
def test_a_parameter_in_another_form_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        commands.parse_parameters(texts)


def test_what_follows_the_first_equals_sign_is_the_value() -> None:
    assert commands.parse_parameters(["Uri=s3://a/b=c", "Empty="]) == {"Uri": "s3://a/b=c", "Empty": ""}


def test_the_link_to_the_console_depends_on_region_and_partition(environment: Environment) -> None:
    assert executions.console_link(environment) == (
        "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/studio-landing"
    )
    assert "//cn-north-1.console.amazonaws.cn/" in executions.console_link(replace(environment, region="cn-north-1"))


def test_commands_that_do_not_compile_do_not_import_the_sdk(environment: Environment, run: Run, project: Path) -> None:
    run("deploy")
    register_model(environment)
    program = """
import json, sys
import mlops_kit.cli.connection as connection
import mlops_kit.cli.main as commands
from mlops_kit.aws.environment import Environment

environment = Environment(**json.loads(sys.argv[1]))
connection.load_environment = lambda *_: environment
commands.main(["start", "training"])
commands.main(["approve", "--comment", "good"])
try:
    commands.main(["--help"])
finally:
    slow = {"sagemaker", "numpy", "pandas", "sklearn", "pyarrow"} & set(sys.modules)
    assert not slow, slow
"""
    facts = json.dumps(asdict(environment))
    finished = subprocess.run([sys.executable, "-c", program, facts], cwd=project, capture_output=True, text=True)
    assert "version 1 is approved" in finished.stdout
    assert "adopt" in finished.stdout
    assert finished.stderr == ""


# errors


def test_an_error_is_a_sentence_and_exit_code_1(project: Path) -> None:
    command = [sys.executable, "-m", "mlops_kit", "approve", "--env", "prod", "--comment", "good"]
    finished = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert finished.returncode == 1
    assert finished.stderr == ("error: there is no environment 'prod' in config/environments/; there are dev, local\n")


def test_a_missing_bucket_is_named_with_the_remedy(
    run: Run, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = replace(environment, bucket=f"{environment.project}-lost")
    monkeypatch.setattr(connection, "load_environment", lambda *_: lost)
    with pytest.raises(UserError) as refused:
        run("deploy")
    assert str(refused.value) == (
        f"there is no bucket {lost.bucket} in the account 123456789012; apply the infrastructure first, which "
        "creates it (docs/infrastructure.md), or set another as bucket in config/environments/dev.yaml"
    )


def test_without_credentials_a_person_is_asked_to_sign_in(
    run: Run, environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(connection, "load_environment", lambda *_: replace(environment, endpoint_url=None))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UserError, match=r"no usable AWS credentials .* for example with: aws sso login"):
        run("start", "training")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UserError, match=r"no usable AWS credentials .*nobody"):
        run("status")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("local", "start it with: mlops local up"), ("dev", "the region eu-west-1 in config/environments/dev.yaml")],
)
def test_where_nothing_answers_that_is_said(
    run: Run, environment: Environment, monkeypatch: pytest.MonkeyPatch, name: str, remedy: str
) -> None:
    silent = replace(environment, name=name, endpoint_url="http://127.0.0.1:9")
    monkeypatch.setattr(connection, "load_environment", lambda *_: silent)
    with pytest.raises(UserError, match=rf"{name} does not answer \(.*127.0.0.1:9.*\); .*{remedy}"):
        run("status")


@pytest.mark.parametrize(
    ("code", "message", "report"),
    [
        ("ExpiredToken", "expired", r"AWS does not accept the credentials \(ExpiredToken\); sign in again"),
        (
            "AccessDeniedException",
            "User: a is not authorized to perform: sagemaker:UpdatePipeline on resource: b",
            r"may not do sagemaker:UpdatePipeline in the account 123456789012; ask the account's owner for it",
        ),
        ("AccessDenied", "Access Denied", r"may not do UpdateIt in the account"),
        ("KMS.NotFoundException", "no key", r"there is no KMS key arn:aws:kms:.*; apply the infrastructure first"),
        ("ThrottlingException", "Rate exceeded", r"AWS throttles requests \(UpdateIt: Throt.*; wait a minute"),
        ("ValidationException", "no\nrole", r"AWS refused UpdateIt \(ValidationException\): no role"),
    ],
)
def test_an_error_of_aws_is_reported_with_a_remedy(
    environment: Environment, code: str, message: str, report: str
) -> None:
    error = exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "UpdateIt")
    with pytest.raises(UserError, match=report), in_sentences(environment):
        raise error


def test_a_role_that_sagemaker_cannot_assume_is_named_with_the_remedy(environment: Environment) -> None:
    message = f"Could not assume role {environment.role_arn}. Please ensure that the role exists."
    refusal = exceptions.ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "CreatePipeline")
    with pytest.raises(UserError) as report, in_sentences(environment):
        raise refusal
    assert str(report.value) == (
        f"SageMaker cannot assume the role {environment.role_arn}; apply the infrastructure first, which creates it "
        f"(docs/infrastructure.md), or set another as role_arn in config/environments/dev.yaml ({message})"
    )


def test_a_request_that_cannot_be_sent_is_reported(environment: Environment) -> None:
    with (
        pytest.raises(UserError, match=r"the request could not be sent to AWS: .*Unknown service"),
        in_sentences(environment),
    ):
        environment.client("sagemakr")


def test_a_bug_is_not_reported_as_an_error_of_aws(environment: Environment) -> None:
    with pytest.raises(KeyError), in_sentences(environment):
        raise KeyError
