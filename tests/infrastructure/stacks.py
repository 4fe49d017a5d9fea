"""Projects of several kinds, generated and applied for real: all at once, since most of the time the provider waits."""

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
Rising = Mapping[str, "Future[Any]"]  # stacks by name, each there as soon as it is applied

GITLAB = ("gitlab_project=ml/shop",)
FOR_A_TEST = ("force_destroy=true", "use_permissions_boundary=false")  # nobody bootstraps, and no data is worth keeping


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
    def stem(self) -> str:
        """How every name begins."""
        return f"{self.project}-{self.environment}"

    @property
    def bucket(self) -> str:
        """The bucket of data and results."""
        return f"{self.stem}-{self.account}"


@dataclass(frozen=True)
class Stack:
    """A root module that was applied.

    Attributes:
        project: as it was generated.
        place: what the project is called, and where it lies.
        cloud: the account.
        terraform: in the root module.
        arguments: for every command that takes variables.
        made: what was applied.
        changes: what a second plan would change.
    """

    project: Path
    place: Place
    cloud: Cloud
    terraform: Terraform
    arguments: tuple[str, ...]
    made: list[Resource]
    changes: str


@dataclass(frozen=True)
class Passing:
    """A stack that was applied, used and destroyed.

    Attributes:
        stack: as it was before.
        before: what there was in the account before it was applied, see Cloud.holdings.
        used: what there was when the pipelines were deployed.
        after: what there was when it had been destroyed.
    """

    stack: Stack
    before: Mapping[str, list[str]]
    used: Mapping[str, list[str]]
    after: Mapping[str, list[str]]


def apply(
    project: Path,
    folder: Path,
    cloud: Cloud,
    environment: str,
    variables: Sequence[str] = FOR_A_TEST,
    network: Network | None = None,
) -> Stack:
    """Apply infra/live of a project, with what its infra/envs/dev.tfvars says.

    Args:
        project: that was generated.
        folder: that is made, for the root module.
        cloud: the account.
        environment: its name; `local` is the one that the local cloud's own pipelines are in.
        variables: further ones, as name=value.
        network: subnets and security_groups that are there; None for a network of its own.
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


def rise_and_fall(project: Path, folder: Path, cloud: Cloud) -> Passing:
    """Apply a project, bring its pipelines and data there, and remove all of it as docs/infrastructure.md says."""
    before = cloud.holdings()
    stack = apply(project, folder, cloud, "local")
    cloud.call("deploy")
    cloud.client("s3").put_object(Bucket=stack.place.bucket, Key="executions/kept.csv", Body=b"1")
    cloud.client("sagemaker").create_model_package(ModelPackageGroupName=stack.place.stem)
    used = cloud.holdings()
    cloud.call("delete", stack.place.stem)
    stack.terraform.destroy(*stack.arguments)
    return Passing(stack, before, used, cloud.holdings())


def existing_network(cloud: Cloud) -> Network:
    """Subnets and a security group that somebody else made."""
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


def _describe(project: Path, file: Path, network: Network) -> None:
    """Write the file of an environment that is in the account of dev."""
    account = yaml.safe_load((project / "config" / "environments" / "dev.yaml").read_text("utf-8"))
    file.write_text(yaml.safe_dump({**account, **network}), encoding="utf-8")


def _file(file: Path) -> str:
    return f"environment_file={file}"
