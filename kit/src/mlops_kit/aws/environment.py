"""Environments, and how a definition is bound to one.

A definition is the same for every environment. What differs is a placeholder such as ${bucket}, which is replaced when
the definition is deployed.
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
from mlops_kit.config.reader import ConfigSection
from mlops_kit.config.regions import REGION, partition_of
from mlops_kit.definition.lineage import Lineage
from mlops_kit.definition.offline import offline_import
from mlops_kit.project import open_project

LOCAL = "local"  # the local cloud, which `mlops local up` starts and describes
NO_PROJECT = "definitions"  # the project's name in a folder that is not a project
FUNCTIONS = ("resolve-inputs", "report-data-quality")
XGBOOST_IMAGE = "3.0-5"  # the release of SageMaker's image whose packages requirements.txt pins

# What Terraform creates and publishes (terraform_outputs.py), and its form; an environment's file may override each.
TERRAFORM_OUTPUTS = {
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
    """An AWS account, or the local cloud, and the names of the project's resources in it.

    Attributes:
        image_uri: the image of all jobs; None for SageMaker's own XGBoost image.
        monitor_image_uri: the image of the data-quality check; None for SageMaker's own model monitor.
        endpoint_url: where the local cloud listens; None for AWS.
        derived: the keys of TERRAFORM_OUTPUTS that its file does not set; their values are derived, or empty.
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
    derived: tuple[str, ...] = ()

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
        return f"arn:{partition_of(self.region)}:lambda:{self.region}:{self.account_id}:function:{function}"

    def client(self, service: str) -> Any:
        """A boto3 client for a service of this environment, whatever AWS_ENDPOINT_URL is."""
        if self.endpoint_url is None:
            config = Config(retries={"mode": "standard", "max_attempts": 5}, ignore_configured_endpoint_urls=True)
            return boto3.client(service, region_name=self.region, config=config)
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            # on this machine a second attempt or a proxy would not help
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, proxies={}),
        )


# The value of each placeholder.
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
LISTS = ("subnets", "security_groups")  # as an element of a list, such a placeholder becomes all its elements
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")


def bind(definition: Any, environment: Environment, lineage: Lineage) -> Any:
    """Replace the placeholders of a definition (as read from JSON) with the facts of an environment.

    Raises:
        UserError: a placeholder is unknown, or the environment has no value for it.
    """
    if isinstance(definition, dict):
        return {key: bind(value, environment, lineage) for key, value in definition.items()}
    if isinstance(definition, list):
        return [element for value in definition for element in _elements(value, environment, lineage)]
    if isinstance(definition, str):
        return PLACEHOLDER.sub(lambda match: _text(match[1], environment, lineage), definition)
    return definition


def _elements(value: Any, environment: Environment, lineage: Lineage) -> list[Any]:
    """What one element of a list becomes: all ids, for a placeholder of a list."""
    match = PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    if not match or match[1] not in LISTS:
        return [bind(value, environment, lineage)]
    ids = FACTS[match[1]](environment, lineage)
    if not ids:
        what = match[1].replace("_", " ")
        raise UserError(
            f"{environment.source}: {match[1]} is empty, and Terraform has published no {what}; apply the "
            f"infrastructure, which creates a network (docs/infrastructure.md), or set the private {what} of the jobs"
        )
    return list(ids)


def _text(name: str, environment: Environment, lineage: Lineage) -> str:
    if name not in FACTS:
        raise UserError(f"the definition has the unknown placeholder {name!r}; known are {', '.join(FACTS)}")
    value = FACTS[name](environment, lineage)
    if not isinstance(value, str):
        raise UserError(f"the placeholder {name!r} is a list; write it as an element of a list, without other text")
    return value


def _image_uri(framework: str, environment: Environment, version: str | None = None) -> str:
    """The URI of one of SageMaker's own images in the region of an environment."""
    try:
        return _own_image(framework, environment.region, version)
    except ValueError as error:
        raise UserError(
            f"{environment.source}: SageMaker has no image {framework} in the region {environment.region}; set your "
            f"own as {'image_uri' if version else 'monitor_image_uri'}"
        ) from error


@cache
def _own_image(framework: str, region: str, version: str | None) -> str:
    """The URI from the SDK's own tables; AWS is not called."""
    with offline_import():
        from sagemaker.core import image_uris

    logging.getLogger("sagemaker.core.image_uris").setLevel(logging.WARNING)
    return str(image_uris.retrieve(framework, region, version=version, instance_type="ml.m5.large"))


def load_environment(name: str, root: Path) -> Environment:
    """Read an environment of a project: config/environments/<name>.yaml, or the one that the local cloud describes.

    Raises:
        UserError: there is no such environment, or its file has an unknown key or a value that is not allowed.
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
    section = ConfigSection.of_file(path, root)
    environment = _environment(name, project_name(root), section)
    section.refuse_the_rest()
    _refuse_long_function_names(environment)
    return environment


def project_name(root: Path) -> str:
    """The project's name in config/pipelines.yaml; NO_PROJECT for a folder without config/.

    Raises:
        UserError: the file cannot be read, or the name is refused.
    """
    config = open_project(root).config
    if not config.is_dir():
        return NO_PROJECT
    return ConfigSection.of_file(config / "pipelines.yaml", root).text("project", *names.PROJECT)


def environment_names(root: Path) -> list[str]:
    """The environments that config/environments/ describes."""
    return sorted(path.stem for path in (open_project(root).config / "environments").glob("*.yaml"))


def _environment(name: str, project: str, section: ConfigSection) -> Environment:
    """The environment that a file describes; a name that is not set is derived from the project's and the file's."""
    account = section.text("account_id", r"\d{12}", '12 digits in quotes, for example "123456789012"')
    region = section.text("region", *REGION)
    arn, stem = f"arn:{partition_of(region)}", f"{project}-{name}"
    written = section.names
    environment = Environment(
        name=name,
        project=project,
        account_id=account,
        region=region,
        bucket=section.text_or("bucket", f"{stem}-{account}", *names.BUCKET),
        kms_key_arn=section.text_or("kms_key_arn", f"{arn}:kms:{region}:{account}:alias/{stem}", *names.KEY),
        role_arn=section.text_or("role_arn", f"{arn}:iam::{account}:role/{stem}-pipeline", *names.ROLE),
        subnets=section.texts("subnets", *names.SUBNETS, maximum=names.MAX_SUBNETS),
        security_groups=section.texts("security_groups", *names.SECURITY_GROUPS, maximum=names.MAX_SECURITY_GROUPS),
        model_package_group=section.text_or("model_package_group", stem, *names.MODEL_PACKAGE_GROUP),
        image_uri=section.optional_text("image_uri", *names.IMAGE),
        monitor_image_uri=section.optional_text("monitor_image_uri", *names.IMAGE),
        # not for AWS: an endpoint comes with placeholder credentials
        endpoint_url=section.text("endpoint_url", r"https?://\S+", "a URL") if name == LOCAL else None,
    )
    derived = tuple(fact for fact in TERRAFORM_OUTPUTS if fact not in written or not getattr(environment, fact))
    return replace(environment, derived=derived)


def _refuse_long_function_names(environment: Environment) -> None:
    """The names of functions are always derived, and longer than those of the pipelines."""
    for function in FUNCTIONS:
        name = environment.function_arn(function).rpartition(":")[2]
        if len(name) > names.MAX_FUNCTION_NAME:
            raise UserError(
                f"{environment.source}: the Lambda function {name} would have a name of {len(name)} characters, and "
                f"AWS takes {names.MAX_FUNCTION_NAME}; shorten this file's name, or project in config/pipelines.yaml"
            )
