"""An environment derives the names of resources, and binding replaces every placeholder of a definition."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import (
    FACTS,
    PURPOSES,
    TERRAFORM_OUTPUTS,
    Environment,
    bind,
    environment_names,
    load_environment,
)
from mlops_kit.definition.lineage import Lineage, read_lineage
from support import git

GOOD = {
    "account_id": '"012345678901"',
    "region": "eu-west-1",
    "subnets": "[subnet-0a1b, subnet-2c3d]",
    "security_groups": "[sg-0a1b]",
}


@pytest.fixture
def own_copy(project: Path, tmp_path: Path) -> Path:
    """The configuration of a project, to change."""
    shutil.copytree(project / "config", tmp_path / "config")
    return tmp_path


def write(root: Path, name: str, **values: object) -> None:
    lines = [f"{key}: {value}" for key, value in values.items()]
    path = (
        root / ".local" / "environment.yaml" if name == "local" else root / "config" / "environments" / f"{name}.yaml"
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def prod(own_copy: Path) -> Environment:
    write(own_copy, "prod", **GOOD)
    return load_environment("prod", own_copy)


def test_names_are_derived_from_project_and_environment(prod: Environment) -> None:
    assert prod == Environment(
        name="prod",
        project="abalone-rings",
        account_id="012345678901",
        region="eu-west-1",
        bucket="abalone-rings-prod-012345678901",
        kms_key_arn="arn:aws:kms:eu-west-1:012345678901:alias/abalone-rings-prod",
        role_arn="arn:aws:iam::012345678901:role/abalone-rings-prod-pipeline",
        subnets=("subnet-0a1b", "subnet-2c3d"),
        security_groups=("sg-0a1b",),
        model_package_group="abalone-rings-prod",
        derived=("bucket", "kms_key_arn", "role_arn", "model_package_group"),
    )
    assert prod.pipeline_name("training-hpo") == "abalone-rings-prod-training-hpo"
    assert prod.function_arn("resolve-inputs") == (
        "arn:aws:lambda:eu-west-1:012345678901:function:abalone-rings-prod-resolve-inputs"
    )


def test_a_name_in_the_file_replaces_the_derived_one(own_copy: Path) -> None:
    own: dict[str, object] = {
        "bucket": "lake",
        "kms_key_arn": "arn:aws:kms:eu-west-1:999999999999:key/1-2-3",
        "role_arn": "arn:aws:iam::999999999999:role/team/jobs",
        "model_package_group": "rings",
        "images": {"training": "999999999999.dkr.ecr.eu-west-1.amazonaws.com/own:1"},
        "monitor_image_uri": "999999999999.dkr.ecr.eu-west-1.amazonaws.com/monitor:1",
    }
    write(own_copy, "prod", **GOOD, **own)
    loaded = load_environment("prod", own_copy)
    assert {key: getattr(loaded, key) for key in own} == own
    assert loaded.derived == ()


def test_an_empty_list_counts_as_not_set(project: Path) -> None:
    assert load_environment("dev", project).derived == tuple(TERRAFORM_OUTPUTS)


def test_another_partition_has_other_arns(own_copy: Path) -> None:
    write(own_copy, "prod", **GOOD | {"region": "cn-north-1"})
    assert load_environment("prod", own_copy).role_arn.startswith("arn:aws-cn:iam::")
    write(own_copy, "prod", **GOOD | {"region": "us-gov-west-1"})
    assert load_environment("prod", own_copy).function_arn("x").startswith("arn:aws-us-gov:lambda:us-gov-west-1:")


def test_an_unknown_environment_is_refused_with_the_known_ones(own_copy: Path) -> None:
    write(own_copy, "prod", **GOOD)
    assert environment_names(own_copy) == ["dev", "prod"]
    for name in ("prd", "../dev", ""):
        with pytest.raises(
            UserError, match=r"there is no environment .* in config/environments/; there are dev, prod, local"
        ):
            load_environment(name, own_copy)


def test_an_endpoint_in_the_shell_does_not_redirect_an_aws_environment(
    prod: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert prod.client("sts").meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"


def test_the_local_cloud_is_reached_without_a_proxy(prod: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:10")
    client = replace(prod, endpoint_url="http://127.0.0.1:9").client("sts")
    with pytest.raises(EndpointConnectionError, match=r"127\.0\.0\.1:9"):
        client.get_caller_identity()


def test_the_local_environment_is_read_from_the_file_that_the_local_cloud_writes(own_copy: Path) -> None:
    with pytest.raises(UserError, match="the local cloud is not up; start it with: mlops local up"):
        load_environment("local", own_copy)
    write(own_copy, "local", **GOOD, endpoint_url="http://127.0.0.1:5000")
    local = load_environment("local", own_copy)
    assert local.endpoint_url == "http://127.0.0.1:5000"
    client = local.client("s3")
    assert client.meta.endpoint_url == "http://127.0.0.1:5000"
    assert client.meta.region_name == "eu-west-1"


def test_a_request_to_a_local_cloud_that_is_down_is_not_repeated(prod: Environment) -> None:
    attempts: list[str] = []
    client = replace(prod, endpoint_url="http://127.0.0.1:9").client("sts")
    client.meta.events.register("before-send", lambda request, **_: attempts.append(request.url))
    with pytest.raises(EndpointConnectionError):
        client.get_caller_identity()
    assert len(attempts) == 1


REFUSED = {
    "an account without quotes": ("account_id", "123456789012", "is 123456789012; it must be 12 digits in quotes"),
    "an account that is too short": ("account_id", '"12345"', "is '12345'; it must be 12 digits in quotes"),
    "a region that does not exist": (
        "region",
        "Ireland",
        "is 'Ireland'; it must be an AWS region, for example eu-west-1",
    ),
    "not a subnet": (
        "subnets",
        "[vpc-1]",
        r"is \['vpc-1'\]; it must be a list of ids, for example \[subnet-0",
    ),
    "a group without a list": (
        "security_groups",
        "sg-1",
        r"is 'sg-1'; it must be a list of ids, for example \[sg-0a1b",
    ),
    "not a role": ("role_arn", "pipeline", "is 'pipeline'; it must be the ARN of an IAM role"),
    "a role with a long name": (
        "role_arn",
        f"arn:aws:iam::999999999999:role/{'r' * 65}",
        "is 'arn:.*'; it must be the ARN of an IAM role, whose name has 64 characters at most",
    ),
    "a bucket with capitals": ("bucket", "Lake", "is 'Lake'; it must be the name of an S3 bucket"),
    "a key that nothing reads": ("buckets", "lake", "is a key that nothing reads; correct its name or remove it"),
    "an endpoint elsewhere": ("endpoint_url", "http://127.0.0.1:1", "is a key that nothing reads"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_an_invalid_value_is_refused_with_its_key_and_its_form(own_copy: Path, fault: str) -> None:
    key, value, message = REFUSED[fault]
    write(own_copy, "prod", **GOOD | {key: value})
    with pytest.raises(UserError, match=f"^config/environments/prod.yaml: {key} {message}"):
        load_environment("prod", own_copy)


LONG = "a-region-of-its-own-with-a-long-name-that-nobody-would-type-twice"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {},
            "bucket would be 'abalone-rings-a-region-.*' by default; set it to the name of an S3 bucket: 3 to 63 lower",
        ),
        ({"bucket": "lake"}, "role_arn would be 'arn:.*-pipeline' by default; set it to the ARN of an IAM role, whose"),
        (
            {"bucket": "lake", "role_arn": "arn:aws:iam::999999999999:role/jobs"},
            "model_package_group would be 'abalone.*' by default; set it to the name of a model package group: 63 l",
        ),
        (
            {"bucket": "lake", "role_arn": "arn:aws:iam::999999999999:role/jobs", "model_package_group": "rings"},
            "the Lambda function abalone-rings-a-.* would have a name of 94 characters, and AWS takes 64; shorten this",
        ),
    ],
)
def test_a_derived_name_that_aws_would_refuse_is_refused(
    own_copy: Path, settings: dict[str, str], message: str
) -> None:
    write(own_copy, LONG, **GOOD, **settings)
    with pytest.raises(UserError, match=f"^config/environments/{LONG}.yaml: {message}"):
        load_environment(LONG, own_copy)


@pytest.mark.parametrize("name", ["Prod", "prod_2", "prod.eu", "2prod"])
def test_a_file_name_that_cannot_be_part_of_aws_names_is_refused(own_copy: Path, name: str) -> None:
    write(own_copy, name, **GOOD)
    with pytest.raises(
        UserError, match=f"^config/environments/{name}.yaml: the file's name must be lower-case words joined by hyphens"
    ):
        load_environment(name, own_copy)


@pytest.mark.parametrize("name", ["Abalone", "abalone_rings", "a" * 33])
def test_a_project_name_that_cannot_be_part_of_aws_names_is_refused(own_copy: Path, name: str) -> None:
    path = own_copy / "config" / "pipelines.yaml"
    text = path.read_text(encoding="utf-8").replace("project: abalone-rings", f"project: {name}")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=f"pipelines.yaml: project is '{name}'; it must be lower-case words .* 32"):
        load_environment("dev", own_copy)


@pytest.mark.parametrize("key", GOOD)
def test_a_key_that_is_missing_is_named(own_copy: Path, key: str) -> None:
    write(own_copy, "prod", **{name: value for name, value in GOOD.items() if name != key})
    with pytest.raises(UserError, match=f"config/environments/prod.yaml: {key} is missing; add it"):
        load_environment("prod", own_copy)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("region: [", "config/environments/prod.yaml: is not YAML: "),
        ("- region", r"config/environments/prod.yaml is \['region'\]; it must be a mapping of keys to values"),
        ("on: x", "config/environments/prod.yaml: True is read as True, and a key must be a string; put it in quotes"),
        ("4711: x", "config/environments/prod.yaml: 4711 is read as 4711, and a key must be a string"),
        ("[a, b]: x", "config/environments/prod.yaml: is not YAML: "),
        ("region: 2024-02-31", r"config/environments/prod.yaml: has a value that YAML cannot read \(day.*\); put it"),
        ("region: a\nregion: b", "config/environments/prod.yaml: is not YAML: the key region appears twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(own_copy: Path, text: str, message: str) -> None:
    (own_copy / "config" / "environments" / "prod.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_environment("prod", own_copy)


# Binding


def test_placeholders_are_replaced_wherever_they_are_in_a_definition(prod: Environment) -> None:
    definition = {
        "Uri": {"Std:Join": {"On": "/", "Values": ["s3://${bucket}/executions", {"Get": "Execution.PipelineName"}]}},
        "Said": "${project} in ${environment} of ${git_commit}, ${region}",
        "Vpc": {"Subnets": ["${subnets}"], "SecurityGroupIds": ["sg-own", "${security_groups}"]},
        "Kept": [1, 2.5, True, None],
    }
    assert bind(definition, prod, Lineage("abc", "7", "rings.git")) == {
        "Uri": {
            "Std:Join": {
                "On": "/",
                "Values": ["s3://abalone-rings-prod-012345678901/executions", {"Get": "Execution.PipelineName"}],
            }
        },
        "Said": "abalone-rings in prod of abc, eu-west-1",
        "Vpc": {"Subnets": ["subnet-0a1b", "subnet-2c3d"], "SecurityGroupIds": ["sg-own", "sg-0a1b"]},
        "Kept": [1, 2.5, True, None],
    }


@pytest.mark.parametrize("name", sorted(FACTS))
def test_every_placeholder_has_a_value(prod: Environment, name: str) -> None:
    images = {"training": OWN} if name == "own_training_image_uri" else {}
    environment = replace(prod, subnets=("subnet-1",), images=images)
    (bound,) = bind(["$" + "{" + name + "}"], environment, Lineage("abc", "7", "rings"))
    assert bound
    assert "$" not in bound


IMAGES = [f"${{{purpose}_image_uri}}" for purpose in PURPOSES]
OWN, OTHER = (f"999999999999.dkr.ecr.eu-west-1.amazonaws.com/{name}:1" for name in ("own", "other"))
XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"


def test_the_default_image_is_sagemakers_own(prod: Environment) -> None:
    bound = bind([*IMAGES, "${image_uri}", "${monitor_image_uri}"], prod, Lineage())
    assert bound[:4] == [XGBOOST] * 4
    assert bound[4].endswith(".dkr.ecr.eu-west-1.amazonaws.com/sagemaker-model-monitor-analyzer")
    with pytest.raises(
        UserError,
        match=r"prod.yaml: SageMaker has no image xgboost in the region xx-north-9; set your own as images.processing",
    ):
        bind("${processing_image_uri}", replace(prod, region="xx-north-9"), Lineage())


def test_each_purpose_may_have_an_image_of_its_own(own_copy: Path) -> None:
    write(own_copy, "prod", **GOOD, images={"processing": OWN, "serving": OTHER})
    prod = load_environment("prod", own_copy)
    assert bind(IMAGES, prod, Lineage()) == [OWN, XGBOOST, OTHER]
    with pytest.raises(UserError, match=r"prod.yaml: images are not the same for each purpose, and the definition has"):
        bind("${image_uri}", prod, Lineage())


def test_image_uri_is_the_image_of_every_purpose(own_copy: Path) -> None:
    write(own_copy, "prod", **GOOD, image_uri=OWN)
    bound = bind(
        [IMAGES[0], "${own_training_image_uri}", IMAGES[2], "${image_uri}"],
        load_environment("prod", own_copy),
        Lineage(),
    )
    assert bound == [OWN] * 4


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            {"image_uri": OWN, "images": {"serving": OTHER}},
            "image_uri is the image of all jobs, and images names one for",
        ),
        ({"images": {"trainig": OWN}}, "images.trainig is a key that nothing reads; correct its name or remove it"),
        (
            {"images": {"training": "python"}},
            "images.training is 'python'; it must be the URI of an image in a registry",
        ),
        ({"images": OWN}, "images is '999999999999.* it must be a mapping"),
    ],
)
def test_images_that_contradict_each_other_or_are_none_are_refused(
    own_copy: Path, images: dict[str, Any], message: str
) -> None:
    write(own_copy, "prod", **GOOD, **images)
    with pytest.raises(UserError, match=rf"config/environments/prod.yaml: {message}"):
        load_environment("prod", own_copy)


@pytest.mark.parametrize(
    ("images", "placeholder", "refusal"),
    [
        ({}, "training_image_uri", ""),
        ({"training": XGBOOST}, "training_image_uri", ""),
        ({"training": OWN}, "own_training_image_uri", ""),
        ({"serving": OWN}, "training_image_uri", ""),
        (
            {"training": OWN},
            "training_image_uri",
            "images.training is .*own:1, a training image of your own, and config/",
        ),
        ({}, "own_training_image_uri", "images.training is not set, so jobs train in SageMaker's XGBoost image, and"),
        ({"training": XGBOOST}, "own_training_image_uri", r"images.training is \d+.*xgboost:3.0-5, so jobs train in"),
    ],
)
def test_the_training_image_is_of_the_kind_that_the_definition_expects(
    prod: Environment, images: dict[str, str], placeholder: str, refusal: str
) -> None:
    environment, text = replace(prod, images=images), "${" + placeholder + "}"
    if not refusal:
        assert bind(text, environment, Lineage()) == images.get("training", XGBOOST)
        return
    with pytest.raises(UserError, match=rf"^config/environments/prod.yaml: {refusal}"):
        bind(text, environment, Lineage())


def test_the_local_cloud_runs_both_kinds_of_training_images(prod: Environment) -> None:
    local = replace(prod, name="local", image_uri=XGBOOST)
    assert bind("${training_image_uri}", local, Lineage()) == XGBOOST
    assert bind("${own_training_image_uri}", local, Lineage()).endswith("/abalone-rings:local")


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"Role": "${role}"}, "the definition has the unknown placeholder 'role'; known are project, "),
        ("${subnets}", "the placeholder 'subnets' is a list; write it as an element of a list, without other text"),
        (["first ${subnets}"], "the placeholder 'subnets' is a list"),
    ],
)
def test_a_placeholder_that_cannot_be_replaced_is_refused(prod: Environment, definition: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        bind(definition, prod, Lineage())


def test_the_network_may_be_missing_until_a_definition_is_bound(project: Path) -> None:
    dev = load_environment("dev", project)
    with pytest.raises(UserError) as refused:
        bind(["${subnets}"], dev, Lineage())
    assert str(refused.value) == (
        "config/environments/dev.yaml: subnets is empty, and Terraform has published no subnets; apply the "
        "infrastructure, which creates a network (docs/infrastructure.md), or set the private subnets of the jobs"
    )
    with pytest.raises(UserError, match=r"security_groups is empty, .* or set the private security groups of the"):
        bind(["${security_groups}"], dev, Lineage())


def test_reading_and_binding_do_not_import_the_sdk(project: Path) -> None:
    program = (
        "import sys; from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from mlops_kit.aws import environment\nfrom mlops_kit.checks import check\n"
        "from mlops_kit.definition import code, lineage\nfrom mlops_kit.project import open_project\n"
        "project = open_project(Path()); project.activate()\n"
        "project.load_settings(); dev = environment.load_environment('dev', Path())\n"
        "environment.bind('${bucket} ${image_uri}', replace(dev, image_uri='a/b:1'), lineage.Lineage())\n"
        "heavy = {'sagemaker', 'pandas', 'numpy', 'sklearn', 'pyarrow', 'xgboost'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], cwd=project, check=True)


# Lineage


@pytest.fixture
def no_ci(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("CI_COMMIT_SHA", "CI_PIPELINE_ID", "CI_PROJECT_URL", "GITHUB_SHA", "GITHUB_RUN_ID", "BUILD_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    return monkeypatch


@pytest.mark.usefixtures("no_ci")
def test_commit_and_repository_are_read_from_git(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "First")
    git(tmp_path, "remote", "add", "origin", "https://ci-token:secret@git.example.com/team/rings.git")
    assert read_lineage(tmp_path) == Lineage(
        git(tmp_path, "rev-parse", "HEAD"), "unknown", "https://git.example.com/team/rings.git"
    )


@pytest.mark.usefixtures("no_ci")
def test_uncommitted_changes_are_marked_beside_the_commit(tmp_path: Path, no_ci: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    git(tmp_path, "init", "-q")
    assert read_lineage(project).git_commit == "unknown", "before the first commit"
    (project / "file").write_text("x", encoding="utf-8")
    assert read_lineage(project).git_commit == "unknown", "before the first commit"
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "First")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "beside").write_text("x", encoding="utf-8")
    assert read_lineage(project).git_commit == commit, "a change of another project in the repository"
    (project / "file").write_text("y", encoding="utf-8")
    assert read_lineage(project).git_commit == f"{commit}-dirty"
    no_ci.setenv("BUILD_ID", "9")
    assert read_lineage(project).git_commit == commit, "a CI job writes files, too"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"CI_COMMIT_SHA": "abc", "CI_PIPELINE_ID": "7", "CI_PROJECT_URL": "https://git.example.com/rings"},
            Lineage("abc", "7", "https://git.example.com/rings"),
        ),
        (
            {"GITHUB_SHA": "def", "GITHUB_RUN_ID": "8", "GITHUB_REPOSITORY": "team/rings"},
            Lineage("def", "8", "team/rings"),
        ),
        ({"BUILD_ID": "9"}, Lineage("unknown", "9", "unknown")),
    ],
)
def test_lineage_is_read_from_the_variables_of_the_ci(
    no_ci: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], expected: Lineage
) -> None:
    for name, value in variables.items():
        no_ci.setenv(name, value)
    assert read_lineage(tmp_path) == expected


def test_lineage_is_unknown_without_git_and_ci(no_ci: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read_lineage(tmp_path) == Lineage("unknown", "unknown", "unknown")
    no_ci.setenv("PATH", str(tmp_path))
    assert read_lineage(tmp_path) == Lineage("unknown", "unknown", "unknown")


def test_definitions_use_exactly_the_known_placeholders(project: Path) -> None:
    from mlops_kit.aws.environment import PLACEHOLDER
    from mlops_kit.definition.compile import compile_all

    used = {name for text in compile_all(project).values() for name in PLACEHOLDER.findall(json.dumps(text))}
    assert used == FACTS.keys() - {"image_uri", "own_training_image_uri"}, (
        "of older definitions, and of another setting"
    )
