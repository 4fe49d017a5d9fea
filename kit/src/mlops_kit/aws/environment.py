"""Where the pipelines run: an environment, and how a definition is bound to it.

A definition is the same for every environment: what differs stands in it as a placeholder like ${bucket}, which is
filled when it is deployed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from mlops_jobs.errors import UserError
from mlops_kit.config import names
from mlops_kit.config.reader import Section
from mlops_kit.definition.lineage import Lineage
from mlops_kit.definition.offline import offline_import
from mlops_kit.project import open_project

LOCAL = "local"  # the cloud on this machine, which `mlops local up` starts and describes
NO_PROJECT = "definitions"  # the start of every name where single definitions are run and there is no project
FUNCTIONS = ("resolve-inputs", "report-data-quality")
XGBOOST_IMAGE = "3.0-5"  # of SageMaker's own images the one whose packages requirements.txt pins

# What the infrastructure makes and hands over (outputs.py), and what it may be; an environment's file may give its own.
HANDED_OVER = {
    "bucket": names.BUCKET,
    "kms_key_arn": names.KEY,
    "role_arn": names.ROLE,
    "model_package_group": names.MODEL_PACKAGE_GROUP,
    "subnets": names.SUBNETS,
    "security_groups": names.SECURITY_GROUPS,
}

Fact = str | tuple[str, ...]


@dataclass(frozen=True)
class Environment:
    """An AWS account (or what stands for one) and the names of the project's resources in it.

    Attributes:
        image_uri: the image of all jobs; None for SageMaker's own XGBoost image.
        monitor_image_uri: the image of the data-quality check; None for SageMaker's own model monitor.
        endpoint_url: where the AWS of this machine listens; None for AWS.
        by_rule: what of HANDED_OVER its file does not give: a name by rule stands there, and no subnet or group.
    """

    name: str
    project: str
    account_id: str
    region: str
    bucket: str
    kms_key_arn: str
    role_arn: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    model_package_group: str
    image_uri: str | None = None
    monitor_image_uri: str | None = None
    endpoint_url: str | None = None
    by_rule: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The file that describes it."""
        return ".local/environment.yaml" if self.name == LOCAL else f"config/environments/{self.name}.yaml"

    def pipeline_name(self, kind: str) -> str:
        """The name of the pipeline of a kind: training, training-hpo or inference."""
        return f"{self.project}-{self.name}-{kind}"

    def function_arn(self, name: str) -> str:
        """The ARN of one of the project's Lambda functions, for example resolve-inputs."""
        function = f"{self.project}-{self.name}-{name}"
        return f"arn:{_partition(self.region)}:lambda:{self.region}:{self.account_id}:function:{function}"

    def client(self, service: str) -> Any:
        """A boto3 client for a service of this environment; AWS_ENDPOINT_URL does not lead it to another."""
        if self.endpoint_url is None:
            config = Config(retries={"mode": "standard", "max_attempts": 5}, ignore_configured_endpoint_urls=True)
            return boto3.client(service, region_name=self.region, config=config)
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            # on this machine: now or not at all, and by no proxy
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, proxies={}),
        )


# What each placeholder stands for.
FACTS: dict[str, Callable[[Environment, Lineage], Fact]] = {
    "project": lambda environment, _: environment.project,
    "environment": lambda environment, _: environment.name,
    "region": lambda environment, _: environment.region,
    "bucket": lambda environment, _: environment.bucket,
    "kms_key_arn": lambda environment, _: environment.kms_key_arn,
    "role_arn": lambda environment, _: environment.role_arn,
    "subnets": lambda environment, _: environment.subnets,
    "security_groups": lambda environment, _: environment.security_groups,
    "model_package_group": lambda environment, _: environment.model_package_group,
    "image_uri": lambda environment, _: environment.image_uri or _image_uri("xgboost", environment, XGBOOST_IMAGE),
    "monitor_image_uri": lambda environment, _: (
        environment.monitor_image_uri or _image_uri("model-monitor", environment)
    ),
    "resolve_inputs_arn": lambda environment, _: environment.function_arn("resolve-inputs"),
    "report_data_quality_arn": lambda environment, _: environment.function_arn("report-data-quality"),
    "git_commit": lambda _, lineage: lineage.git_commit,
    "build_id": lambda _, lineage: lineage.build_id,
    "repository": lambda _, lineage: lineage.repository,
}
LISTS = ("subnets", "security_groups")  # these stand for all their elements, as an element of a list
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")


def bind(definition: Any, environment: Environment, lineage: Lineage) -> Any:
    """Fill the placeholders of a definition (as read from JSON) with the facts of an environment.

    Raises:
        UserError: a placeholder is unknown, or the environment has nothing to fill it with.
    """
    if isinstance(definition, dict):
        return {key: bind(value, environment, lineage) for key, value in definition.items()}
    if isinstance(definition, list):
        return [found for value in definition for found in _elements(value, environment, lineage)]
    if isinstance(definition, str):
        return PLACEHOLDER.sub(lambda match: _text(match[1], environment, lineage), definition)
    return definition


def _elements(value: Any, environment: Environment, lineage: Lineage) -> list[Any]:
    """What stands in a list for one element of it: for a list of ids, all of them."""
    match = PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    if not match or match[1] not in LISTS:
        return [bind(value, environment, lineage)]
    found = FACTS[match[1]](environment, lineage)
    if not found:
        what = match[1].replace("_", " ")
        raise UserError(
            f"{environment.source}: {match[1]} is empty, and no infrastructure hands {what} over; apply it, since it "
            f"makes a network (docs/infrastructure.md), or name the private {what} that jobs run in"
        )
    return list(found)


def _text(name: str, environment: Environment, lineage: Lineage) -> str:
    if name not in FACTS:
        raise UserError(f"the definition has a placeholder {name!r} that nothing fills; known are {', '.join(FACTS)}")
    found = FACTS[name](environment, lineage)
    if not isinstance(found, str):
        raise UserError(f"the placeholder {name!r} stands for a list: it must be an element of one, and alone in it")
    return found


def _image_uri(framework: str, environment: Environment, version: str | None = None) -> str:
    """The URI of one of SageMaker's own images in the region of an environment."""
    try:
        return _own_image(framework, environment.region, version)
    except ValueError as error:
        raise UserError(
            f"{environment.source}: SageMaker has no image {framework} in the region {environment.region}; name one as "
            f"{'image_uri' if version else 'monitor_image_uri'}"
        ) from error


@cache
def _own_image(framework: str, region: str, version: str | None) -> str:
    """What the SDK brings along about images; nothing is asked of AWS."""
    with offline_import():
        from sagemaker.core import image_uris

    logging.getLogger("sagemaker.core.image_uris").setLevel(logging.WARNING)
    return str(image_uris.retrieve(framework, region, version=version, instance_type="ml.m5.large"))


def load_environment(name: str, root: Path) -> Environment:
    """Read an environment of a project: config/environments/<name>.yaml, or the one that the local cloud describes.

    Raises:
        UserError: there is no such environment, or its file holds a key or a value that cannot be.
    """
    if name == LOCAL:
        path = open_project(root).work / "environment.yaml"
        if not path.is_file():
            raise UserError("the local cloud is not up; start it with: mlops local up")
    else:
        known = environment_names(root)
        if name not in known:
            there_are = ", ".join([*known, LOCAL])
            raise UserError(f"there is no environment {name!r} in config/environments/; there are {there_are}")
        path = open_project(root).config / "environments" / f"{name}.yaml"
        if not re.fullmatch(names.ENVIRONMENT[0], name):
            raise UserError(f"{path.relative_to(root)}: the file's name must be {names.ENVIRONMENT[1]}; rename it")
    given = Section.of_file(path, root)
    environment = _environment(name, project_name(root), given)
    given.refuse_the_rest()
    _refuse_long_functions(environment)
    return environment


def project_name(root: Path) -> str:
    """What the project is called, in config/pipelines.yaml; a folder without config/ has one name for all.

    Raises:
        UserError: the file cannot be read, or the name is refused.
    """
    config = open_project(root).config
    if not config.is_dir():
        return NO_PROJECT
    return Section.of_file(config / "pipelines.yaml", root).text("project", *names.PROJECT)


def environment_names(root: Path) -> list[str]:
    """The environments that config/environments/ describes."""
    return sorted(path.stem for path in (open_project(root).config / "environments").glob("*.yaml"))


def _environment(name: str, project: str, given: Section) -> Environment:
    """The environment that a file describes; what is not given has a name by rule."""
    account = given.text("account_id", r"\d{12}", '12 digits in quotes, for example "123456789012"')
    region = given.text("region", r"[a-z]{2,3}(-[a-z]+)+-\d", "an AWS region, for example eu-west-1")
    arn, stem = f"arn:{_partition(region)}", f"{project}-{name}"
    written = given.names
    environment = Environment(
        name=name,
        project=project,
        account_id=account,
        region=region,
        bucket=given.text_or("bucket", f"{stem}-{account}", *names.BUCKET),
        kms_key_arn=given.text_or("kms_key_arn", f"{arn}:kms:{region}:{account}:alias/{stem}", *names.KEY),
        role_arn=given.text_or("role_arn", f"{arn}:iam::{account}:role/{stem}-pipeline", *names.ROLE),
        subnets=given.texts("subnets", *names.SUBNETS),
        security_groups=given.texts("security_groups", *names.SECURITY_GROUPS),
        model_package_group=given.text_or("model_package_group", stem, *names.MODEL_PACKAGE_GROUP),
        image_uri=given.optional_text("image_uri", *names.IMAGE),
        monitor_image_uri=given.optional_text("monitor_image_uri", *names.IMAGE),
        # elsewhere AWS answers: with an endpoint of its own come credentials that are none
        endpoint_url=given.text("endpoint_url", r"https?://\S+", "a URL") if name == LOCAL else None,
    )
    by_rule = tuple(fact for fact in HANDED_OVER if fact not in written or not getattr(environment, fact))
    return replace(environment, by_rule=by_rule)


def _refuse_long_functions(environment: Environment) -> None:
    """The functions have names by rule only; where they fit, so do those of the pipelines."""
    for function in FUNCTIONS:
        name = environment.function_arn(function).rpartition(":")[2]
        if len(name) > names.MOST_FUNCTION:
            raise UserError(
                f"{environment.source}: the Lambda function {name} would have a name of {len(name)} characters, and "
                f"AWS takes {names.MOST_FUNCTION}; shorten the name of this file, or project in config/pipelines.yaml"
            )


def _partition(region: str) -> str:
    """The part of AWS that a region lies in, as it stands in every ARN."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
