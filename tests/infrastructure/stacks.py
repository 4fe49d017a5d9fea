"""Generated projects that are applied with the real Terraform, all at once, because the provider mostly waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from clouds import Cloud
from resources import Resource, resources
from terraform import Terraform, root_module

Network = Mapping[str, list[str]]
PendingStacks = Mapping[str, "Future[Any]"]  # by name; each is available as soon as it is applied

GITLAB = ("gitlab_project=ml/shop",)
TEST_VARIABLES = (
    "force_destroy=true",
    "use_permissions_boundary=false",
)  # without bootstrap, and with data that may be deleted


@dataclass(frozen=True)
class Place:
    """An environment of a project.

    Attributes:
        account: 12 digits.
    """

    project: str
    environment: str
    account: str
    region: str

    @property
    def name_prefix(self) -> str:
        """The prefix of every name."""
        return f"{self.project}-{self.environment}"

    @property
    def bucket(self) -> str:
        """The bucket for data and results."""
        return f"{self.name_prefix}-{self.account}"


@dataclass(frozen=True)
class Stack:
    """An applied root module.

    Attributes:
        project: the generated project.
        place: its name, environment, account and region.
        cloud: the account.
        terraform: in the root module.
        arguments: for every command that takes variables.
        made: the applied resources.
        changes: the output of a second plan; empty if it changes nothing.
    """

    project: Path
    place: Place
    cloud: Cloud
    terraform: Terraform
    arguments: tuple[str, ...]
    made: list[Resource]
    changes: str


@dataclass(frozen=True)
class DestroyedStack:
    """A stack that was applied, used and destroyed.

    Attributes:
        stack: the stack before it was destroyed.
        before: the contents of the account before the apply, see Cloud.contents.
        used: the contents after the pipelines were deployed.
        after: the contents after the destroy.
        requests: of Terraform, as service, operation and whether it sets tags, by phase: apply, plan, update, destroy.
    """

    stack: Stack
    before: Mapping[str, list[str]]
    used: Mapping[str, list[str]]
    after: Mapping[str, list[str]]
    requests: Mapping[str, list[tuple[str, str, bool]]]


def apply(
    project: Path,
    folder: Path,
    cloud: Cloud,
    environment: str,
    variables: Sequence[str] = TEST_VARIABLES,
    network: Network | None = None,
) -> Stack:
    """Apply infra/live of a project with its infra/envs/dev.tfvars.

    Args:
        project: the generated project.
        folder: the folder to create, for the root module.
        cloud: the account.
        environment: its name; the local cloud deploys pipelines to `local`.
        variables: further ones, as name=value.
        network: existing subnets and security_groups; None to create a network.
    """
    file = folder.with_suffix(".yaml")
    _describe(project, file, network or {})
    files = ("-var-file=../envs/dev.tfvars",)
    return _applied(project, root_module(project, folder), cloud, environment, files, [*variables, _file(file)])


def bootstrap(project: Path, folder: Path, cloud: Cloud, environment: str) -> Stack:
    """Apply infra/bootstrap of a project for an environment."""
    file = folder.with_suffix(".yaml")
    _describe(project, file, {})
    root = root_module(project, folder, "bootstrap")
    return _applied(project, root, cloud, environment, (), [*GITLAB, _file(file)])


def apply_and_destroy(project: Path, folder: Path, cloud: Cloud) -> DestroyedStack:
    """Apply a project, deploy its pipelines, add data, and destroy all of it."""
    before = cloud.contents()
    cloud.call("phase", "apply")
    stack = apply(project, folder, cloud, "local")
    cloud.call("phase", "plan")
    stack.terraform.changes(*stack.arguments)
    cloud.call("phase", "update")
    for tags in ({"team": "ml", "cost-center": "1"}, {"team": "data"}):
        _set_tags(folder, tags)
        stack.terraform.apply(*stack.arguments, "-var=log_retention_days=30", "-var=monthly_budget_usd=7")
    cloud.call("deploy")
    cloud.client("s3").put_object(Bucket=stack.place.bucket, Key="executions/kept.csv", Body=b"1")
    cloud.client("sagemaker").create_model_package(ModelPackageGroupName=stack.place.name_prefix)
    used = cloud.contents()
    cloud.call("delete", stack.place.name_prefix)
    cloud.call("phase", "destroy")
    stack.terraform.destroy(*stack.arguments)
    return DestroyedStack(stack, before, used, cloud.contents(), cloud.call("requests"))


def existing_network(cloud: Cloud) -> Network:
    """Subnets and a security group that Terraform does not manage."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{part}.0/24")["Subnet"]["SubnetId"] for part in (1, 2)]
    group = ec2.create_security_group(GroupName="jobs", Description="of another team", VpcId=vpc)["GroupId"]
    return {"subnets": subnets, "security_groups": [group]}


def _applied(
    project: Path, root: Path, cloud: Cloud, environment: str, files: tuple[str, ...], variables: Sequence[str]
) -> Stack:
    arguments = (*files, f"-var=environment={environment}", *(f"-var={variable}" for variable in variables))
    terraform = Terraform(root, cloud.url)
    terraform.init()
    terraform.apply(*arguments)
    made = resources(terraform.state())
    return Stack(
        project, _place(project, environment), cloud, terraform, arguments, made, terraform.changes(*arguments)
    )


def _place(project: Path, environment: str) -> Place:
    name = yaml.safe_load((project / "config" / "pipelines.yaml").read_text("utf-8"))["project"]
    account = yaml.safe_load((project / "config" / "environments" / "dev.yaml").read_text("utf-8"))
    return Place(name, environment, account["account_id"], account["region"])


def _set_tags(folder: Path, tags: Mapping[str, str]) -> None:
    """Set the team's tags in the copy of a project's configuration."""
    path = folder / "config" / "pipelines.yaml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    path.write_text(yaml.safe_dump({**settings, "tags": dict(tags)}), encoding="utf-8")


def _describe(project: Path, file: Path, network: Network) -> None:
    """Write the file of an environment in the account of dev."""
    account = yaml.safe_load((project / "config" / "environments" / "dev.yaml").read_text("utf-8"))
    file.write_text(yaml.safe_dump({**account, **network}), encoding="utf-8")


def _file(file: Path) -> str:
    return f"environment_file={file}"
