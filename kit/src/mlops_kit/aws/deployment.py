"""Deploy the project's pipelines to an environment, or show what a deployment would change.

Deployment is idempotent: the keys of code are hashes of its content, and a pipeline is updated only if it differs from
the deployed one.

Needs the IAM actions s3:ListBucket and s3:PutObject on the bucket; kms:DescribeKey (`diff` needs it, too),
kms:GenerateDataKey and kms:Decrypt on its key;
sagemaker:DescribePipeline, CreatePipeline, UpdatePipeline, ListTags and AddTags on the pipelines, and iam:PassRole on
their role; sagemaker:DescribeModelPackageGroup, CreateModelPackageGroup and AddTags on the group.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import refusals
from mlops_kit.aws.environment import Environment, bind
from mlops_kit.checks import check
from mlops_kit.checks.api_shapes import create_pipeline_shape
from mlops_kit.checks.constraints import violations
from mlops_kit.config.tags import load_tags
from mlops_kit.definition import changes
from mlops_kit.definition.code import code_files
from mlops_kit.definition.compile import compile_all
from mlops_kit.definition.lineage import Lineage, read_lineage
from mlops_kit.project import open_project


@dataclass(frozen=True)
class DesiredPipeline:
    """A pipeline as the project defines it for an environment."""

    name: str
    description: str
    role_arn: str
    tags: dict[str, str]
    definition: dict[str, Any]

    @property
    def request(self) -> dict[str, Any]:
        """The arguments that CreatePipeline and UpdatePipeline share."""
        return {
            "PipelineName": self.name,
            "PipelineDisplayName": self.name,
            "PipelineDescription": self.description,
            "PipelineDefinition": json.dumps(self.definition, ensure_ascii=False, separators=(",", ":")),
            "RoleArn": self.role_arn,
        }


def deploy(
    environment: Environment,
    root: Path,
    lineage: Lineage | None = None,
    say: Callable[[str], None] = print,
    definitions: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Upload the code that is not in the bucket yet, and create or update the pipelines.

    Args:
        environment: where to.
        root: the project's folder.
        lineage: the origin of the definitions; None to read it from the CI's variables or git.
        say: is called with a line for each thing that was done.
        definitions: what `compile_all` returned; None to compile now.

    Returns:
        created, updated or unchanged, for the pipeline of each kind.

    Raises:
        UserError: a definition has a fault, or the environment is not ready.
    """
    environment = refusals.with_key(environment)
    desired = desired_pipelines(environment, root, lineage or read_lineage(root), definitions)
    if faults := find_faults({pipeline.name: pipeline.definition for pipeline in desired.values()}):
        raise UserError("nothing was deployed, because the check finds: " + " ".join(faults))
    say(f"{upload_code(environment, root)} files of code uploaded to s3://{environment.bucket}/code/")
    if create_model_package_group(environment, load_tags(root)):
        say(f"created the model package group {environment.model_package_group}")
    outcomes = {}
    for kind, pipeline in desired.items():
        outcomes[kind] = put_pipeline(environment, pipeline)
        say(f"{outcomes[kind]} {pipeline.name}")
    return outcomes


def diff(environment: Environment, root: Path, lineage: Lineage | None = None) -> dict[str, changes.PipelineChanges]:
    """What `deploy` would change, by kind, for `changes.render`.

    Raises:
        UserError: the configuration is refused.
    """
    environment, lineage = refusals.with_key(environment), lineage or read_lineage(root)
    differences = {}
    for kind, desired in desired_pipelines(environment, root, changes.OPEN_LINEAGE).items():
        deployed = describe(environment, desired.name)
        if deployed is None:
            differences[kind] = changes.PipelineChanges(desired.name, created=True)
        else:
            before, after = _comparable(deployed), _comparable(desired.request)
            differences[kind] = changes.compare(desired.name, before, after, lineage)
    return differences


def desired_pipelines(
    environment: Environment, root: Path, lineage: Lineage, definitions: Mapping[str, str] | None = None
) -> dict[str, DesiredPipeline]:
    """The project's pipelines, compiled and bound to an environment, by kind.

    Args:
        environment: where to.
        root: the project's folder.
        lineage: the origin of the definitions.
        definitions: what `compile_all` returned; None to compile now.

    Raises:
        UserError: the configuration is refused.
    """
    own_tags = {"project": environment.project, "environment": environment.name}
    tags, entries = load_tags(root) | own_tags, open_project(root).pipelines
    pipelines = {
        kind: DesiredPipeline(
            environment.pipeline_name(kind),
            entries[kind].description,
            environment.role_arn,
            tags | {"pipeline": kind},
            bind(json.loads(text), environment, lineage),
        )
        for kind, text in (compile_all(root) if definitions is None else definitions).items()
    }
    for pipeline in pipelines.values():
        if found := next(violations(pipeline.request, create_pipeline_shape()), None):
            raise UserError(f"AWS would refuse the pipeline {pipeline.name}, so nothing was sent: {found}")
    return pipelines


def find_faults(definitions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The faults that the offline check finds, one sentence each, which begins with the definition's name."""
    return [f"{name}: {fault}." for name, definition in definitions.items() for fault in check.check(definition)]


def upload_code(environment: Environment, root: Path) -> int:
    """Upload the files of code that are not in the bucket yet, and return their number."""
    s3, files = environment.client("s3"), code_files(root)
    existing: set[str] = set()
    for folder in {key.rpartition("/")[0] for key in files}:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=environment.bucket, Prefix=f"{folder}/")
        existing |= {entry["Key"] for page in pages for entry in page.get("Contents", [])}
    missing = {key: content for key, content in files.items() if key not in existing}
    for key, content in missing.items():
        s3.put_object(
            Bucket=environment.bucket,
            Key=key,
            Body=content,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=environment.kms_key_arn,
            BucketKeyEnabled=True,
            ExpectedBucketOwner=environment.account_id,
        )
    return len(missing)


def create_model_package_group(environment: Environment, tags: Mapping[str, str]) -> bool:
    """Create the group in which models are registered; False if it exists."""
    sagemaker, name = environment.client("sagemaker"), environment.model_package_group
    try:
        sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        return False
    except ClientError as error:
        if not refusals.is_absent(error):
            raise
    try:
        sagemaker.create_model_package_group(
            ModelPackageGroupName=name,
            ModelPackageGroupDescription=f"The models of {environment.project} in {environment.name}.",
            Tags=_tag_list({**tags, "project": environment.project, "environment": environment.name}),
        )
    except ClientError as error:
        if "already exists" in str(error):  # another deployment has just created it
            return False
        raise
    return True


def put_pipeline(environment: Environment, desired: DesiredPipeline) -> str:
    """Create or update a pipeline if necessary, and return created, updated or unchanged.

    Raises:
        UserError: other deployments keep changing it.
    """
    for _ in range(3):  # another deployment may change it between the two requests
        try:
            return _put_pipeline(environment, desired)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConflictException" and "already exists" not in str(error):
                raise
    raise UserError(f"another deployment is changing {desired.name}; wait until it has ended, then deploy again")


def describe(environment: Environment, name: str) -> dict[str, Any] | None:
    """The answer of DescribePipeline; None if the pipeline is not deployed."""
    try:
        return dict(environment.client("sagemaker").describe_pipeline(PipelineName=name))
    except ClientError as error:
        if refusals.is_absent(error):
            return None
        raise


def _put_pipeline(environment: Environment, desired: DesiredPipeline) -> str:
    sagemaker, deployed = environment.client("sagemaker"), describe(environment, desired.name)
    if deployed is None:
        sagemaker.create_pipeline(**desired.request, Tags=_tag_list(desired.tags))
        return "created"
    different = _comparable(deployed) != _comparable(desired.request)
    if different:
        sagemaker.update_pipeline(**desired.request)
    return "updated" if _add_tags(sagemaker, deployed["PipelineArn"], desired.tags) or different else "unchanged"


def _add_tags(sagemaker: Any, arn: str, tags: Mapping[str, str]) -> bool:
    """Add the tags that a resource lacks, and return whether there were any. Its other tags stay."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    existing = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    missing = {key: value for key, value in tags.items() if existing.get(key) != value}
    if missing:
        sagemaker.add_tags(ResourceArn=arn, Tags=_tag_list(missing))
    return bool(missing)


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _comparable(pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """What can be compared of a pipeline, deployed or requested: all but what AWS adds to it."""
    keys = ("PipelineDisplayName", "PipelineDescription", "RoleArn")
    return {**json.loads(pipeline["PipelineDefinition"]), **{key: pipeline.get(key) for key in keys}}
