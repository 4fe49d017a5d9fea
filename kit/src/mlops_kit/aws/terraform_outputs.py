"""What the infrastructure hands over: Terraform leaves names and ids in SSM, so that no file has to repeat them.

Needs the IAM action ssm:GetParametersByPath on the parameter /mlops/<project>/<environment> and on those below.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import refusals
from mlops_kit.aws.environment import HANDED_OVER, LISTS, Environment
from mlops_kit.config.reader import Section


def with_outputs(environment: Environment) -> Environment:
    """The environment with what its infrastructure hands over; what its file gives stays, and so does the rest by rule.

    Raises:
        UserError: the parameters may not be read, or one holds what cannot be.
    """
    if not environment.by_rule:
        return environment
    path = f"/mlops/{environment.project}/{environment.name}"
    handed = Section(_parameters(environment, path), f"the SSM parameters {path}")
    found: dict[str, Any] = {
        fact: handed.texts(fact, *HANDED_OVER[fact]) if fact in LISTS else handed.text(fact, *HANDED_OVER[fact])
        for fact in environment.by_rule
        if fact in handed.names
    }
    return replace(environment, **found, by_rule=tuple(fact for fact in environment.by_rule if fact not in found))


def _parameters(environment: Environment, path: str) -> dict[str, str | list[str]]:
    """What stands below a path of SSM, under the names that environments use; nothing where nothing was applied."""
    pages = environment.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path)
    try:
        parameters = [parameter for page in pages for parameter in page["Parameters"]]
    except ClientError as error:
        if refusals.is_denied(error):
            raise UserError(
                f"the credentials may not read the SSM parameters {path}, where the infrastructure says what it has "
                f"made; ask for ssm:GetParametersByPath, or give in {environment.source}: "
                f"{', '.join(environment.by_rule)}"
            ) from error
        raise
    values = {parameter["Name"].rpartition("/")[2].replace("-", "_"): parameter for parameter in parameters}
    return {
        name: parameter["Value"].split(",") if parameter["Type"] == "StringList" else parameter["Value"]
        for name, parameter in values.items()
    }
