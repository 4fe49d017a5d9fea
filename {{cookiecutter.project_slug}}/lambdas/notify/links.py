"""Addresses in the AWS console, in the partition of the project."""

from __future__ import annotations

import re
from urllib.parse import quote

_CONSOLES = {
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_LOG_GROUPS = {
    "processing-job": "/aws/sagemaker/ProcessingJobs",
    "training-job": "/aws/sagemaker/TrainingJobs",
    "transform-job": "/aws/sagemaker/TransformJobs",
    "hyper-parameter-tuning-job": "/aws/sagemaker/TrainingJobs",  # its training jobs' names start with its own name
}
_ARN = re.compile(r"arn:([\w-]+):\w+:([\w-]*):\d{12}:([\w-]+)[:/]([\w/-]+)")  # partition, region, type, name


def studio(arn: str) -> str:
    """SageMaker Studio, which shows pipelines and executions; AWS documents no addresses of pages inside it."""
    host, region = _host(arn)
    return f"https://{host}/sagemaker/home?region={region}#/studio-landing"


def logs(arn: str) -> str:
    """The log of a job or a Lambda function; empty for anything else."""
    match = _ARN.fullmatch(arn)
    kind, name = match.group(3, 4) if match else ("", "")
    group = f"/aws/lambda/{name}" if kind == "function" else _LOG_GROUPS.get(kind, "")
    if not group:
        return ""
    host, region = _host(arn)
    streams = "" if kind == "function" else f"$3FlogStreamNameFilter$3D{_encode(name)}"
    return f"https://{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{_encode(group)}{streams}"


def _host(arn: str) -> tuple[str, str]:
    """The console's host and the region."""
    partition, region = arn.split(":")[1:4:2]
    return f"{region}.{_CONSOLES.get(partition, 'console.aws.amazon.com')}", region


def _encode(text: str) -> str:
    """Encode a text for a CloudWatch address: twice, with $ instead of %."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")
