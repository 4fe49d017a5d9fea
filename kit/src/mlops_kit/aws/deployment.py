"""Bring the project's pipelines into an environment, or tell what that would change.

To deploy twice is to deploy once: code lies at keys that are hashes of it, and a pipeline is touched only where it
differs from what is deployed.

Needs the IAM actions s3:ListBucket and s3:PutObject on the bucket; kms:DescribeKey (which `diff` needs, too),
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
from mlops_kit.config.tags import load_tags
from mlops_kit.definition import changes
from mlops_kit.definition.code import code_files
from mlops_kit.definition.compile import compile_all
from mlops_kit.definition.lineage import Lineage, read_lineage
from mlops_kit.project import open_project


@dataclass(frozen=True)
class Wanted:
    """A pipeline as it should be in an environment."""

    name: str
    description: str
    role_arn: str
    tags: dict[str, str]
    definition: dict[str, Any]

    @property
    def request(self) -> dict[str, Any]:
        """What CreatePipeline and UpdatePipeline have in common."""
        return {
            "PipelineName": self.name,
            "PipelineDisplayName": self.name,
            "PipelineDescription": self.description,
            "PipelineDefinition": json.dumps(self.definition, ensure_ascii=False, separators=(",", ":")),
            "RoleArn": self.role_arn,
        }


def deploy(
    environment: Environment, root: Path, lineage: Lineage | None = None, say: Callable[[str], None] = print
) -> dict[str, str]:
    """Upload the code that is missing, and create or update the pipelines.

    Args:
        environment: where to.
        root: the project's folder.
        lineage: where the definitions come from; None to ask the CI and git.
        say: where to tell what was done.

    Returns:
        What became of the pipeline of each kind: created, updated or unchanged.

    Raises:
        UserError: the check finds something, or the environment is not ready.
    """
    environment = refusals.with_key(environment)
    wanted = wanted_pipelines(environment, root, lineage or read_lineage(root))
    if faults := find_faults({pipeline.name: pipeline.definition for pipeline in wanted.values()}):
        raise UserError("nothing was deployed, since the check finds: " + " ".join(faults))
    say(f"{upload_code(environment, root)} files of code uploaded to s3://{environment.bucket}/code/")
    if make_model_package_group(environment, load_tags(root)):
        say(f"created the model package group {environment.model_package_group}")
    done = {}
    for kind, pipeline in wanted.items():
        done[kind] = put_pipeline(environment, pipeline)
        say(f"{done[kind]} {pipeline.name}")
    return done


def diff(environment: Environment, root: Path, lineage: Lineage | None = None) -> dict[str, changes.PipelineChanges]:
    """What `deploy` would change, by kind; `changes.render` tells it.

    Raises:
        UserError: the configuration cannot be.
    """
    environment, lineage = refusals.with_key(environment), lineage or read_lineage(root)
    found = {}
    for kind, wanted in wanted_pipelines(environment, root, changes.OPEN_LINEAGE).items():
        deployed = describe(environment, wanted.name)
        if deployed is None:
            found[kind] = changes.PipelineChanges(wanted.name, created=True)
        else:
            found[kind] = changes.compare(wanted.name, _comparable(deployed), _comparable(wanted.request), lineage)
    return found


def wanted_pipelines(environment: Environment, root: Path, lineage: Lineage) -> dict[str, Wanted]:
    """The project's pipelines, compiled and bound to an environment, by kind.

    Raises:
        UserError: the configuration cannot be.
    """
    own_tags = {"project": environment.project, "environment": environment.name}
    tags, entries = load_tags(root) | own_tags, open_project(root).pipelines
    return {
        kind: Wanted(
            environment.pipeline_name(kind),
            entries[kind].description,
            environment.role_arn,
            tags | {"pipeline": kind},
            bind(json.loads(text), environment, lineage),
        )
        for kind, text in compile_all(root).items()
    }


def find_faults(definitions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the offline check finds in definitions, one sentence each that begins with the definition's name."""
    return [f"{name}: {fault}." for name, definition in definitions.items() for fault in check.check(definition)]


def upload_code(environment: Environment, root: Path) -> int:
    """Upload the files of code that are not in the bucket yet, and count them."""
    s3, files = environment.client("s3"), code_files(root)
    there: set[str] = set()
    for folder in {key.rpartition("/")[0] for key in files}:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=environment.bucket, Prefix=f"{folder}/")
        there |= {found["Key"] for page in pages for found in page.get("Contents", [])}
    missing = {key: content for key, content in files.items() if key not in there}
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


def make_model_package_group(environment: Environment, tags: Mapping[str, str]) -> bool:
    """Make the group that models are registered in, where it is not there yet; whether it was made."""
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
        if "already exists" in str(error):  # another deployment was faster
            return False
        raise
    return True


def put_pipeline(environment: Environment, wanted: Wanted) -> str:
    """Create or update a pipeline, or leave it as it is; created, updated or unchanged.

    Raises:
        UserError: others keep changing it meanwhile.
    """
    for _ in range(3):  # another deployment may come between the look and the change
        try:
            return _put_pipeline(environment, wanted)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConflictException" and "already exists" not in str(error):
                raise
    raise UserError(f"another deployment is changing {wanted.name}; wait until it is done, then deploy again")


def describe(environment: Environment, name: str) -> dict[str, Any] | None:
    """A pipeline as DescribePipeline answers; None where it is not deployed."""
    try:
        return dict(environment.client("sagemaker").describe_pipeline(PipelineName=name))
    except ClientError as error:
        if refusals.is_absent(error):
            return None
        raise


def _put_pipeline(environment: Environment, wanted: Wanted) -> str:
    sagemaker, deployed = environment.client("sagemaker"), describe(environment, wanted.name)
    if deployed is None:
        sagemaker.create_pipeline(**wanted.request, Tags=_tag_list(wanted.tags))
        return "created"
    different = _comparable(deployed) != _comparable(wanted.request)
    if different:
        sagemaker.update_pipeline(**wanted.request)
    return "updated" if _add_tags(sagemaker, deployed["PipelineArn"], wanted.tags) or different else "unchanged"


def _add_tags(sagemaker: Any, arn: str, tags: Mapping[str, str]) -> bool:
    """Give a resource the tags that it lacks; whether there were any. Tags of others stay."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    there = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    missing = {key: value for key, value in tags.items() if there.get(key) != value}
    if missing:
        sagemaker.add_tags(ResourceArn=arn, Tags=_tag_list(missing))
    return bool(missing)


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _comparable(pipeline: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline, as deployed or as requested, without what AWS adds to it."""
    about = ("PipelineDisplayName", "PipelineDescription", "RoleArn")
    return {**json.loads(pipeline["PipelineDefinition"]), **{key: pipeline.get(key) for key in about}}
