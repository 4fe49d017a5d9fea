"""Caching: a step reuses an earlier result only while it is right, and for a duration that SageMaker can parse."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlops_kit.definition.durations import parse_duration
from mlops_kit.definition.model import Definition, Finding, PlacedStep
from mlops_kit.definition.references import expressions

INPUT = re.compile(r"\.(S3Input|S3DataSource|FileSystemDataSource)\.")
VERSION = "DATA_VERSION"


def check(definition: Definition) -> Iterator[Finding]:
    """Check the steps that are cached."""
    for step in definition.steps:
        if step.body.get("CacheConfig", {}).get("Enabled"):
            yield from duration_faults(step)
            yield from _unnoticed_data(definition, step)


def duration_faults(step: PlacedStep) -> Iterator[Finding]:
    """What is wrong with the ExpireAfter of a step whose cache is enabled."""
    expire_after = step.body["CacheConfig"].get("ExpireAfter")
    try:
        parse_duration(expire_after)
    except ValueError:
        yield Finding(step.name, "CacheConfig.ExpireAfter", f"is {expire_after!r}", "give a duration, for example P30D")


def _unnoticed_data(definition: Definition, step: PlacedStep) -> Iterator[Finding]:
    """SageMaker compares requests: other files under the same URI do not change the request."""
    references = list(definition.references(step))
    if _has_data_version(step) or any(
        reference.root == "Steps" and not INPUT.search(path) for path, reference in references
    ):
        return
    for path, reference in references:
        if reference.root == "Parameters" and INPUT.search(path):
            problem = f"is the parameter {reference.name}, and the cache would not notice new data there"
            remedy = f"give Environment.{VERSION} the DataVersion of ResolveInputs, or turn the cache off"
            yield Finding(step.name, path, problem, remedy)


def _has_data_version(step: PlacedStep) -> bool:
    return any(expressions(step.arguments.get("Environment", {}).get(VERSION)))
