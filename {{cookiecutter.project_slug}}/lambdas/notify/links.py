"""Where a person looks next: addresses in the AWS console, in whichever partition of AWS the project is."""

from __future__ import annotations

import re
from urllib.parse import quote

_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
_LOG_GROUPS = {
    "processing-job": "/aws/sagemaker/ProcessingJobs",
    "training-job": "/aws/sagemaker/TrainingJobs",
    "transform-job": "/aws/sagemaker/TransformJobs",
    "hyper-parameter-tuning-job": "/aws/sagemaker/TrainingJobs",  # its training jobs, whose names begin like its own
}
_ARN = re.compile(r"arn:([\w-]+):\w+:([\w-]*):\d{12}:([\w-]+)[:/]([\w/-]+)")  # partition, region, type, name


def studio(arn: str) -> str:
    """SageMaker Studio, which has the pipelines and their executions; AWS does not tell the addresses within it."""
    host, region = _host(arn)
    return f"https://{host}/sagemaker/home?region={region}#/studio-landing"


def logs(arn: str) -> str:
    """The log of a job or of a Lambda function; empty for what has none."""
    found = _ARN.fullmatch(arn)
    kind, name = found.group(3, 4) if found else ("", "")
    group = f"/aws/lambda/{name}" if kind == "function" else _LOG_GROUPS.get(kind, "")
    if not group:
        return ""
    host, region = _host(arn)
    only = "" if kind == "function" else f"$3FlogStreamNameFilter$3D{_encoded(name)}"
    return f"https://{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{_encoded(group)}{only}"


def _host(arn: str) -> tuple[str, str]:
    """The console's host and the region."""
    partition, region = arn.split(":")[1:4:2]
    return f"{region}.{_CONSOLES.get(partition, 'console.aws.amazon.com')}", region


def _encoded(text: str) -> str:
    """A text within an address of CloudWatch's: encoded twice, and with $ in place of %."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")
