"""Environments, and how a definition is bound to one.

A definition is the same for every environment. What differs is a placeholder such as ${bucket}, which is replaced when
the definition is deployed.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from mlops_jobs.errors import UserError
from mlops_kit.checks.builtin_image import is_builtin
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
PROCESSING, TRAINING, SERVING = PURPOSES = ("processing", "training", "serving")  # each may have an image of its own

# What Terraform creates and publishes (terraform_outputs.py), and its form; an environment's file may override each.
TERRAFORM_OUTPUTS = {
    "bucket": names.BUCKET,
    "kms_key_arn": names.KEY,
    "role_arn": names.ROLE,
    "model_package_group": names.MODEL_PACKAGE_GROUP,
    "subnets": names.SUBNETS,
    "security_groups": names.SECURITY_GROUPS,
}

OWN_REMEDY = "add it there for every environment, or remove the image here (docs/image.md)"
NOT_OWN_REMEDY = "name your image here, or remove training_image there (docs/image.md)"

Fact = str | tuple[str, ...]


@dataclass(frozen=True)
class Environment:
    """An AWS account, or the local cloud, and the names of the project's resources in it.

    Attributes:
        image_uri: the image of all jobs; None for SageMaker's own XGBoost image.
        images: the image of each of PURPOSES that has another; not together with image_uri.
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
    images: Mapping[str, str] = field(default_factory=dict, hash=False)
    monitor_image_uri: str | None = None
    endpoint_url: str | None = None
    derived: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The file that describes it."""
        return ".local/environment.yaml" if self.name == LOCAL else f"config/environments/{self.name}.yaml"

    def named_image(self, purpose: str) -> str | None:
        """The image that its file names for a purpose; None for SageMaker's own XGBoost image."""
        return self.images.get(purpose) or self.image_uri

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
    "processing_image_uri": lambda environment, _: _image_for(PROCESSING, environment),
    "training_image_uri": lambda environment, _: _xgboost_training_image(environment),
    "own_training_image_uri": lambda environment, _: _own_training_image(environment),
    "serving_image_uri": lambda environment, _: _image_for(SERVING, environment),
    "image_uri": lambda environment, _: _image_of_all(environment),
    "monitor_image_uri": lambda environment, _: (
        environment.monitor_image_uri or _image_uri("model-monitor", environment, "monitor_image_uri")
    ),
    "resolve_inputs_arn": lambda environment, _: environment.function_arn("resolve-inputs"),
    "report_data_quality_arn": lambda environment, _: environment.function_arn("report-data-quality"),
    "git_commit": lambda _, lineage: lineage.git_commit,
    "build_id": lambda _, lineage: lineage.build_id,
    "repository": lambda _, lineage: lineage.repository,
}
TRAINING_IMAGES = ("training_image_uri", "own_training_image_uri", "image_uri")
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


def bind_training_images(definition: Mapping[str, Any], environment: Environment) -> dict[str, Any]:
    """A definition (as read from JSON) with the environment's images of training jobs; other placeholders stay.

    Raises:
        UserError: the environment's image and the setting training_image do not fit.
    """
    text = json.dumps(definition)
    for name in TRAINING_IMAGES:
        placeholder = "${" + name + "}"
        if placeholder in text:
            text = text.replace(placeholder, json.dumps(FACTS[name](environment, Lineage()))[1:-1])
    bound: dict[str, Any] = json.loads(text)
    return bound


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


def _image_for(purpose: str, environment: Environment) -> str:
    """The image of the jobs of a purpose."""
    named = environment.named_image(purpose)
    return named or _image_uri("xgboost", environment, f"images.{purpose}", XGBOOST_IMAGE)


def _image_of_all(environment: Environment) -> str:
    """The one image of all jobs, for a definition that does not tell them apart."""
    images = {_image_for(purpose, environment) for purpose in PURPOSES}
    if len(images) > 1:
        raise UserError(
            f"{environment.source}: images are not the same for each purpose, and the definition has one image for all "
            "jobs, ${image_uri}; write ${processing_image_uri}, ${training_image_uri} and ${serving_image_uri} there"
        )
    return images.pop()


def _xgboost_training_image(environment: Environment) -> str:
    """The image of a training job that follows the rules of SageMaker's XGBoost image."""
    image = _image_for(TRAINING, environment)
    if not is_builtin(image):
        raise UserError(
            f"{_place_of_training(environment)} is {image}, a training image of your own, and config/pipelines.yaml "
            f"lacks training_image: own; {OWN_REMEDY}"
        )
    return image


def _own_training_image(environment: Environment) -> str:
    """The image of a training job that is the team's own. The local cloud needs no image, and has one by name."""
    if environment.name == LOCAL:
        registry = f"{environment.account_id}.dkr.ecr.{environment.region}.amazonaws.com"
        return f"{registry}/{environment.project}:{LOCAL}"
    image = environment.named_image(TRAINING)
    if image is None or is_builtin(image):
        raise UserError(
            f"{_place_of_training(environment)} is {image or 'not set'}, so jobs train in SageMaker's XGBoost image, "
            f"and config/pipelines.yaml has training_image: own; {NOT_OWN_REMEDY}"
        )
    return image


def _place_of_training(environment: Environment) -> str:
    """The file and the key that name the training image."""
    return f"{environment.source}: {'image_uri' if environment.image_uri else f'images.{TRAINING}'}"


def _image_uri(framework: str, environment: Environment, key: str, version: str | None = None) -> str:
    """The URI of one of SageMaker's own images in the region of an environment, whose file may set `key` instead."""
    try:
        return _own_image(framework, environment.region, version)
    except ValueError as error:
        raise UserError(
            f"{environment.source}: SageMaker has no image {framework} in the region {environment.region}; set your "
            f"own as {key}"
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
        images=_images(section),
        monitor_image_uri=section.optional_text("monitor_image_uri", *names.IMAGE),
        # not for AWS: an endpoint comes with placeholder credentials
        endpoint_url=section.text("endpoint_url", r"https?://\S+", "a URL") if name == LOCAL else None,
    )
    if environment.image_uri and environment.images:
        raise UserError(
            f"{section.place}: image_uri is the image of all jobs, and images names one for each purpose; remove one"
        )
    derived = tuple(fact for fact in TERRAFORM_OUTPUTS if fact not in written or not getattr(environment, fact))
    return replace(environment, derived=derived)


def _images(section: ConfigSection) -> dict[str, str]:
    """The images by purpose; empty if the file has none."""
    if "images" not in section.names:
        return {}
    images = section.section("images")
    named = {purpose: images.text(purpose, *names.IMAGE) for purpose in PURPOSES if purpose in images.names}
    images.refuse_the_rest()
    return named


def _refuse_long_function_names(environment: Environment) -> None:
    """The names of functions are always derived, and longer than those of the pipelines."""
    for function in FUNCTIONS:
        name = environment.function_arn(function).rpartition(":")[2]
        if len(name) > names.MAX_FUNCTION_NAME:
            raise UserError(
                f"{environment.source}: the Lambda function {name} would have a name of {len(name)} characters, and "
                f"AWS takes {names.MAX_FUNCTION_NAME}; shorten this file's name, or project in config/pipelines.yaml"
            )
