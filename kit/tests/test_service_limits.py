"""What AWS refuses, the local cloud refuses: each leniency that moto had, with the smallest request that shows it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from mlops_kit.checks.api_shapes import service
from mlops_kit.checks.constraints import violations
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.service_limits import QUOTAS, SERVICES

Client = Callable[[str], Any]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
ROLE = "arn:aws:iam::123456789012:role/pipeline"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Clients of an empty account, without the checks of boto3, which other SDKs lack."""
    with LocalCloud(tmp_path_factory.mktemp("empty"), empty_account=True) as cloud:

        @cache
        def unchecked(service_name: str) -> Any:
            return boto3.client(
                service_name,
                region_name=cloud.environment.region,
                endpoint_url=cloud.url,
                aws_access_key_id="local",
                aws_secret_access_key="local",
                config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, proxies={}),
            )

        create_role(unchecked, "pipeline")
        yield unchecked


def policy(characters: int) -> str:
    """A policy document of so many characters, white space not counted."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    return document.replace("bucket/", f"bucket/{'x' * (characters - len(document))}") + " " * 99


def package() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", "def handler(event, context): return 1\n")
    return content.getvalue()


def create_function(client: Client, name: str, variables: dict[str, str]) -> None:
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=ROLE,
        Handler="handler.handler",
        Code={"ZipFile": package()},
        Environment={"Variables": variables},
    )


def create_role(client: Client, name: str, **more: Any) -> None:
    client("iam").create_role(**{"RoleName": name, "AssumeRolePolicyDocument": TRUST, **more})


def put_policies(client: Client, sizes: list[int]) -> None:
    for number, size in enumerate(sizes):
        client("iam").put_role_policy(RoleName="pipeline", PolicyName=f"p{number}", PolicyDocument=policy(size))


def tags(*keys: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": "x"} for key in keys]


def environment_of(size: int) -> dict[str, str]:
    """Variables whose JSON has so many bytes."""
    return {"AB": "x" * (size - len('{"AB":""}'))}


def pattern_of(size: int) -> str:
    return json.dumps({"source": ["x" * (size - len('{"source": [""]}'))]})


def create_pipeline(client: Client, name: str, **more: Any) -> None:
    definition = json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": []})
    client("sagemaker").create_pipeline(
        **{
            "PipelineName": name,
            "RoleArn": ROLE,
            "PipelineDefinition": definition,
            "ClientRequestToken": "x" * 32,
            **more,
        }
    )


# What is refused: a request, and a part of AWS's error. Each has a request beside it that is taken.
REFUSED: dict[str, tuple[Callable[[Client], Any], str]] = {
    "a tag of a role whose key differs from another only in case": (
        lambda client: create_role(client, "r1", Tags=tags("project", "Project")),
        "InvalidInput.*Tag keys are case insensitive",
    ),
    "a tag with a character that IAM refuses": (
        lambda client: create_role(client, "r1", Tags=tags("50%")),
        "ValidationError.*regular expression",
    ),
    "a role with a name of 65 characters": (
        lambda client: create_role(client, "r" * 65),
        "ValidationError.*less than or equal to 64",
    ),
    "a trust policy of 2,049 characters": (
        lambda client: create_role(client, "r1", AssumeRolePolicyDocument=policy(2049)),
        "ACLSizePerRole: 2048",
    ),
    "a managed policy of 6,145 characters": (
        lambda client: client("iam").create_policy(PolicyName="p1", PolicyDocument=policy(6145)),
        "PolicySize: 6144",
    ),
    "inline policies of 10,241 characters in all": (
        lambda client: put_policies(client, [5000, 5241]),
        "Maximum policy size of 10240 bytes exceeded for role pipeline",
    ),
    "a function with an environment of 4,097 bytes": (
        lambda client: create_function(client, "f1", environment_of(4097)),
        "exceeded the 4KB limit",
    ),
    "a function with a name of 65 characters": (
        lambda client: create_function(client, "f" * 65, {}),
        "less than or equal to 64",
    ),
    "a rule with a name of 65 characters": (
        lambda client: client("events").put_rule(Name="r" * 65, EventPattern='{"source": ["x"]}'),
        "less than or equal to 64",
    ),
    "a rule with a pattern of 2,049 characters": (
        lambda client: client("events").put_rule(Name="r1", EventPattern=pattern_of(2049)),
        "EventPatternSize: 2048",
    ),
    "a schedule group with an empty tag": (
        lambda client: client("scheduler").create_schedule_group(Name="g1", Tags=[{"Key": "a", "Value": ""}]),
        "greater than or equal to 1",
    ),
    "a key policy of more than 32 KB": (
        lambda client: client("kms").create_key(Policy=policy(32 * 1024 + 1)),
        "KeyPolicySize",
    ),
    "a pipeline whose name has an underscore": (
        lambda client: create_pipeline(client, "my_pipeline"),
        "ValidationException.*at 'PipelineName'.*regular expression",
    ),
    "a pipeline with a description of 3,073 characters": (
        lambda client: create_pipeline(client, "p1", PipelineDescription="x" * 3073),
        "at 'PipelineDescription'.*less than or equal to 3072",
    ),
    "a model package group with a name of 64 characters": (
        lambda client: client("sagemaker").create_model_package_group(ModelPackageGroupName="g" * 64),
        "at 'ModelPackageGroupName'",
    ),
    "a log group with a character that CloudWatch refuses": (
        lambda client: client("logs").create_log_group(logGroupName="/aws/lambda/größe"),
        "regular expression",
    ),
    "a parameter of SSM with a tag of 129 characters": (
        lambda client: client("ssm").put_parameter(Name="/x", Value="x", Type="String", Tags=tags("k" * 129)),
        "less than or equal to 128",
    ),
    "an empty value of a parameter": (
        lambda client: client("sagemaker").start_pipeline_execution(
            PipelineName="any", PipelineParameters=[{"Name": "Trigger", "Value": ""}]
        ),
        "too short .length: 0, required minimum: 1",
    ),
    "a value of a parameter of 1,025 characters": (
        lambda client: client("sagemaker").start_pipeline_execution(
            PipelineName="any", PipelineParameters=[{"Name": "Trigger", "Value": "x" * 1025}]
        ),
        "at 'PipelineParameters.1.member.Value'.*less than or equal to 1024",
    ),
    "a token of 31 characters": (
        lambda client: client("sagemaker").start_pipeline_execution(PipelineName="any", ClientRequestToken="x" * 31),
        "at 'ClientRequestToken'.*greater than or equal to 32",
    ),
    "a message with a subject that is not ASCII": (
        lambda client: client("sns").publish(TopicArn=topic(client), Message="x", Subject="größe"),
        "Invalid parameter: Subject",
    ),
}

ACCEPTED: dict[str, Callable[[Client], Any]] = {
    "tags with different keys": lambda client: create_role(client, "a1", Tags=tags("team", "größe: x/y@z=+-")),
    "a role with a name of 64 characters": lambda client: create_role(client, "a" * 64),
    "a trust policy of 2,048 characters": lambda client: create_role(
        client, "a2", AssumeRolePolicyDocument=policy(2048)
    ),
    "a managed policy of 6,144 characters": lambda client: client("iam").create_policy(
        PolicyName="a1", PolicyDocument=policy(6144)
    ),
    "an environment of 4,096 bytes": lambda client: create_function(client, "a1", environment_of(4096)),
    "a pattern of 2,048 characters": lambda client: client("events").put_rule(Name="a1", EventPattern=pattern_of(2048)),
    "a pipeline with a name of 256 characters": lambda client: create_pipeline(client, "a" * 256),
    "a subject of 99 characters": lambda client: client("sns").publish(
        TopicArn=topic(client), Message="x", Subject="x" * 99
    ),
}


def topic(client: Client) -> str:
    return str(client("sns").create_topic(Name="topic")["TopicArn"])


@pytest.mark.parametrize(("request_", "error"), REFUSED.values(), ids=REFUSED)
def test_what_aws_refuses_is_refused(client: Client, request_: Callable[[Client], Any], error: str) -> None:
    with pytest.raises(ClientError, match=error):
        request_(client)


@pytest.mark.parametrize("request_", ACCEPTED.values(), ids=ACCEPTED)
def test_what_aws_takes_at_the_limit_is_taken(client: Client, request_: Callable[[Client], Any]) -> None:
    request_(client)


def test_inline_policies_count_together_and_a_replaced_one_counts_once(client: Client) -> None:
    create_role(client, "inline")
    for _ in range(2):
        for name in ("a", "b"):
            client("iam").put_role_policy(RoleName="inline", PolicyName=name, PolicyDocument=policy(5120))


def test_a_policy_for_a_role_that_does_not_exist_has_the_error_of_aws(client: Client) -> None:
    with pytest.raises(ClientError, match=r"NoSuchEntity.*nobody"):
        client("iam").put_role_policy(RoleName="nobody", PolicyName="a", PolicyDocument=policy(200))


def test_every_rule_beside_the_models_names_operations_of_a_checked_service() -> None:
    assert {name for name, _ in QUOTAS} <= set(SERVICES)


@given(st.text(max_size=1100))
def test_a_value_breaks_a_constraint_exactly_where_the_model_says_so(value: str) -> None:
    shape = service().operation_model("StartPipelineExecution").input_shape
    found = list(violations({"PipelineParameters": [{"Name": "A", "Value": value}]}, shape))
    assert bool(found) == (len(value) > 1024)
