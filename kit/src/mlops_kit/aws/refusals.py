"""What every command that calls AWS shares: the caller's identity, and AWS's errors as sentences with a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from botocore import exceptions

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import LOCAL, Environment

# SageMaker's message for a pipeline, an execution or a model package group that does not exist; its codes vary.
_ABSENT = re.compile(r"does not exist|not found|could not find", re.IGNORECASE)

_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.NoAuthTokenError,
    exceptions.SSOError,
    exceptions.ProfileNotFound,
)
_BAD_CREDENTIALS = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403")
_THROTTLED = ("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "SlowDown")

_APPLY = "apply the infrastructure first, which creates it (docs/infrastructure.md), or set another as"


@contextmanager
def in_sentences(environment: Environment) -> Iterator[None]:
    """Turn what boto3 raises inside the block into a sentence with a remedy.

    Raises:
        UserError: no credentials, no permission, no answer, or another error of AWS.
    """
    try:
        yield
    except exceptions.ClientError as error:
        raise UserError(_refusal(error, environment)) from error
    except exceptions.BotoCoreError as error:
        raise UserError(_failure(error, environment)) from error


def is_absent(error: exceptions.ClientError) -> bool:
    """Whether AWS refused because the resource does not exist."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code in ("ResourceNotFound", "ValidationException") and bool(_ABSENT.search(message))


def is_denied(error: exceptions.ClientError) -> bool:
    """Whether AWS refused because the caller lacks the permission."""
    return error.response["Error"]["Code"] in _DENIED


def caller(environment: Environment) -> str:
    """The ARN of the caller, whose credentials belong to the environment's account.

    Raises:
        UserError: they belong to another account.
    """
    identity: dict[str, Any] = environment.client("sts").get_caller_identity()
    if identity["Account"] != environment.account_id:
        raise UserError(
            f"the credentials belong to the account {identity['Account']}, and {environment.source} names "
            f"{environment.account_id}; use a profile of that account (AWS_PROFILE), or correct the file"
        )
    return str(identity["Arn"])


def with_key(environment: Environment) -> Environment:
    """The environment with its key's ARN instead of an alias, which volumes of jobs and conditions of policies need.

    Needs the IAM action kms:DescribeKey on the key.
    """
    if ":alias/" not in environment.kms_key_arn:
        return environment
    described = environment.client("kms").describe_key(KeyId=environment.kms_key_arn)
    return replace(environment, kms_key_arn=str(described["KeyMetadata"]["Arn"]))


def _refusal(error: exceptions.ClientError, environment: Environment) -> str:
    """What AWS refused and what to do."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code in _BAD_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}); sign in again, for example with: aws sso login"
    if is_denied(error):
        action = re.search(r"perform: (\S+)", message)
        return (
            f"the credentials may not do {action[1] if action else error.operation_name} in the account "
            f"{environment.account_id}; ask the account's owner for it ({' '.join(message.split())})"
        )
    if code in _THROTTLED:
        return f"AWS throttles requests ({error.operation_name}: {code}); wait a minute, then run the command again"
    if code == "NoSuchBucket":
        return (
            f"there is no bucket {environment.bucket} in the account {environment.account_id}; {_APPLY} bucket in "
            f"{environment.source}"
        )
    if code == "KMS.NotFoundException" or (code, error.operation_name) == ("NotFoundException", "DescribeKey"):
        return f"there is no KMS key {environment.kms_key_arn}; {_APPLY} kms_key_arn in {environment.source}"
    if environment.role_arn in message:
        return (
            f"SageMaker cannot assume the role {environment.role_arn}; {_APPLY} role_arn in {environment.source} "
            f"({' '.join(message.split())})"
        )
    return f"AWS refused {error.operation_name} ({code}): {' '.join(message.split())}"


def _failure(error: exceptions.BotoCoreError, environment: Environment) -> str:
    """Why no request reached AWS, and what to do."""
    if isinstance(error, _NO_CREDENTIALS):
        remedy = "sign in, for example with: aws sso login (or use --env local)"
        return f"there are no usable AWS credentials ({error}); {remedy}"
    if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError)):
        remedy = (
            "is the local cloud up? start it with: mlops local up"
            if environment.name == LOCAL
            else f"check the network, the proxy, and the region {environment.region} in {environment.source}"
        )
        return f"{environment.name} does not answer ({error}); {remedy}"
    return f"the request could not be sent to AWS: {error}"
