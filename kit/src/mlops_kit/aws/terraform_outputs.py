"""Terraform publishes names and ids as SSM parameters, so that no file has to repeat them.

Needs the IAM action ssm:GetParametersByPath on the parameter /mlops/<project>/<environment> and on those below.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import refusals
from mlops_kit.aws.environment import LISTS, TERRAFORM_OUTPUTS, Environment
from mlops_kit.config.reader import ConfigSection


def with_outputs(environment: Environment) -> Environment:
    """The environment with the names and ids that Terraform has published, where its file sets none.

    Raises:
        UserError: the parameters may not be read, or one has a value that is not allowed.
    """
    if not environment.derived:
        return environment
    path = f"/mlops/{environment.project}/{environment.name}"
    published = ConfigSection(_parameters(environment, path), f"the SSM parameters {path}")
    outputs: dict[str, Any] = {
        name: (published.texts if name in LISTS else published.text)(name, *TERRAFORM_OUTPUTS[name])
        for name in environment.derived
        if name in published.names
    }
    return replace(environment, **outputs, derived=tuple(name for name in environment.derived if name not in outputs))


def _parameters(environment: Environment, path: str) -> dict[str, str | list[str]]:
    """The parameters below a path, by the names that environments use; none where nothing has been applied."""
    pages = environment.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path)
    try:
        parameters = [parameter for page in pages for parameter in page["Parameters"]]
    except ClientError as error:
        if refusals.is_denied(error):
            raise UserError(
                f"the credentials may not read the SSM parameters {path}, in which Terraform publishes what it has "
                f"created; ask for ssm:GetParametersByPath, or set in {environment.source}: "
                f"{', '.join(environment.derived)}"
            ) from error
        raise
    values = {parameter["Name"].rpartition("/")[2].replace("-", "_"): parameter for parameter in parameters}
    return {
        name: parameter["Value"].split(",") if parameter["Type"] == "StringList" else parameter["Value"]
        for name, parameter in values.items()
    }
