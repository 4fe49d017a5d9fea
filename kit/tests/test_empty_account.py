"""A local cloud for Terraform, and moto without patches after the cloud has closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.awslambda.models import LambdaFunction
from moto.events.models import Rule

from mlops_kit.aws.environment import TERRAFORM_OUTPUTS
from mlops_kit.data.data_files import put_markers
from mlops_kit.local_cloud.account import create_bucket
from mlops_kit.local_cloud.cloud import LocalCloud

ORIGINALS = (Rule.send_to_targets, LambdaFunction.__init__)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "config").mkdir()
    (folder / "config" / "pipelines.yaml").write_text("project: lab\n", encoding="utf-8")
    with LocalCloud(folder, empty_account=True) as opened:
        yield opened
    assert (Rule.send_to_targets, LambdaFunction.__init__) == ORIGINALS, "closing the cloud removes its patches"


def test_it_contains_no_resources(cloud: LocalCloud) -> None:
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    assert cloud.client("lambda").list_functions()["Functions"] == []
    assert cloud.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_names_are_derived_until_terraform_outputs_replace_them(cloud: LocalCloud) -> None:
    assert cloud.environment.bucket == "lab-local-123456789012"
    assert cloud.environment.subnets == ()
    assert set(cloud.environment.derived) == set(TERRAFORM_OUTPUTS)


def test_a_rule_of_a_security_group_keeps_its_description(cloud: LocalCloud) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="jobs", Description="jobs", VpcId=vpc)["GroupId"]
    pairs = [{"GroupId": group, "Description": "one another"}]
    ranges = [{"CidrIp": "10.0.0.0/16", "Description": "the network"}]
    for permission in ({"UserIdGroupPairs": pairs}, {"IpRanges": ranges}):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", **permission}])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert {rule["Description"] for rule in rules if not rule["IsEgress"]} == {"one another", "the network"}


def test_moto_is_patched_while_the_cloud_is_open(cloud: LocalCloud) -> None:
    assert not {Rule.send_to_targets, LambdaFunction.__init__} & set(ORIGINALS)


def test_a_marker_follows_the_files_where_only_a_marker_starts_a_pipeline(cloud: LocalCloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.environment.bucket
    create_bucket(cloud.environment, bucket)
    put_markers(cloud.environment, ["inference/november"])
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket), "there is no function, so nothing waits for a marker"
    role = cloud.client("iam").create_role(RoleName="start", AssumeRolePolicyDocument='{"Version": "2012-10-17"}')
    cloud.client("lambda").create_function(
        FunctionName=cloud.environment.pipeline_name("start-pipeline"),
        Runtime="python3.12",
        Role=role["Role"]["Arn"],
        Handler="handler.handler",
        Code={"ZipFile": b""},
        Environment={"Variables": {"MARKER": "_READY"}},
    )
    put_markers(cloud.environment, ["inference/november", "inference/november", "labels/november"])
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["data/inference/november/_READY", "data/labels/november/_READY"]
