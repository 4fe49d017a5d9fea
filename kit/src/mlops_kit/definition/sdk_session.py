"""Use the SageMaker SDK's own step classes in a definition, without AWS and without uploads.

    with sdk_session() as session:
        processor = ScriptProcessor(role="${role_arn}", ..., sagemaker_session=session)
        step = ProcessingStep("Report", step_args=processor.run(code=f"{BUCKET}/{settings.code.jobs}/report.py"))

The SDK's job classes look up the role, upload code and send telemetry while a step is built. Here the role is taken as
it is, nothing is sent, and every other call of AWS is refused by its name.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mlops_jobs.errors import UserError
from mlops_kit.definition.offline import SET, offline_environment

if TYPE_CHECKING:
    from sagemaker.core.workflow.pipeline_context import PipelineSession

BUCKET = "${bucket}"
ROLE = ("iam", "GetRole")  # the one call that is answered: a placeholder is a role's name to the SDK


@contextmanager
def sdk_session() -> Iterator[PipelineSession]:
    """The session for the `sagemaker_session` of the SDK's job classes.

    Raises:
        UserError: code in this context calls AWS, for example to upload a file; the message has the operation.
    """
    import boto3  # here, as the SDK: few definitions need it
    from sagemaker.core.workflow.pipeline_context import PipelineSession

    with sdk_environment():
        boto = boto3.Session(region_name=SET["AWS_DEFAULT_REGION"])
        boto.events.register_first("provide-client-params", _refuse_calls)
        boto.events.register_first("before-call.iam.GetRole", _role)
        session = PipelineSession(boto_session=boto, default_bucket=BUCKET)
        session._default_bucket = BUCKET  # else the SDK asks S3 whether it exists
        yield session


@contextmanager
def sdk_environment() -> Iterator[None]:
    """What the SDK's step classes need while they are built, and again while their pipeline is compiled."""
    from sagemaker.core.telemetry import telemetry_logging

    send, disabled = telemetry_logging._send_telemetry_request, logging.root.manager.disable
    telemetry_logging._send_telemetry_request = _send_nothing  # the documented opt-out takes 5 s for each step
    logging.disable(logging.WARNING)  # each step would log that it starts no job, and where it looked for settings
    try:
        with offline_environment(SAGEMAKER_VALIDATE_ROLE="false"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module=r"sagemaker\.")
            yield
    finally:
        logging.disable(disabled)
        telemetry_logging._send_telemetry_request = send


def refusal(call: str) -> UserError:
    """The error of a step that calls AWS, for example s3:PutObject."""
    return UserError(
        f"a definition is compiled without AWS, and the SDK calls {call} for one of its steps; docs/steps.md lists "
        "which of the SDK's step classes compile, and how"
    )


def _refuse_calls(model: Any, **_: Any) -> None:
    service, operation = model.service_model.service_name, model.name
    if (service, operation) != ROLE:
        raise refusal(f"{service}:{operation}")


def _role(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
    """The answer of iam:GetRole in botocore's form, a response and its content: the name itself as the ARN."""
    return SimpleNamespace(status_code=200), {"Role": {"Arn": params["body"]["RoleName"]}}


def _send_nothing(*_: Any, **__: Any) -> None:
    """Instead of the SDK's telemetry."""
