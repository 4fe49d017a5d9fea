"""Caching: an earlier result is taken only while it is right, for a time that has a form SageMaker knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mlops_kit.definition.model import Definition, Finding, PlacedStep, expressions

DURATION = re.compile(r"(?i)P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?|T(\d+H)?(\d+M)?(\d+S)?")
INPUT = re.compile(r"\.(S3Input|S3DataSource|FileSystemDataSource)\.")
VERSION = "DATA_VERSION"


def check(definition: Definition) -> Iterator[Finding]:
    """Look at the steps that are cached."""
    for step in definition.steps:
        cache = step.body.get("CacheConfig", {})
        if cache.get("Enabled"):
            after = cache.get("ExpireAfter")
            if not (isinstance(after, str) and DURATION.fullmatch(after)):
                remedy = "give a duration, for example P30D"
                yield Finding(step.name, "CacheConfig.ExpireAfter", f"is {after!r}", remedy)
            yield from _blind(definition, step)


def _blind(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    """SageMaker compares requests: other files under the same URI make no other request."""
    references = list(definition.references(step))
    if _tells_version(step.arguments) or any(
        reference.root == "Steps" and not INPUT.search(path) for path, reference in references
    ):
        return
    for path, reference in references:
        if reference.root == "Parameters" and INPUT.search(path):
            problem = f"is the parameter {reference.name}, and the cache would not notice new data there"
            remedy = f"give Environment.{VERSION} the DataVersion of ResolveInputs, or turn the cache off"
            yield Finding(step.name, path, problem, remedy)


def _tells_version(arguments: dict[str, Any]) -> bool:
    return any(kind for _, kind, _ in expressions(arguments.get("Environment", {}).get(VERSION), ""))
