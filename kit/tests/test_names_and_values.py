"""`mlops check` holds each name and value to the strictest of the services that it reaches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from mlops_jobs.errors import UserError
from mlops_kit.aws.deployment import desired_pipelines
from mlops_kit.aws.environment import load_environment
from mlops_kit.cli import main as commands
from mlops_kit.config.reader import ConfigSection
from mlops_kit.config.regions import REGION, partition_of
from mlops_kit.config.tags import read_tags
from mlops_kit.config.terraform_names import check_terraform_names
from mlops_kit.definition.lineage import Lineage

PARTITIONS = Loader().load_data("partitions")["partitions"]
REGIONS = [
    (region, partition["id"]) for partition in PARTITIONS for region in partition["regions"] if "global" not in region
]
OTHER_CHARACTERS = "#$%&*\"'!?;,\\<>(){}[]|~^`\n\t"


def tags(found: dict[str, object]) -> dict[str, str]:
    return read_tags(ConfigSection(found, "config/pipelines.yaml", "tags."))


def set_tags(root: Path, found: dict[str, str]) -> None:
    path = root / "config" / "pipelines.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(settings | {"tags": found}), encoding="utf-8")


def add_environment(root: Path, name: str, project: str = "shop", **own: Any) -> None:
    """Add an environment that Terraform creates."""
    dev = yaml.safe_load((root / "config" / "environments" / "dev.yaml").read_text(encoding="utf-8"))
    (root / "config" / "environments" / f"{name}.yaml").write_text(yaml.safe_dump(dev | own), encoding="utf-8")
    path = root / "config" / "pipelines.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(settings | {"project": project}), encoding="utf-8")
    (root / "infra" / "envs").mkdir(parents=True, exist_ok=True)
    (root / "infra" / "envs" / f"{name}.tfvars").write_text("", encoding="utf-8")


@pytest.mark.parametrize("key", ["Project", "project", "ENVIRONMENT", "Managed-By", "Pipeline"])
def test_a_tag_that_the_project_sets_itself_is_refused_in_any_case(root: Path, key: str) -> None:
    set_tags(root, {key: "x"})
    with pytest.raises(UserError, match=rf"tags.{key} is 'x'; it must be removed or renamed: the project sets the tag"):
        commands.main(["check"], root)


def test_keys_that_differ_only_in_case_are_refused_with_both() -> None:
    with pytest.raises(UserError, match=r"tags.TEAM is 'b'; .*IAM ignores the case of keys, and 'Team' is a tag"):
        tags({"Team": "a", "TEAM": "b"})


@pytest.mark.parametrize("value", ["", "x" * 257, "a\nb", "50%", 4711])
def test_a_value_that_one_service_refuses_is_refused(value: object) -> None:
    with pytest.raises(UserError, match=r"tags.cost-center is .*; it must be up to 256 letters"):
        tags({"cost-center": value})


def test_as_many_tags_as_aws_takes_are_accepted_and_no_more() -> None:
    many = {f"tag {number}": "x" for number in range(45)}
    assert tags(dict(many)) == many
    with pytest.raises(UserError, match="one of 45 tags at most"):
        tags({**many, "one more": "x"})


@given(
    st.dictionaries(st.text("aB.:/=+@_- é体9", min_size=1), st.text("aB.:/=+@_- é体9", min_size=1), max_size=5).filter(
        lambda found: len({key.lower() for key in found}) == len(found)
    )
)
def test_other_tags_are_read_as_written(found: dict[str, str]) -> None:
    assert tags(dict(found)) == found


@given(st.sampled_from(OTHER_CHARACTERS))
def test_a_character_that_iam_refuses_is_refused(character: str) -> None:
    for found in ({f"a{character}b": "x"}, {"a": f"x{character}y"}):
        with pytest.raises(UserError, match="letters, digits, spaces and _"):
            tags(dict(found))


@pytest.mark.parametrize(("region", "partition"), REGIONS)
def test_every_region_of_aws_is_accepted_and_has_its_partition(root: Path, region: str, partition: str) -> None:
    add_environment(root, "prod", region=region)
    loaded = load_environment("prod", root)
    assert loaded.role_arn.startswith(f"arn:{partition}:iam::")
    assert partition_of(region) == partition


@pytest.mark.parametrize("region", ["eu-west", "eu-west-1a", "europe-west-1", "us-isob-1", "eu-west-0", "aws-global"])
def test_what_is_no_region_is_refused(root: Path, region: str) -> None:
    add_environment(root, "prod", region=region)
    with pytest.raises(UserError, match=f"region is '{region}'; it must be {REGION[1]}"):
        load_environment("prod", root)


@pytest.mark.parametrize("name", ["my-dev", "start", "tfstate", "abcdefghijklm", "d"])
def test_an_environment_that_terraform_would_refuse_is_refused(root: Path, name: str) -> None:
    add_environment(root, name)
    with pytest.raises(UserError, match=rf"{name}.yaml: Terraform takes no environment '{name}'"):
        check_terraform_names(root)


def test_a_project_without_terraform_may_name_its_environments_as_before(root: Path) -> None:
    add_environment(root, "my-dev")
    (root / "infra" / "envs" / "my-dev.tfvars").unlink()
    check_terraform_names(root)


def test_names_are_as_long_as_the_strictest_service_takes(root: Path) -> None:
    add_environment(root, "prod", project="x" * 32)
    check_terraform_names(root)
    add_environment(root, "production", project="x" * 30)
    check_terraform_names(root)
    add_environment(root, "production", project="x" * 31)
    with pytest.raises(UserError, match=r"which has 42 characters, and with more than 41 a rule of EventBridge"):
        check_terraform_names(root)


def test_a_bucket_leaves_room_for_the_name_of_its_logs(root: Path) -> None:
    add_environment(root, "prod", bucket="x" * 58)
    check_terraform_names(root)
    add_environment(root, "prod", bucket="x" * 59)
    with pytest.raises(UserError, match=r"must have 58 characters at most, because the bucket x+-logs exists, too"):
        check_terraform_names(root)


@pytest.mark.parametrize("bucket", ["a..b", "192.168.0.1", "xn--data", "data-s3alias", "data--x-s3", "Data", "-data"])
def test_a_bucket_name_that_s3_reserves_is_refused(root: Path, bucket: str) -> None:
    add_environment(root, "prod", bucket=bucket)
    with pytest.raises(UserError, match="it must be the name of an S3 bucket"):
        load_environment("prod", root)


@pytest.mark.parametrize(("key", "name", "most"), [("subnets", "subnet-0a", 16), ("security_groups", "sg-0a", 5)])
def test_a_job_takes_only_so_many_subnets_and_security_groups(root: Path, key: str, name: str, most: int) -> None:
    add_environment(root, "prod", "shop", **{key: [name] * most})
    load_environment("prod", root)
    add_environment(root, "prod", "shop", **{key: [name] * (most + 1)})
    with pytest.raises(UserError, match=f"{key} is .* {most} at most"):
        load_environment("prod", root)


def test_a_description_that_sagemaker_refuses_is_named_with_its_place(root: Path) -> None:
    path = root / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('description = "As training', f'description = "{"x" * 3100} as training', 1))
    with pytest.raises(
        UserError, match=r"tool.mlops.pipelines.training-hpo\] description has \d+ .* takes 3072; shorten"
    ):
        commands.main(["check"], root)


def test_a_pipeline_that_aws_would_refuse_is_not_sent(root: Path) -> None:
    add_environment(root, "prod", subnets=["subnet-0a"], security_groups=["sg-0a"])
    environment = replace(load_environment("prod", root), role_arn="no role, and long enough")
    with pytest.raises(UserError, match=r"refuse the pipeline shop-prod-training.*, so nothing was sent: .* 'RoleArn'"):
        desired_pipelines(environment, root, Lineage("a", "1", "repository"))
