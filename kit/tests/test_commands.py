"""`mlops ...` does what its help promises, quickly, and refuses in a sentence what it cannot do."""

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
    """A project that the test may change, which the commands take for theirs."""
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
    told = run("status")
    assert arn.rpartition("/")[2] in told
    assert re.search(r"version 1 +Approved .* good", told)
    assert arn in run("status", "--execution", arn)
    assert run("reject", "--version", "1", "--comment", "not good") == (
        "version 1, from training, rmse 2.1\nversion 1 is rejected\n"
    )


def test_what_was_deployed_is_deleted_by_who_names_it(run: Run, environment: Environment) -> None:
    run("deploy")
    with pytest.raises(UserError, match="nothing was deleted, since it is not confirmed"):
        run("delete")
    assert run("delete", "--confirm", f"{environment.project}-dev").count(f"deleted {environment.project}-dev-") == 3


def test_to_approve_an_older_version_than_the_approved_one_is_told_to_change_nothing_yet(
    run: Run, environment: Environment
) -> None:
    for _ in range(4):
        register_model(environment)
    for version in ("3", "4", "1"):
        told = run("approve", "--version", version, "--comment", "good")
    assert told == (
        "version 1, from training, rmse 2.1\n"
        "version 1 is approved; the inference pipeline still uses version 4, the latest approved one; to go back "
        "to version 1, reject 4, 3: mlops reject --env dev --version 4 --comment ...\n"
    )
    for version in ("4", "3"):
        run("reject", "--version", version, "--comment", "not good")
    assert "uses it from now on" in run("approve", "--comment", "good"), "version 2, the only one that waits"


def test_what_is_decided_is_shown_before_it_is_written(
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
    "approve": ["--comment", "good"],
    "reject": ["--comment", "not good"],
    "adopt": [],
    "delete": [],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_with_credentials_of_another_account_no_command_goes_on(
    run: Run, environment: Environment, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(connection, "load_environment", lambda *_: replace(environment, account_id="999999999999"))
    with pytest.raises(
        UserError, match=r"belong to the account 123456789012, and config/environments/dev.yaml says 9+"
    ):
        run(command, "--env", "dev", *COMMANDS[command])


def test_every_command_that_a_sentence_names_is_one_that_there_is(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Path(mlops_kit.__file__).parent
    folders = [source, *(TREE / name for name in ("pipelines", "lambdas", "docs", "config")), project / "pipelines"]
    paths = [TREE / "README.md", *(path for folder in folders for path in folder.rglob("*.*"))]
    texts = [path.read_text(encoding="utf-8") for path in paths if path.suffix in (".py", ".md", ".yaml")]
    whole = "\n".join(re.sub(r'"\s+f?"', "", text) for text in texts)  # as the parts of a sentence are put together
    named = set(re.findall(r"\bmlops +((?:local +)?[a-z]+)\b([^\n\"`,;|]*)", whole)) - {("local", "")}
    assert {command for command, _ in named} >= {"approve", "reject", "start", "deploy", "local up"}
    for command, rest in named:
        with pytest.raises(SystemExit, match="0"):
            commands.make_parser(open_project(project)).parse_args([*command.split(), "--help"])
        known = capsys.readouterr().out
        assert [option for option in re.findall(r"--[a-z-]+", rest) if option not in known] == [], command


def test_tuned_hyperparameters_are_adopted_once(run: Run, environment: Environment) -> None:
    register_model(environment, {"kind": "training-hpo", "hp_eta": "0.071"})
    run("approve", "--comment", "good", "--evidence", "minutes of 21 November")
    adopt = ("adopt", "--env", "dev")
    assert run(*adopt) == "eta: 0.05 -> 0.071\nconfig/hyperparameters.yaml is changed; commit it, and deploy\n"
    assert run(*adopt) == "config/hyperparameters.yaml has these values already\n"


def test_what_a_merge_would_change_is_told_without_aws(
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
    ("text", "said"),
    [
        (None, r"has none of training.json, .*; write them in the other checkout with: .* compile --output /"),
        ("{", r"training.json: is not a definition \(.*\); compile it again"),
    ],
)
def test_a_folder_without_definitions_is_refused(root: Path, tmp_path: Path, text: str | None, said: str) -> None:
    if text:
        (tmp_path / "training.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        commands.main(["diff", "--against", str(tmp_path)])


def test_a_folder_and_an_environment_are_not_compared_with_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        commands.main(["diff", "--env", "prod", "--against", "before"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_what_the_infrastructure_hands_over_is_asked_once_for_a_command(
    run: Run, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssm, path = environment.client("ssm"), f"/mlops/{environment.project}/dev"
    ssm.put_parameter(Name=f"{path}/bucket", Type="String", Value=environment.bucket)
    ruled = replace(environment, bucket="by-rule", by_rule=("bucket",))
    monkeypatch.setattr(connection, "load_environment", lambda *_: ruled)
    asked = Mock(side_effect=with_outputs)
    monkeypatch.setattr("mlops_kit.cli.connection.with_outputs", asked)
    assert f"s3://{environment.bucket}/code/" in run("deploy")
    assert asked.call_count == 1


def test_a_definition_with_a_fault_fails_the_check(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = compile.compile_all(root)["training"].replace('"Type": "Processing"', '"Type": "Procesing"')
    monkeypatch.setattr(compile, "compile_all", lambda root: {"training": text})
    with pytest.raises(SystemExit, match="1"):
        run("check")
    assert re.search(r"^training: Preprocess: .*Procesing", capsys.readouterr().out)


def test_an_execution_that_fails_fails_who_waits_for_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("deploy")
    tell(monkeypatch, status="Failed", reason="the step Train failed")
    with pytest.raises(UserError, match="the execution failed: the step Train failed"):
        run("start", "training", "--wait")


def test_who_waits_no_longer_does_not_stop_the_execution(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("deploy")
    monkeypatch.setattr(executions, "wait", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(UserError, match="the execution goes on, and `mlops status` shows it"):
        run("start", "training", "--wait")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["MetricThreshold"], r"--param 'MetricThreshold' must have the form NAME=VALUE"),
        (["=3"], r"--param '=3' must have the form NAME=VALUE"),
        (["A=1", "A=2"], r"--param gives A twice"),
    ],
)
def test_a_parameter_in_another_form_is_refused(given: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        commands.parse_parameters(given)


def test_what_follows_the_first_equals_sign_is_the_value() -> None:
    assert commands.parse_parameters(["Uri=s3://a/b=c", "Empty="]) == {"Uri": "s3://a/b=c", "Empty": ""}


def test_outside_this_machine_a_link_leads_to_the_console(environment: Environment) -> None:
    assert executions.console_link(environment) == (
        "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/studio-landing"
    )
    assert "//cn-north-1.console.amazonaws.cn/" in executions.console_link(replace(environment, region="cn-north-1"))


def test_where_the_sdk_is_not_needed_it_is_not_imported(environment: Environment, run: Run, project: Path) -> None:
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


# what cannot be done


def test_a_refusal_is_a_sentence_and_exit_code_1(project: Path) -> None:
    command = [sys.executable, "-m", "mlops_kit", "approve", "--env", "prod", "--comment", "good"]
    finished = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert finished.returncode == 1
    assert finished.stderr == ("error: there is no environment 'prod' in config/environments/; there are dev, local\n")


def test_a_bucket_that_is_not_there_is_named_with_what_makes_it(
    run: Run, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = replace(environment, bucket=f"{environment.project}-lost")
    monkeypatch.setattr(connection, "load_environment", lambda *_: lost)
    with pytest.raises(UserError) as refused:
        run("deploy")
    assert str(refused.value) == (
        f"there is no bucket {lost.bucket} in the account 123456789012; apply the infrastructure first, which makes "
        "it (docs/infrastructure.md), or name another as bucket in config/environments/dev.yaml"
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
    ("code", "message", "told"),
    [
        ("ExpiredToken", "expired", r"AWS does not accept the credentials \(ExpiredToken\); sign in again"),
        (
            "AccessDeniedException",
            "User: a is not authorized to perform: sagemaker:UpdatePipeline on resource: b",
            r"may not do sagemaker:UpdatePipeline in the account 123456789012; ask whoever owns the account",
        ),
        ("AccessDenied", "Access Denied", r"may not do UpdateIt in the account"),
        ("KMS.NotFoundException", "no key", r"there is no KMS key arn:aws:kms:.*; apply the infrastructure first"),
        ("ThrottlingException", "Rate exceeded", r"AWS is asked too often just now \(UpdateIt: Throt.*; wait a minute"),
        ("ValidationException", "no\nrole", r"AWS refused UpdateIt \(ValidationException\): no role"),
    ],
)
def test_what_aws_refuses_is_told_with_a_remedy(environment: Environment, code: str, message: str, told: str) -> None:
    error = exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "UpdateIt")
    with pytest.raises(UserError, match=told), in_sentences(environment):
        raise error


def test_a_role_that_sagemaker_cannot_take_on_is_named_with_what_makes_it(environment: Environment) -> None:
    message = f"Could not assume role {environment.role_arn}. Please ensure that the role exists."
    refusal = exceptions.ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "CreatePipeline")
    with pytest.raises(UserError) as told, in_sentences(environment):
        raise refusal
    assert str(told.value) == (
        f"SageMaker cannot take on the role {environment.role_arn}; apply the infrastructure first, which makes it "
        f"(docs/infrastructure.md), or name another as role_arn in config/environments/dev.yaml ({message})"
    )


def test_another_failure_before_aws_is_asked_is_told(environment: Environment) -> None:
    with pytest.raises(UserError, match=r"AWS could not be asked: .*Unknown service"), in_sentences(environment):
        environment.client("sagemakr")


def test_a_bug_is_not_called_a_refusal(environment: Environment) -> None:
    with pytest.raises(KeyError), in_sentences(environment):
        raise KeyError
