"""Refuse what AWS refuses and moto takes: values outside the constraints of a service's model, and documented quotas.

Every request to a service in SERVICES is compared with the model of its operation: the length, the range and the
pattern of each value. The rules in QUOTAS are not in the models:

- SageMaker: a pipeline's parameter must not be empty.
- IAM: keys of tags that differ only in case are duplicates; a managed policy has at most 6,144 characters, the inline
  policies of a role 10,240 in all, a trust policy 2,048, white space not counted.
- Lambda: the name of a function has at most 64 characters, its environment 4 KB.
- EventBridge: the pattern of a rule has at most 2,048 characters.
- KMS: a key policy has at most 32 KB.
- SNS: a subject is printable ASCII.

S3's model has no constraints, and is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from moto.core.utils import get_service_model

from mlops_kit.checks.constraints import violations
from mlops_kit.config.names import MAX_FUNCTION_NAME
from mlops_kit.local_cloud.api import ApiError, Request
from mlops_kit.local_cloud.parsed_requests import ParsedRequest

# S3's and SQS's models have no constraints, and EC2's are not worth the half second that it takes to read them.
SERVICES = (
    "budgets",
    "cloudwatch",
    "dynamodb",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "sagemaker",
    "scheduler",
    "sns",
    "ssm",
)

MAX_ENVIRONMENT = 4096  # bytes of a Lambda function's variables as JSON
MAX_EVENT_PATTERN = 2048  # characters
MAX_KEY_POLICY = 32 * 1024  # bytes
MAX_MANAGED_POLICY, MAX_INLINE_POLICIES, MAX_TRUST_POLICY = 6144, 10240, 2048  # characters without white space

InlinePolicies = Callable[[str], dict[str, str]]


def check_limits(request: ParsedRequest, inline_policies: InlinePolicies) -> None:
    """Check a request.

    Args:
        request: to one of SERVICES.
        inline_policies: returns the inline policies of a role by name.

    Raises:
        ApiError: AWS would refuse it.
    """
    shape = get_service_model(request.service).operation_model(request.operation).input_shape
    found = list(violations(request.parameters, shape)) if shape else []
    if found:
        code = "ValidationError" if request.protocol == "query" else "ValidationException"
        errors = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
        raise ApiError(code, f"{errors} detected: {'; '.join(found)}")
    for (service, operation), check in QUOTAS.items():
        if service == request.service and re.fullmatch(operation, request.operation):
            check(request.parameters)
    if request.operation == "PutRolePolicy":
        _check_inline_policies(request.parameters, inline_policies)


def _check_pipeline_parameters(request: Request) -> None:
    for parameter in request.get("PipelineParameters") or []:
        if parameter.get("Value") == "":
            name = parameter.get("Name")
            raise ApiError(
                "ValidationException", f'parameter {name}: [string "" is too short (length: 0, required minimum: 1)]'
            )


def _check_tags(request: Request) -> None:
    keys = [tag["Key"].lower() for tag in request.get("Tags") or []]
    if len(set(keys)) < len(keys):
        raise ApiError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")


def _check_managed_policy(request: Request) -> None:
    _check_size("PolicySize", _length(request.get("PolicyDocument")), MAX_MANAGED_POLICY)


def _check_trust_policy(request: Request) -> None:
    document = request.get("AssumeRolePolicyDocument") or request.get("PolicyDocument")
    _check_size("ACLSizePerRole", _length(document), MAX_TRUST_POLICY)


def _check_inline_policies(request: Request, inline_policies: InlinePolicies) -> None:
    documents = {**inline_policies(request["RoleName"]), request["PolicyName"]: request["PolicyDocument"]}
    size = sum(map(_length, documents.values()))
    if size > MAX_INLINE_POLICIES:
        raise ApiError(
            "LimitExceeded",
            f"Maximum policy size of {MAX_INLINE_POLICIES} bytes exceeded for role {request['RoleName']}",
        )


def _check_function(request: Request) -> None:
    name = request["FunctionName"].rpartition(":")[2]
    if len(name) > MAX_FUNCTION_NAME:
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: Member must "
            f"have length less than or equal to {MAX_FUNCTION_NAME}",
        )
    variables = (request.get("Environment") or {}).get("Variables") or {}
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > MAX_ENVIRONMENT:
        raise ApiError(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {measured[:200]}...",
        )


def _check_event_pattern(request: Request) -> None:
    _check_size("EventPatternSize", len(request.get("EventPattern") or ""), MAX_EVENT_PATTERN)


def _check_key_policy(request: Request) -> None:
    _check_size("KeyPolicySize", len((request.get("Policy") or "").encode()), MAX_KEY_POLICY)


def _check_subject(request: Request) -> None:
    subject = request.get("Subject")
    if subject is not None and not re.fullmatch(r"(?! )[ -~]{1,99}", subject):
        raise ApiError("InvalidParameter", "Invalid parameter: Subject")


def _check_size(what: str, size: int, maximum: int) -> None:
    if size > maximum:
        raise ApiError("LimitExceeded", f"Cannot exceed quota for {what}: {maximum}")


def _length(document: str | None) -> int:
    """The characters of a policy that IAM counts."""
    return len(re.sub(r"\s", "", document or ""))


# By service and a pattern of operations.
QUOTAS: dict[tuple[str, str], Callable[[Request], None]] = {
    ("sagemaker", "StartPipelineExecution"): _check_pipeline_parameters,
    ("iam", "Create.*|Tag.*"): _check_tags,
    ("iam", "CreatePolicy|CreatePolicyVersion"): _check_managed_policy,
    ("iam", "CreateRole|UpdateAssumeRolePolicy"): _check_trust_policy,
    ("lambda", "CreateFunction|UpdateFunctionConfiguration"): _check_function,
    ("events", "PutRule"): _check_event_pattern,
    ("kms", "CreateKey|PutKeyPolicy"): _check_key_policy,
    ("sns", "Publish"): _check_subject,
}


def error_response(error: ApiError, protocol: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The body and the headers of an error in the form of a protocol."""
    if protocol in ("query", "ec2"):
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{error.code}</Code><Message>{escape(str(error))}</Message>"
            "</Error><RequestId>local</RequestId></ErrorResponse>"
        )
        return body.encode(), [("Content-Type", "text/xml")]
    content: dict[str, Any] = {"__type": error.code, "message": str(error)}
    return json.dumps(content).encode(), [("Content-Type", "application/json"), ("x-amzn-errortype", error.code)]
