"""JSON text with values that are known only when a pipeline runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker.core.helper.pipeline_variable import PipelineVariable
from sagemaker.core.workflow.functions import Join


@dataclass(frozen=True)
class JsonPart:
    """A pipeline variable whose value is JSON text itself, for example a JsonGet of a text that a job has encoded."""

    variable: PipelineVariable


def json_text(document: Any) -> Join:
    r"""A document as JSON on one line, for a field of a request that takes a text.

    Args:
        document: mappings, sequences and scalars; a leaf may be a pipeline variable or a JsonPart. A variable is
            written between quotes as it is, so its value must have no quote, no backslash and no control character:
            ARNs, ids, hashes and S3 URIs made of these have none.
    """
    merged: list[Any] = []
    for piece in _pieces(document):
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return Join(on="", values=merged)


def _pieces(value: Any) -> Iterator[Any]:
    """The text, and the variables in it, in order."""
    if isinstance(value, JsonPart):
        yield value.variable
    elif isinstance(value, Join):
        yield '"'
        for index, inner in enumerate(value.values):  # taken apart: Std:Join takes variables, and no other Std:Join
            yield value.on if index else ""
            yield inner
        yield '"'
    elif isinstance(value, PipelineVariable):
        yield from ('"', value, '"')
    elif isinstance(value, Mapping):
        yield from _enclosed("{", [(json.dumps(str(key)) + ":", inner) for key, inner in value.items()], "}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _enclosed("[", [("", inner) for inner in value], "]")
    else:
        yield json.dumps(value, allow_nan=False)


def _enclosed(start: str, entries: Sequence[tuple[str, Any]], end: str) -> Iterator[Any]:
    yield start
    for index, (before, inner) in enumerate(entries):
        yield ("," if index else "") + before
        yield from _pieces(inner)
    yield end
